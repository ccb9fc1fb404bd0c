"""Candidates: one option always, all alike, a table of probabilities by segment, or a learner as it was stored."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import Fault, InputError, PolicyError
from pricebid.policy import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pricebid.tables.decisions import DecisionLog

    Floats = NDArray[np.float64]

KINDS = ("fixed", "uniform", "table", "columns", "learner")
_KEYS = {
    "fixed": ("option",),
    "uniform": (),
    "table": ("by", "laws", "law"),
    "columns": (),
    "learner": ("learner", "state", "options", "context", "constant", "parameters", "features", "samples"),
}
_SUM = 1e-6


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is to be evaluated, as its file says it.

    Parameters
    ----------
    kind : {"fixed", "uniform", "table", "columns", "learner"}
        ``fixed``: always ``option``. ``uniform``: every option of the log alike. ``table``: probabilities by the value of a
        context column. ``columns``: the columns ``p_OPTION`` of the log. ``learner``: a stored state.
    name : str
        For people.
    option : str
        Of ``fixed``.
    by : str
        Column of ``table``; ``""`` for one law for all.
    laws : tuple of (str, tuple of (str, float))
        Per value of ``by``, probabilities of options; under ``"*"`` those of all other values.
    learner : mapping, optional
        Keys of a stored learner: see `pricebid.learning.evaluation.stored`.
    folder : Path, optional
        Where its file lies.
    """

    kind: str
    name: str
    option: str = ""
    by: str = ""
    laws: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = ()
    learner: Mapping[str, Any] | None = None
    folder: Path | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """Options that a table or a learner may pick, logged or not."""
        of_learner = [str(one) for one in (self.learner or {}).get("options", ())]
        return tuple(sorted({*of_learner, *(option for _, law in self.laws for option, _ in law)}))


