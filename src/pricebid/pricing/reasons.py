"""Why each price is what it is, in plain words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.pricing.economics import OBJECTIVE
from pricebid.pricing.problem import lagrangian, row_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.pricing.plan import PricePlan

NUDGE = 0.01
_MATTERS = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Effects:
    """What single moves from the plan would change, everything else staying; float64[offer] each.

    Parameters
    ----------
    worth : float64[offer]
        Objective that the move from the current price adds, neighbours included.
    neighbours : float64[offer]
        The part of it that comes from the other offers of the group.
    kept : float64[offer]
        Units at the planned price ÷ units at the current price, the others' prices as planned.
    serves : int[offer]
        The limit that the move from the current price helps most, valued at its shadow price; -1 where none.
    up, down : float64[offer]
        Objective added by 1 % dearer and 1 % cheaper.
    up_net, down_net : float64[offer]
        The same less what the move would use of the limits at their shadow prices.
    drags_up, drags_down : int[offer]
        The limit that the move would use most of; -1 where none has a price.
    """

    worth: NDArray[np.float64]
    neighbours: NDArray[np.float64]
    kept: NDArray[np.float64]
    serves: NDArray[np.intp]
    up: NDArray[np.float64]
    down: NDArray[np.float64]
    up_net: NDArray[np.float64]
    down_net: NDArray[np.float64]
    drags_up: NDArray[np.intp]
    drags_down: NDArray[np.intp]


def effects(plan: PricePlan) -> Effects:
    """Return what single moves from the plan would change."""
    problem, price = plan.problem, plan.price
    ladder = np.stack([price, plan.now, price * (1.0 + NUDGE), price * (1.0 - NUDGE)], axis=1)
    table = problem.table(price, ladder)
    total = table[OBJECTIVE]
    demand = problem.response.options(price, ladder[:, :2])
    sold = problem.economics.sold(demand, problem.response.dispersion)
    own = problem.economics.unit_values(ladder[:, :2], [OBJECTIVE])[OBJECTIVE] * sold
    worth = total[:, 0] - total[:, 1]
    net = lagrangian(table, problem.limits, plan.found.shadow_prices)
    uses = [
        limit.sign * shadow * (row_of(table, limit)[:, 1:] - row_of(table, limit)[:, :1])
        for limit, shadow in zip(problem.limits, plan.found.shadow_prices, strict=True)
    ]
    # Columns: going back to the current price, 1 % dearer, 1 % cheaper.
    drags = np.full((len(price), 3), -1, dtype=np.intp)
    if uses:
        use = np.stack(uses)
        drags = np.where(use.max(axis=0) > 0, use.argmax(axis=0), -1)
    return Effects(
        worth=worth,
        neighbours=worth - (own[:, 0] - own[:, 1]),
        kept=np.divide(sold[:, 0], sold[:, 1], out=np.ones(len(price)), where=sold[:, 1] > 0),
        up=total[:, 2] - total[:, 0],
        down=total[:, 3] - total[:, 0],
        up_net=net[:, 2] - net[:, 0],
        down_net=net[:, 3] - net[:, 0],
        serves=drags[:, 0],
        drags_up=drags[:, 1],
        drags_down=drags[:, 2],
    )


def goal(plan: PricePlan) -> str:
    """Return what the objective is called."""
    weights = dict(zip(("profit", "revenue", "units"), plan.problem.economics.weights, strict=True))
    alone = [name for name, weight in weights.items() if weight]
    return alone[0] if len(alone) == 1 else "objective"


def reasons(plan: PricePlan) -> NDArray[np.object_]:
    """Return one sentence or two per price, object[offer] of str."""
    found = effects(plan)
    moved = plan.changed
    change = 100.0 * (plan.price / plan.now - 1.0)
    pieces = np.full(len(moved), "", dtype=object)
    at = np.flatnonzero(moved)
    pieces[at] = _moves(plan, found, at, change[at])
    still = np.flatnonzero(~moved)
    pieces[still] = _stays(plan, still)
    binding = _binding(plan, found)
    free = ~(plan.offers.locked | plan.planned | plan.held)
    rows = np.flatnonzero(free & (binding != ""))
    pieces[rows] = [f"{text}; {more}" for text, more in zip(pieces[rows], binding[rows], strict=True)]
    short = np.flatnonzero(plan.demand[1] - plan.outcomes[1]["units"] > 0.005 * np.maximum(plan.demand[1], 1e-9))
    lost = (plan.demand[1] - plan.outcomes[1]["units"])[short]
    pieces[short] = [f"{text}; stock loses {units:,.1f} units" for text, units in zip(pieces[short], lost, strict=True)]
    return pieces


def _moves(plan: PricePlan, found: Effects, at: NDArray[np.intp], change: NDArray[np.float64]) -> list[str]:
    """Sentences for prices that move: what demand says, what is kept, what it is worth."""
    elasticity, deviation = plan.problem.response.elasticity()
    economics = plan.problem.economics
    revenue = economics.unit_revenue(plan.now)
    margin = 100.0 * (1.0 - (economics.cost + economics.shipping) / revenue)
    name = goal(plan)
    titles = np.array([*(limit.title for limit in plan.problem.limits), ""], dtype=object)
    values = np.stack([change, elasticity[at], deviation[at], margin[at], 100.0 * found.kept[at]], axis=1)
    money = np.stack([found.worth[at], found.neighbours[at]], axis=1)
    serves = titles[found.serves[at]]
    return [
        _demand(name, *row) + _worth(name, gain[0], gain[1], limit)
        for row, gain, limit in zip(values.tolist(), money.tolist(), serves, strict=True)
    ]


def _demand(name: str, change: float, elasticity: float, deviation: float, margin: float, kept: float) -> str:
    """Say how far the price moves, what demand says to that, and which share of the units is kept."""
    text = f"{'raised' if change > 0 else 'lowered'} {abs(change):.1f} %: elasticity {elasticity:.1f} ± {deviation:.1f}"
    if name == "profit" and np.isfinite(margin) and elasticity < -1:
        text += f" pays for a margin near {100.0 / -elasticity:.0f} %, at the current price it is {margin:.0f} %"
    elif elasticity >= -1 and change > 0:
        text += ": demand is inelastic"
    return f"{text}; sells {kept:.0f} % of the units"


def _worth(name: str, worth: float, neighbours: float, serves: str) -> str:
    """Say what the move is worth by itself."""
    text = f", {name} {worth:+,.2f}"
    if abs(neighbours) > 0.05 * abs(worth) and abs(neighbours) >= 0.005:
        text += f", of it {neighbours:+,.2f} from its neighbours"
    if worth < 0 and serves:
        text += f", which {serves} needs"
    return text


def _stays(plan: PricePlan, still: NDArray[np.intp]) -> list[str]:
    """Sentences for prices that stay."""
    single = plan.problem.ladder.sizes <= plan.problem.ladder.keep.astype(np.int64)
    codes = np.select([plan.offers.locked, plan.planned, plan.held, single], [0, 1, 2, 3], default=4)[still]
    texts = (
        "stays: locked",
        "as planned, not optimised",
        "",
        "stays: the rules leave no other price",
        "stays: no allowed price brings more",
    )
    changes = [
        (shadow, limit)
        for shadow, limit in zip(plan.found.shadow_prices, plan.problem.limits, strict=True)
        if limit.name == "changes"
    ]
    if changes and changes[0][0] > 0:
        texts = (
            *texts[:4],
            f"stays: a change must bring {changes[0][0]:,.2f} to be among those of {changes[0][1].title}",
        )
    return [_held(plan, int(at)) if code == 2 else texts[code] for code, at in zip(codes, still, strict=True)]


def _held(plan: PricePlan, at: int) -> str:
    low, high = plan.allowed.bounds[plan.allowed.low[at]], plan.allowed.bounds[plan.allowed.high[at]]
    least, most = low.least[at], high.most[at]
    if least > most:
        return (
            f"held at the current price: {low.name} needs at least {least:.4g}, {high.name} allows at most {most:.4g}"
        )
    return (
        f"held at the current price: the rules leave none between {least:.4g} ({low.name}) and {most:.4g} ({high.name})"
    )


def _binding(plan: PricePlan, found: Effects) -> NDArray[np.object_]:
    """Return what keeps each price from moving on, and what 1 % more would bring; object[offer], empty where nothing."""
    texts = np.full(len(plan.price), "", dtype=object)
    scale = _MATTERS * max(1.0, abs(plan.found.value)) / max(1, len(plan.price))
    names = [limit.title for limit in plan.problem.limits]
    tie_up, tie_down = _ties(plan)
    bottom, top = plan.problem.ladder.ends()
    for word, gain, net, drag, end, bound, tie in (
        ("dearer", found.up, found.up_net, found.drags_up, plan.price >= top - 1e-9, plan.allowed.high, tie_up),
        ("cheaper", found.down, found.down_net, found.drags_down, plan.price <= bottom + 1e-9, plan.allowed.low, tie_down),
    ):  # fmt: skip
        for at in np.flatnonzero((net > scale) & (end | (tie != ""))):
            name = tie[at] or plan.allowed.bounds[bound[at]].name
            worth = f"would bring {gain[at]:+,.2f}"
            if gain[at] <= 0:  # not for its own sake, but for what it would free of a limit
                worth = f"would be worth {net[at]:+,.2f} for the limits"
            texts[at] = f"{name} ends it: 1 % {word} {worth}"
        held = (texts == "") & (gain > 10.0 * scale) & (gain - net > 0.5 * gain) & (drag >= 0)
        for at in np.flatnonzero(held):
            texts[at] = f"{names[drag[at]]} holds it: 1 % {word} would bring {gain[at]:+,.2f} but for that"
    return texts


def _ties(plan: PricePlan) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the rule between prices that keeps each price from going up, and down; object[offer], empty where none."""
    up, down = np.full((2, len(plan.price)), "", dtype=object)
    for name, dear, cheap in plan.problem.side.breaches(plan.price, slack=NUDGE):
        up[dear], down[cheap] = name, name
    return up, down
