"""How far each price may move by itself so that rules between prices hold whatever the others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.pricing.side import SideRules

    Floats = NDArray[np.float64]


def room(side: SideRules, price: Floats, reach: float) -> tuple[Floats, Floats]:
    """Return the lowest and the highest price of each offer, float64[offer] each, within a reach around prices that keep all rules.

    Any prices inside keep every rule: what a rule has to spare is shared out between its two sides, in logarithms.

    Parameters
    ----------
    side : SideRules
        Rules between two prices.
    price : float64[offer]
        Keeps them.
    reach : float
        Share by which a price may move where no rule binds.
    """
    middle = np.log(price)
    up, down = np.full(len(price), np.log1p(reach)), np.full(len(price), -np.log1p(-reach))
    for pair in side.pairs:
        spare = np.maximum(np.log(pair.factor) + middle[pair.high] - middle[pair.low], 0.0)
        wanted = up[pair.low] + down[pair.high]
        scale = np.where(wanted > spare, spare / np.where(wanted > 0, wanted, 1.0), 1.0)
        np.minimum.at(up, pair.low, up[pair.low] * scale)
        np.minimum.at(down, pair.high, down[pair.high] * scale)
    for rule in side.spreads:
        member = (rule.group >= 0) & rule.accompanied
        lowest, highest = (np.log(np.where(member, end, 1.0)) for end in rule.ends(price, price))
        spare = np.maximum(np.log1p(rule.at_most) - (highest - lowest), 0.0)
        up = np.where(member, np.minimum(up, np.maximum(highest + 0.5 * spare - middle, 0.0)), up)
        down = np.where(member, np.minimum(down, np.maximum(middle - lowest + 0.5 * spare, 0.0)), down)
    return price * np.exp(-down), price * np.exp(up)
