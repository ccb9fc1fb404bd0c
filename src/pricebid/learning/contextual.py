"""What contextual learners share: outcomes as arrays, scores of options, and the law that these give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.learning import drawing
from pricebid.learning.drawing import draw, draw_many
from pricebid.learning.features import read_context
from pricebid.learning.forgetting import read_times

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pricebid.learning.features import FeatureMap
    from pricebid.learning.protocol import Outcome, Pick, Picks

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

CELLS = 1_000_000  # numbers that a batch holds at a time: 8 MB
ROWS = 4_096  # outcomes that are folded in at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Feedback:
    """Outcomes as arrays.

    Parameters
    ----------
    features : float64[outcome, width]
        Of the option that was picked, in its context.
    block : int64[outcome]
        Whose parameters these meet.
    option : int64[outcome]
        What was picked.
    reward, time : float64[outcome]
        What it brought, and when it was picked.
    """

    features: Floats
    block: Ints
    option: Ints
    reward: Floats
    time: Floats


def lay_out(outcomes: Sequence[Outcome], features: FeatureMap, latest: float) -> Feedback:
    """Check outcomes and lay them out.

    Parameters
    ----------
    outcomes : sequence of Outcome
        At least one.
    features : FeatureMap
        Of the model.
    latest : float
        Time of the latest feedback before.

    Raises
    ------
    InputError
        An option, a context, a reward or a time makes no sense.
    """
    option, reward = drawing.read_feedback(outcomes, features.options)
    context = np.concatenate([read_context(outcome.context, features.context) for outcome in outcomes])
    return Feedback(
        features=features.of(context, option),
        block=features.block[option],
        option=option,
        reward=reward,
        time=read_times(outcomes, latest),
    )


def laws_of_draws(scores: Floats, mask: Bools | None) -> Floats:
    """Give the share of draws in which each option scores highest.

    Parameters
    ----------
    scores : float64[choice, draw, option]
        Of each draw.
    mask : bool[option] or bool[choice, option], optional
        Options that may be picked.

    Returns
    -------
    float64[choice, option]
        Each row sums to 1.
    """
    choices, draws, options = scores.shape
    if mask is not None:
        scores = np.where(mask if mask.ndim == 1 else mask[:, None, :], scores, -np.inf)
    best = scores.argmax(axis=2) + np.arange(choices)[:, None] * options
    laws: Floats = np.bincount(best.ravel(), minlength=choices * options).reshape(choices, options) / draws
    return laws


def laws_of_bounds(scores: Floats, mask: Bools | None) -> Floats:
    """Give all probability to the highest score, in equal parts where several are the highest.

    Parameters
    ----------
    scores : float64[choice, option]
        Upper bounds.
    mask : bool[option] or bool[choice, option], optional
        Options that may be picked.
    """
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    best = scores == scores.max(axis=1, keepdims=True)
    laws: Floats = best / best.sum(axis=1, keepdims=True)
    return laws


def pick_one(
    law: Callable[[Floats, Bools | None], Floats], context: Floats, mask: Bools | None, rng: np.random.Generator
) -> Pick:
    """Pick from the law of one context."""
    return draw(law(context, mask)[0], rng)


def pick_many(
    law: Callable[[Floats, Bools | None], Floats],
    context: Floats,
    mask: Bools | None,
    rng: np.random.Generator,
    n: int,
    *,
    cells: int,
) -> Picks:
    """Pick ``n`` times, each choice from a law of its own.

    Parameters
    ----------
    law : callable
        Laws float64[choice, option] for contexts float64[choice, feature] under a mask.
    context : float64[1 or choice, feature]
        One for all, or one for each.
    mask : bool[option] or bool[choice, option], optional
        Options that may be picked.
    rng : numpy Generator
        Draws the options.
    n : int
        How many choices.
    cells : int
        Numbers that ``law`` holds per choice: says how many choices go at a time.
    """
    rows = np.broadcast_to(context, (n, context.shape[1]))
    at_a_time = max(1, CELLS // max(cells, 1))
    laws = [
        law(
            rows[begin : begin + at_a_time], mask if mask is None or mask.ndim == 1 else mask[begin : begin + at_a_time]
        )
        for begin in range(0, max(n, 1), at_a_time)
    ]
    return draw_many(np.concatenate(laws), rng, n, np.arange(n))
