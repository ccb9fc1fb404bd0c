"""Orange-juice elasticities: three fixed-effects regressions beside the engine's.

Run ``python -m benchmarks.quality.elasticities [--rivals-only]``. Every regression is per brand, on log units, with
deal and feature controlled; they differ in what else is held constant.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.quality.data import orange_juice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.tables.arrays import History


@dataclass(frozen=True, kw_only=True)
class BrandSlopes:
    """Elasticities of one specification.

    Parameters
    ----------
    name : str
        What is held constant.
    own : float64[brand]
        Own-price elasticity per brand (sorted labels).
    cross : float64[pair]
        Cross-price elasticities, all pairs; empty where not estimated.
    """

    name: str
    own: NDArray[np.float64]
    cross: NDArray[np.float64]


def fixed_effects(history: History, *, cross: bool = False, week: bool = False) -> BrandSlopes:
    """Regress log units of each brand on log price, deal and feature, with store effects.

    Parameters
    ----------
    history : History
        The orange-juice panel, or one like it in which each sku is in each region.
    cross : bool
        The log prices of all other brands of the store stand beside the own one.
    week : bool
        Effects of each week too: only differences between stores within a week identify the elasticity.
    """
    brands, code = np.unique(history.offers.sku.astype(str), return_inverse=True)
    stores, place = np.unique(history.offers.region.astype(str), return_inverse=True)
    cube = np.full((len(brands), len(stores), len(history.periods)), np.nan)
    cube[code, place] = np.log(history.price)
    own, others = np.empty(len(brands)), []
    for brand in range(len(brands)):
        mine = np.flatnonzero(code == brand)
        store = place[mine]
        columns = [cube[brand, store], *history.drivers[:, mine]]
        if cross:
            columns += [cube[other, store] for other in range(len(brands)) if other != brand]
        units = history.units[mine]
        seen = np.isfinite(units) & (units > 0) & np.isfinite(columns).all(axis=0)
        log_units = np.log(np.where(seen, units, 1.0))
        clean = [_sweep(np.where(seen, values, 0.0), seen, week=week) for values in [*columns, log_units]]
        slope = np.linalg.lstsq(np.stack(clean[:-1], axis=1), clean[-1], rcond=None)[0]
        own[brand] = slope[0]
        others.append(slope[1 + len(history.drivers) :])
    name = "store effects" + (", cross prices" if cross else "") + (", week effects" if week else "")
    return BrandSlopes(name=name, own=own, cross=np.concatenate(others) if cross else np.empty(0))


def _sweep(values: NDArray[np.float64], seen: NDArray[np.bool_], *, week: bool) -> NDArray[np.float64]:
    """Take store means (and week means, by alternating) out of the cells seen; float64[cell]."""
    values = values.copy()
    rows, columns = np.maximum(seen.sum(axis=1, keepdims=True), 1), np.maximum(seen.sum(axis=0, keepdims=True), 1)
    for _ in range(50 if week else 1):
        values = np.where(seen, values - values.sum(axis=1, keepdims=True) / rows, 0.0)
        if week:
            values = np.where(seen, values - values.sum(axis=0, keepdims=True) / columns, 0.0)
    return values[seen]


def engine(history: History) -> BrandSlopes:
    """Fit the engine's model with its defaults; brand means of its own elasticities, every cross elasticity."""
    from pricebid.demand import fit

    found = fit(history, seed=0).elasticities()
    brands, code = np.unique(history.offers.sku.astype(str), return_inverse=True)
    own = np.bincount(code, weights=found.own) / np.bincount(code, minlength=len(brands))
    if not np.isfinite(found.own).all() or (found.own >= 0).any():
        raise SystemExit(f"{int((~(found.own < 0)).sum())} own elasticities are not negative")
    return BrandSlopes(name="engine", own=own, cross=found.value)


def table(rows: list[BrandSlopes]) -> str:
    """Mean over brands, range, and signs, one line per specification."""
    lines = [f"{'specification':32} {'mean':>6} {'lowest':>7} {'highest':>8} {'own < 0':>8} {'cross > 0':>10}"]
    for row in rows:
        positive = f"{(row.cross > 0).mean():10.2f}" if len(row.cross) else f"{'-':>10}"
        lines.append(
            f"{row.name:32} {row.own.mean():6.2f} {row.own.min():7.2f} {row.own.max():8.2f} "
            f"{(row.own < 0).mean():8.2f} {positive}"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rivals-only", action="store_true")
    asked = parser.parse_args(argv)
    history = orange_juice()
    rows = [
        fixed_effects(history),
        fixed_effects(history, cross=True),
        fixed_effects(history, week=True),
    ]
    if not asked.rivals_only:
        rows.append(engine(history))
    print(table(rows))


if __name__ == "__main__":
    main()