def read_candidate(path: str | Path) -> Candidate:
    """Read a candidate from TOML, or from CSV with one row per segment and one column per option.

    Raises
    ------
    PolicyError
        With every fault found.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8"
        raise PolicyError([Fault(table=place.name, message=f"cannot be read ({reason})")]) from None
    if place.suffix == ".csv":
        return _from_csv(place, text)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([Fault(table=place.name, message=f"is no TOML: {error}")]) from None
    return candidate_of(content, name=place.stem, folder=place.parent)


def candidate_of(content: Mapping[str, Any], *, name: str = "candidate", folder: Path | None = None) -> Candidate:
    """Make a candidate of the keys that its file may hold.

    Raises
    ------
    PolicyError
        With every fault found.
    """
    faults = list(_faults(content, name))
    if faults:
        raise PolicyError(faults)
    kind = content["kind"]
    laws = dict(content.get("laws", {}))
    if "law" in content:
        laws["*"] = content["law"]
    return Candidate(
        kind=kind,
        name=name,
        option=str(content.get("option", "")),
        by=str(content.get("by", "")),
        laws=tuple((key, tuple((option, float(p)) for option, p in law.items())) for key, law in laws.items()),
        learner=content if kind == "learner" else None,
        folder=folder,
    )


def law_of(candidate: Candidate, log: DecisionLog, rng: np.random.Generator) -> Floats:
    """Return the candidate's probability of every option in every decision, float64[decision, option].

    Parameters
    ----------
    candidate : Candidate
        What is to be evaluated.
    log : DecisionLog
        Whose decisions it is to take.
    rng : numpy.random.Generator
        For learners that draw.

    Raises
    ------
    InputError
        The candidate names options, columns or segments that the log does not have.
    """
    shape = (len(log), len(log.options))
    if candidate.kind == "uniform":
        return np.full(shape, 1.0 / shape[1])
    if candidate.kind == "columns":
        if log.candidate is None:
            raise InputError("the log has no columns p_OPTION with the candidate's probabilities")
        return log.candidate
    if candidate.kind == "fixed":
        law = np.zeros(shape)
        law[:, _place(log, candidate.option)] = 1.0
        return law
    if candidate.kind == "learner":
        from pricebid.learning.evaluation.stored import stored_law

        return stored_law(candidate, log, rng)
    return _by_table(candidate, log)


def _by_table(candidate: Candidate, log: DecisionLog) -> Floats:
    rows = {key: np.zeros(len(log.options)) for key, _ in candidate.laws}
    for key, law in candidate.laws:
        for option, p in law:
            rows[key][_place(log, option)] = p
    if not candidate.by:
        return np.tile(rows["*"], (len(log), 1))
    words = log.text(candidate.by)
    if words is None:
        known = [name for name, _ in (*log.numbers, *log.texts)]
        raise InputError(f"the log has no context column {candidate.by!r}{nearest(candidate.by, known)}")
    values = [str(label) for label in words.labels]
    lost = [value for value in values if value not in rows and "*" not in rows]
    if lost:
        raise InputError(f"no law for {candidate.by} {', '.join(lost[:8])}: add it, or a law for all others (`*`)")
    table = np.stack([rows.get(value, rows.get("*", np.zeros(len(log.options)))) for value in values])
    return table[words.codes]


def _place(log: DecisionLog, option: str) -> int:
    known = log.options.tolist()
    if option not in known:
        raise InputError(f"option {option!r} is not in the log{nearest(option, known)}: nothing is known of it")
    return int(known.index(option))


def _faults(content: Mapping[str, Any], name: str) -> Iterator[Fault]:
    kind = content.get("kind")
    if kind not in KINDS:
        yield Fault(table=name, column="kind", message=f"{kind!r} must be one of {', '.join(KINDS)}")
        return
    allowed = ("kind", *_KEYS[kind])
    for key in content:
        if key not in allowed:
            message = f"unknown key{nearest(key, list(allowed))}; {kind} takes {', '.join(allowed)}"
            yield Fault(table=name, column=key, message=message)
    needed = {"fixed": ("option",), "learner": ("learner", "state", "options")}.get(kind, ())
    yield from (Fault(table=name, column=key, message="is missing") for key in needed if key not in content)
    labels = content.get("options", [])
    if not isinstance(labels, list) or len({str(one) for one in labels}) < len(labels):
        yield Fault(table=name, column="options", message=f"{labels!r} must be a list of labels, each of them once")
    if kind == "table":
        yield from _table_faults(content, name)


def _table_faults(content: Mapping[str, Any], name: str) -> Iterator[Fault]:
    laws = content.get("laws", {})
    if not isinstance(laws, dict):
        yield Fault(
            table=name, column="laws", message=f"{laws!r} must be tables: [laws.VALUE] with OPTION = probability"
        )
        return
    if ("by" in content) != bool(laws):
        yield Fault(table=name, column="by", message="`by` (a column) and [laws.VALUE] go together")
    if not laws and "law" not in content:
        yield Fault(table=name, column="law", message="is missing: give [law], or `by` and [laws.VALUE]")
    every = [*laws.items(), *([("*", content["law"])] if "law" in content else [])]
    for key, law in every:
        if not isinstance(law, dict) or not all(isinstance(p, int | float) and p >= 0 for p in law.values()):
            yield Fault(table=name, column=key, message="must hold OPTION = probability, each at least 0")
        elif abs(sum(law.values()) - 1.0) > _SUM:
            yield Fault(table=name, column=key, message=f"probabilities sum to {sum(law.values()):g}, must sum to 1")


def _from_csv(place: Path, text: str) -> Candidate:
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if len(rows) < 2 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        message = "needs a header (a context column, then one column per option) and rows of the same length"
        raise PolicyError([Fault(table=place.name, message=message)])
    by, *options = rows[0]
    laws: dict[str, dict[str, float]] = {}
    faults = []
    for at, (value, *cells) in enumerate(rows[1:], start=1):
        try:
            laws[value] = {option: float(cell) for option, cell in zip(options, cells, strict=True)}
        except ValueError:
            faults.append(Fault(table=place.name, row=at, message=f"{cells} must be probabilities"))
    if faults:
        raise PolicyError(faults)
    return candidate_of({"kind": "table", "by": by, "laws": laws}, name=place.name, folder=place.parent)
