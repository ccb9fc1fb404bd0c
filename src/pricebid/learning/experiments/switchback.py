"""Switchback experiments: schedules of region x period, and their readout with carry-over left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Plan = Literal["balanced", "independent", "minimax"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """Which variant each region has in each period.

    Parameters
    ----------
    regions, variants : tuple of str
        Labels; the first variant is the control.
    variant : int64[region, period]
        Position in ``variants``.
    blocks : int64[period]
        Number of the block a period lies in: variants may switch where it changes.
    burn_in : bool[region, period]
        The variant before may still act: the period will be left out.
    propensity : float
        Probability of each cell's variant.
    """

    regions: tuple[str, ...]
    variants: tuple[str, ...]
    variant: Ints
    blocks: Ints
    burn_in: NDArray[np.bool_]
    propensity: float

    def to_frame(self, *, experiment: str, times: NDArray[np.datetime64]) -> pd.DataFrame:
        """Return one row per region and period with the columns of ``experiments``, the outcome to be filled in.

        Parameters
        ----------
        experiment : str
            Its name.
        times : datetime64[period]
            When each period begins.
        """
        import pandas as pd

        regions, periods = self.variant.shape
        return pd.DataFrame(
            {
                "experiment": experiment,
                "unit": np.repeat(np.array(self.regions, dtype=object), periods),
                "variant": np.array(self.variants, dtype=object)[self.variant.ravel()],
                "time": np.tile(times.astype("datetime64[s]"), regions),
                "propensity": self.propensity,
                "block": np.tile(self.blocks, regions),
                "burn_in": self.burn_in.ravel().astype(int),
            }
        )


def make_schedule(
    regions: Sequence[str],
    periods: int,
    rng: np.random.Generator,
    *,
    variants: Sequence[str] = ("control", "treatment"),
    block: int = 1,
    carry_over: int = 0,
    plan: Plan = "balanced",
) -> Schedule:
    """Draw a switchback schedule.

    Parameters
    ----------
    regions : sequence of str
        Units that switch, each on its own.
    periods : int
        Days, or whatever a period is.
    rng : numpy.random.Generator
        Of the draws.
    variants : sequence of str
        The control first; equal shares.
    block : int
        Periods between two possible switches; longer than ``carry_over``, or nothing is left of a block.
    carry_over : int
        Periods for which a variant acts after it ended (Bojinov, Simchi-Levi and Zhao 2023, order m).
    plan : {"balanced", "independent", "minimax"}
        ``balanced``: every run of as many blocks as there are variants holds each once, in random order. ``independent``:
        each block is drawn on its own. ``minimax``: the design of Bojinov et al.: independent draws, the first block 2 m
        long, the others m, the last 2 m, for m = max(carry_over, 1).

    Raises
    ------
    InputError
        The blocks are too short or too few, or names are there twice.
    """
    names, kinds = tuple(regions), tuple(variants)
    wrong = []
    if len(set(names)) < len(names) or not names:
        wrong.append("regions must be there once each, and at least one")
    if len(set(kinds)) < len(kinds) or len(kinds) < 2:
        wrong.append("variants must be two or more, there once each")
    if carry_over < 0:
        wrong.append(f"carry_over {carry_over} must be 0 or more periods")
    if plan != "minimax" and block <= carry_over:
        wrong.append(f"block {block} must be longer than carry_over {carry_over}: nothing of a block would be left")
    blocks = _blocks(periods, block, carry_over, plan)
    many = int(blocks[-1]) + 1 if len(blocks) else 0
    if many < len(kinds):
        wrong.append(f"{periods} periods hold {many} blocks; at least {len(kinds)} are needed, one per variant")
    if wrong:
        raise InputError("; ".join(wrong))
    if plan == "balanced":
        runs = -(-many // len(kinds))
        drawn = np.tile(np.arange(len(kinds)), (len(names), runs, 1))
        by_block = rng.permuted(drawn, axis=2).reshape(len(names), -1)[:, :many]
    else:
        by_block = rng.integers(0, len(kinds), (len(names), many))
    variant = by_block[:, blocks].astype(np.int64)
    return Schedule(
        regions=names,
        variants=kinds,
        variant=variant,
        blocks=blocks,
        burn_in=~settled(variant, carry_over),
        propensity=1.0 / len(kinds),
    )


def _blocks(periods: int, block: int, carry_over: int, plan: Plan) -> Ints:
    at = np.arange(periods)
    if plan != "minimax":
        return at // max(block, 1)
    order = max(carry_over, 1)
    last = max(periods // order - 3, 0)
    return np.clip(at // order - 1, 0, last).astype(np.int64)


def settled(variant: Ints, carry_over: int) -> NDArray[np.bool_]:
    """Tell which cells had the same variant in all of the last ``carry_over`` periods too, bool[..., region, period].

    The first periods count as not settled: what was before is not known. An absent cell (-1) is not settled.
    """
    same = variant >= 0
    for lag in range(1, carry_over + 1):
        before = np.full(variant.shape, -1)
        before[..., lag:] = variant[..., :-lag]
        same = same & (variant == before)
    return same
