"""Numbers as people read them: money, shares, changes, ranges."""

from __future__ import annotations

import math


def money(value: float, currency: str = "") -> str:
    """Write an amount with a sensible number of decimals.

    >>> money(1234567.8, "EUR"), money(12.345), money(float("nan")), money(-0.001)
    ('1,234,568 EUR', '12.35', '-', '0.00')
    """
    if not math.isfinite(value):
        return "-"
    digits = 2 if abs(value) < 1000 else 0
    return f"{round(value, digits) + 0.0:,.{digits}f}" + (f" {currency}" if currency else "")


def count(value: float) -> str:
    """Write a number of units.

    >>> count(12345.6), count(3.21), count(float("nan"))
    ('12,346', '3.2', '-')
    """
    if not math.isfinite(value):
        return "-"
    return f"{value:,.1f}" if abs(value) < 100 and value != round(value) else f"{value:,.0f}"


def share(value: float) -> str:
    """Write a share as a percentage.

    >>> share(0.1234), share(float("nan"))
    ('12.3 %', '-')
    """
    return f"{100 * value:.1f} %" if math.isfinite(value) else "-"


def change(value: float, digits: int = 1) -> str:
    """Write a relative change with its sign.

    >>> change(0.052), change(-0.004), change(-0.0004), change(float("nan"))
    ('+5.2 %', '-0.4 %', '+0.0 %', '-')
    """
    if not math.isfinite(value):
        return "-"
    return f"{round(100 * value, digits) + 0.0:+.{digits}f} %"  # what rounds to nothing has no minus


def relative(new: float, old: float) -> float:
    """Give new over old minus 1; NaN where there is no old.

    >>> relative(11.0, 10.0) > 0.0999, math.isnan(relative(1.0, 0.0))
    (True, True)
    """
    return new / old - 1.0 if old else math.nan


def tiny(value: float) -> str:
    """Write a gap or another number near 0.

    >>> tiny(0.0), tiny(0.00012), tiny(0.034), tiny(3.2e-8)
    ('0', '0.012 %', '3.4 %', '3.2e-08')
    """
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "-"
    return f"{100 * value:.2g} %" if abs(value) >= 1e-5 else f"{value:.1e}"
