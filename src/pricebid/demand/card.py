"""The card of a fitted model: what people should know before they use it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pricebid.demand.backtest import BacktestResult
    from pricebid.demand.model import DemandModel

_LIMITS = """\
- Prices far outside those that were charged are extrapolated along a constant elasticity: trust small steps more.
- Units can only be told apart from stock where stock was recorded; an unrecorded stock-out looks like weak demand.
- What nobody recorded (a rival's opening, a leaflet, weather) is in the levels and ranges, not in the elasticities.
- A new sku is forecast from its category and region: its range is wide, and rightly so.
- Ranges are for one offer and period. Totals over offers share the movement of their category and are wider than
  independent ranges would add up to.
- Fit again when offers, regions or drivers change, and at least every few periods: levels move.
"""


def card(model: DemandModel, metrics: BacktestResult | None = None) -> str:
    """Write the card as Markdown.

    Parameters
    ----------
    model : DemandModel
        As fitted.
    metrics : BacktestResult, optional
        A backtest of the shop.

    Returns
    -------
    str
    """
    parts = [
        "# Demand model",
        _span(model),
        f"Drivers: {', '.join(model.recipe.driver_names) or 'none'}. Units are {'whole' if model.whole else 'not whole'} numbers.",
        "## Accuracy",
        _accuracy(metrics),
        _calibration(model),
        "## Elasticities",
        _elasticities(model),
        "## How they were identified",
        f"{model.elasticities().specification[:1].upper()}{model.elasticities().specification[1:]}.",
        "## Limits of use",
        _LIMITS.rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


def _span(model: DemandModel) -> str:

    clock = model.clock
    return (
        f"Fitted by pricebid {version('pricebid')} to {len(model.labels[0]):,} offers ({' x '.join(model.columns)}), "
        f"by {clock.frequency}, {clock.first} to {clock.last}."
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) + ("---:",) * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"


def _accuracy(metrics: BacktestResult | None) -> str:
    if metrics is None:
        return "No backtest was kept with this model: `pricebid backtest` makes one."
    names = ("wape", "bias", "rmsse", "pinball", "coverage")
    rows = [(line.forecaster, *(_number(getattr(line, name)) for name in names)) for line in metrics.scores]
    steps = len(metrics.origins[0].periods)
    text = f"Backtest: {len(metrics.origins)} blocks of {steps} periods, {metrics.scores[0].cells:,} cells."
    return f"{text}\n\n{_table(('forecaster', *names), rows)}"


def _calibration(model: DemandModel) -> str:
    found = model.calibration
    if not np.isfinite(found.wape):
        return (
            "The history was too short to hold periods out: ranges and levels are as the model has them, uncalibrated."
        )
    further = ""
    if (found.promoted_spread, found.promoted_level) != (1.0, 1.0):
        further = f" Where an offer is promoted, by {_number(found.promoted_spread)} and {_number(found.promoted_level)} beyond that."
    return (
        f"Held out of the history and forecast before calibration: WAPE {_number(found.wape)}, bias {_number(found.bias)}, "
        f"the 80 % range covered {_number(found.coverage)}. Since then the standard deviation of log units is multiplied by "
        f"{_number(found.spread)}, expected units by {_number(found.level)}.{further}"
    )


def _elasticities(model: DemandModel) -> str:
    found = model.elasticities()
    category = model.tiers.category_of
    names = _categories(model)
    rows: list[tuple[str, ...]] = []
    for c in np.unique(category):
        own = found.own[category == c]
        low, high = np.quantile(own, [0.1, 0.9])
        width = np.mean((found.own_high - found.own_low)[category == c])
        cross = found.value[category[found.offer] == c]
        positive = _number(float((cross > 0).mean()), 2) if len(cross) else "-"
        rows.append(
            (
                names[c],
                f"{len(own):,}",
                _number(float(own.mean()), 2),
                f"{low:.2f} to {high:.2f}",
                _number(width, 2),
                positive,
            )
        )
    head = ("category", "offers", "own, mean", "10 to 90 % of offers", "90 % interval, mean width", "cross > 0, share")
    return _table(head, rows[:50]) + (f"\n\nand {len(rows) - 50} more categories." if len(rows) > 50 else "")


def _categories(model: DemandModel) -> list[str]:
    """Name categories: by their number, and a sku that is in each."""
    sku = model.labels[model.columns.index("sku")]
    first = np.unique(model.tiers.category_of, return_index=True)[1]
    return [f"{c + 1} (with {str(sku[at]).replace('|', '/')})" for c, at in enumerate(first)]
