"""What every policy does at its edges: read masks and feedback, and draw options from a law that it can state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.ids import frozen
from pricebid.learning.protocol import Pick, Picks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


def read_mask(available: ArrayLike | None, options: int, *, choices: int | None = None) -> Bools | None:
    """Check a mask of allowed options.

    Parameters
    ----------
    available : bool[option] or bool[choice, option], optional
        As given to ``choose`` or ``choose_many``.
    options, choices : int
        How many there are; without ``choices`` one mask is due.

    Returns
    -------
    bool[option] or bool[choice, option] or None
        None where every option is allowed.

    Raises
    ------
    InputError
        Of another shape or kind, or with nothing allowed; or choices below 0.
    """
    if choices is not None and choices < 0:
        raise InputError(f"n is {choices!r}; give how many choices to make, 0 or more")
    if available is None:
        return None
    mask = np.asarray(available)
    shapes = [(options,)] if choices is None else [(options,), (choices, options)]
    if mask.dtype != np.bool_ or mask.shape not in shapes:
        due = " or ".join(f"bool{list(shape)}" for shape in shapes)
        raise InputError(f"available is {mask.dtype}{list(mask.shape)}; give {due}, True where an option may be picked")
    if not mask.any(axis=-1).all():
        raise InputError("available allows no option; leave at least one True in every mask")
    return None if mask.all() else mask


def grouped(mask: Bools | None) -> tuple[Bools | None, Ints | None]:
    """Give the different masks among those of many choices, bool[group, option], and the group of each choice."""
    if mask is None or mask.ndim == 1:
        return mask, None
    packed = np.ascontiguousarray(np.packbits(mask, axis=1))
    _, first, group = np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_index=True, return_inverse=True)
    return mask[first], group


def draw(law: Floats, rng: np.random.Generator) -> Pick:
    """Draw one option from a law, float64[option] that sums to 1; one uniform number is taken."""
    # Scaled by the sum as rounded, so that an option without probability is never drawn.
    total = law.cumsum()
    option = int(total.searchsorted(rng.random() * total[-1], side="right"))
    return Pick(option=option, probabilities=frozen(law), propensity=float(law[option]))


def draw_many(laws: Floats, rng: np.random.Generator, n: int, group: Ints | None = None) -> Picks:
    """Draw ``n`` options; one uniform number each is taken.

    Parameters
    ----------
    laws : float64[option] or float64[group, option]
        One law for all, or one per group.
    rng : numpy Generator
        What chance comes from.
    n : int
        How many choices.
    group : int64[choice], optional
        Whose law each choice has, where there is one per group.
    """
    uniform = rng.random(n)
    if group is None:
        total = laws.cumsum()
        option = total.searchsorted(uniform * total[-1], side="right")
        told = np.broadcast_to(laws, (n, laws.shape[-1]))
        return Picks(option=frozen(option), probabilities=told, propensity=frozen(laws[option]))
    total = laws.cumsum(axis=1)
    option = (total[group] <= (uniform * total[group, -1])[:, None]).sum(axis=1)
    return Picks(option=frozen(option), probabilities=frozen(laws[group]), propensity=frozen(laws[group, option]))


def best_shares(worth: Floats, mask: Bools | None) -> Floats:
    """Give the share of draws in which each option is best: the law of a Thompson policy given its draws.

    Parameters
    ----------
    worth : float64[draw, option]
        What each option is worth in each draw from the posterior.
    mask : bool[option], optional
        Options that may be picked.

    Returns
    -------
    float64[option]
        Sums to 1; 0 where masked.
    """
    if mask is not None:
        worth = np.where(mask, worth, -np.inf)
    return np.bincount(worth.argmax(axis=1), minlength=worth.shape[1]) / len(worth)


def read_feedback(outcomes: Sequence[Outcome], options: int, products: int | None = None) -> tuple[Ints, Floats]:
    """Check outcomes and lay them out as arrays.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Feedback.
    options, products : int
        How many there are; without ``products`` the units are one number each, the reward.

    Returns
    -------
    option : int64[outcome]
        Picked.
    units : float64[outcome] or float64[outcome, product]
        What came.

    Raises
    ------
    InputError
        Options that do not exist, units of another shape or not finite: all of them.
    """
    shape = () if products is None else (products,)
    units = np.zeros((len(outcomes), *shape))
    option = np.zeros(len(outcomes), dtype=np.int64)
    faults: list[str] = []
    for at, outcome in enumerate(outcomes):
        picked: object = outcome.option  # a caller without a type checker may give anything
        if isinstance(picked, int | np.integer) and 0 <= picked < options:
            option[at] = picked
        else:
            faults.append(f"option is {picked!r}: give a whole number from 0 to {options - 1}")
        try:
            got = np.asarray(outcome.units, dtype=np.float64)
        except (TypeError, ValueError):
            faults.append(f"units are {outcome.units!r}: give {list(shape) or 'one number'}")
            continue
        if got.shape == shape or (got.ndim <= 1 and got.size == 1 and products in (None, 1)):
            units[at] = got.reshape(shape)
        else:
            faults.append(f"units have shape {list(got.shape)}: give {list(shape) or 'one number'}")
    if not np.isfinite(units).all():
        faults.append("units must be finite numbers")
    if faults:
        raise InputError("outcomes: " + "; ".join(dict.fromkeys(faults)))
    return option, units


def per_option(given: ArrayLike, options: int, name: str, *, above: float = -np.inf) -> Floats:
    """Give one number per option, read-only.

    Raises
    ------
    InputError
        Of another length, not finite, or not above the bound.
    """
    array = np.array(given, dtype=np.float64)
    if array.ndim > 1 or array.size not in {1, options}:
        raise InputError(f"{name} has shape {list(array.shape)}; give one number, or one for each of {options} options")
    if not (np.isfinite(array) & (array > above)).all():
        rule = "finite" if np.isneginf(above) else f"finite and above {above:g}"
        raise InputError(f"{name} is {array.tolist()}; every number must be {rule}")
    return frozen(np.broadcast_to(array, (options,)).copy())
