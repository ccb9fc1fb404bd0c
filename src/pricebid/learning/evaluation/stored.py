"""A learner as it was stored, as a candidate: the law that its state gives for each logged decision."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import InputError
from pricebid.policy import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.learning.evaluation.candidate import Candidate
    from pricebid.tables.decisions import DecisionLog

    Floats = NDArray[np.float64]

_ROWS = 2_000  # decisions whose laws are made at a time


def stored_law(candidate: Candidate, log: DecisionLog, rng: np.random.Generator) -> Floats:
    """Return the law of a stored learner for every logged decision, float64[decision, option].

    The state stays as it is: this is what the learner would do now, not how it would go on learning (for that, see
    `pricebid.learning.evaluation.replay`).

    Keys of the candidate: ``learner`` (a class of `pricebid.learning`), ``state`` (a file of `save_state`, beside the
    candidate's file), ``options`` (labels of its options, in its order), ``context`` (columns in its order), ``constant`` (a 1
    before them), ``parameters`` (of the class).

    Parameters
    ----------
    candidate : Candidate
        Of kind ``learner``.
    log : DecisionLog
        Whose decisions it is to take.
    rng : numpy.random.Generator
        Of its posterior draws.

    Raises
    ------
    InputError
        The class, its parameters, options or columns do not fit.
    ModelError
        The stored state is damaged, or of another learner.
    """
    from pricebid.learning.saving import load_state

    told = dict(candidate.learner or {})
    labels = [str(one) for one in told["options"]]
    lost = [one for one in labels if one not in log.options.tolist()]
    if lost:
        raise InputError(f"options {', '.join(lost)} of the learner are not in the log: add them (`log.with_options`)")
    context = context_of(log, [str(one) for one in told.get("context", [])], constant=bool(told.get("constant", False)))
    policy = _made(str(told["learner"]), dict(told.get("parameters", {})), len(labels), context.shape[1])
    place = (candidate.folder or Path()) / str(told["state"])
    try:
        data = place.read_bytes()
    except OSError as error:
        raise InputError(f"state {place.name} cannot be read ({error.strerror})") from None
    state = load_state(data, like=policy.start())
    law = np.zeros((len(log), len(log.options)))
    at = np.searchsorted(log.options, np.array(labels, dtype=object))
    if not context.shape[1]:
        law[:, at] = policy.choose_many(state, rng, 1).probabilities[0]
        return law
    for first in range(0, len(log), _ROWS):
        part = context[first : first + _ROWS]
        law[first : first + _ROWS, at] = policy.choose_many(state, rng, len(part), context=part).probabilities
    return law


def context_of(log: DecisionLog, columns: list[str], *, constant: bool) -> Floats:
    """Return columns of the log as contexts, float64[decision, feature]; words cannot be one."""
    known = dict(log.numbers)
    lost = [name for name in columns if name not in known]
    if lost:
        raise InputError(
            f"the log has no numeric column {lost[0]!r}{nearest(lost[0], list(known))}: a learner's context is numbers"
        )
    parts = [np.ones(len(log))] if constant else []
    parts += [known[name] for name in columns]
    return np.column_stack(parts) if parts else np.zeros((len(log), 0))


def _made(name: str, parameters: dict[str, Any], options: int, width: int) -> Any:  # noqa: ANN401 - any learner
    from pricebid import learning

    kinds = [one for one in learning.__all__ if hasattr(getattr(learning, one), "choose_many") and one != "Learner"]
    if name not in kinds:
        raise InputError(f"learner {name!r} is not known{nearest(name, kinds)}; there are {', '.join(kinds)}")
    kind = getattr(learning, name)
    takes = {one.name for one in fields(kind)} if is_dataclass(kind) else set()
    if "options" in takes:
        parameters.setdefault("options", options)
    if "features" in takes:
        parameters.setdefault("features", learning.PerOption(options=options, context=max(width, 1)))
    try:
        policy = kind(**parameters)
    except TypeError as error:
        raise InputError(f"parameters of {name}: {error}") from None
    if policy.options != options:
        raise InputError(f"{name} has {policy.options} options, `options` names {options}")
    return policy
