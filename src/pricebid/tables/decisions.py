"""A log of decisions as frozen arrays: what was shown, with which probability, and what it brought."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Fault, TableError
from pricebid.policy import nearest
from pricebid.tables.table import Text, freeze

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REWARDS = ("reward", "units", "clicks", "click", "conversions", "revenue", "cost")
IGNORED = ("decision_id", "event_id", "time", "timestamp")
CANDIDATE = "p_"  # p_OPTION: the candidate's probability of an option in the row
MOST_TEXTS = 100
_SUM = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class DecisionLog:
    """Logged decisions.

    Parameters
    ----------
    options : object[option]
        Labels, sorted: those in the log, and those that a candidate's columns name.
    option : int64[decision]
        Position of what was picked.
    reward : float64[decision]
        What it brought.
    propensity : float64[decision]
        Probability with which it was picked, in (0, 1].
    numbers : tuple of (str, float64[decision])
        What was known of each request, as numbers.
    texts : tuple of (str, Text)
        What was known of it, as words.
    candidate : float64[decision, option], optional
        The law of the candidate, as the columns ``p_OPTION`` give it.
    notices : tuple of str
        Columns that are not used.
    result : str
        The column that holds what it brought.
    """

    options: NDArray[np.object_]
    option: NDArray[np.int64]
    reward: Floats
    propensity: Floats
    numbers: tuple[tuple[str, Floats], ...] = ()
    texts: tuple[tuple[str, Text], ...] = ()
    candidate: Floats | None = None
    notices: tuple[str, ...] = ()
    result: str = "reward"

    def __len__(self) -> int:
        return len(self.option)

    def with_options(self, names: Sequence[str]) -> DecisionLog:
        """Return the log with further options, which were never picked."""
        options = np.unique(np.concatenate([self.options, np.array(list(names), dtype=object)]))
        place = np.searchsorted(options, self.options)
        candidate = None
        if self.candidate is not None:
            candidate = np.zeros((len(self), len(options)))
            candidate[:, place] = self.candidate
        return replace(self, options=freeze(options), option=freeze(place[self.option]), candidate=candidate)

    def text(self, name: str) -> Text | None:
        """Return a context column as words, numbers written out; None where there is none of that name."""
        for known, words in self.texts:
            if known == name:
                return words
        for known, values in self.numbers:
            if known == name:
                return Text.of(np.array([f"{one:g}" for one in values], dtype=object))
        return None


def read_log(path: str | Path, *, reward: str | None = None, context: Sequence[str] | None = None) -> DecisionLog:
    """Read a log of decisions from CSV (also ``.csv.gz``) or Parquet.

    Parameters
    ----------
    path : path
        One row per decision. Columns: ``option``, ``propensity``, what it brought (``reward``, ``units``, ``clicks``, ...),
        anything that was known of the request, and perhaps ``p_OPTION``.
    reward : str, optional
        The column that counts, where there are several.
    context : sequence of str, optional
        The columns that were known; without it all others but ids, times and results.

    Raises
    ------
    TableError
        With every fault found.
    """
    import pandas as pd

    name = Path(path).name
    try:
        if Path(path).suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        message = f"cannot be read as CSV or Parquet ({reason})"
        raise TableError([Fault(table=name, message=message)]) from None
    return log_of(frame, name=name, reward=reward, context=context)


def log_of(
    frame: pd.DataFrame, *, name: str = "log", reward: str | None = None, context: Sequence[str] | None = None
) -> DecisionLog:
    """Check a DataFrame of decisions and turn it into arrays; arguments are those of `read_log`.

    Raises
    ------
    TableError
        With every fault found.
    """
    columns = [str(column) for column in frame.columns]
    faults: list[Fault] = []
    faults += _missing(name, columns, ("option", "propensity"))
    result = reward or next((one for one in REWARDS if one in columns), "reward")
    faults += _missing(name, columns, (result,))
    known = _context(columns, result, context)
    faults += _missing(name, columns, known)
    faults += [
        Fault(
            table=name, column=one, message="is what came of the decision, not known at it; leave it out of the context"
        )
        for one in dict.fromkeys(known)
        if one in ("option", "propensity", result)
    ]
    if not len(frame):
        faults.append(Fault(table=name, message="has a header and no rows"))
    if faults:
        raise TableError(faults)
    picked = Text.of(frame["option"].astype(str).to_numpy(dtype=object))
    empty = np.isin(picked.rows, ["", "nan", "None"])
    faults += _rows(name, "option", empty, "is empty; every row needs one")
    paid = _number(name, frame, result, faults)
    chance = _number(name, frame, "propensity", faults)
    outside = np.isfinite(chance) & ~((chance > 0) & (chance <= 1))
    faults += _rows(name, "propensity", outside, f"{_first(chance, outside):g} must be above 0 and at most 1")
    laws = [column for column in columns if column.startswith(CANDIDATE) and len(column) > len(CANDIDATE)]
    named = [column.removeprefix(CANDIDATE) for column in laws]
    options = np.unique(np.concatenate([picked.labels, np.array(named, dtype=object)]))
    candidate = None
    if laws:
        candidate = np.zeros((len(frame), len(options)))
        for column, option in zip(laws, named, strict=True):
            candidate[:, np.searchsorted(options, option)] = _number(name, frame, column, faults)
        faults += list(law_faults(name, candidate))
    numbers, texts, notices = _contexts(name, frame, known, faults)
    if faults:
        raise TableError(faults)
    return DecisionLog(
        options=freeze(options),
        option=freeze(picked.code_in(options)),
        reward=freeze(paid),
        propensity=freeze(chance),
        numbers=tuple(numbers),
        texts=tuple(texts),
        candidate=None if candidate is None else freeze(candidate),
        notices=tuple(notices),
        result=result,
    )


def law_faults(name: str, law: Floats) -> Iterator[Fault]:
    """Yield what keeps float64[row, option] from being probabilities."""
    with np.errstate(invalid="ignore"):
        negative: NDArray[np.bool_] = law.min(axis=1) < 0
        total: Floats = law.sum(axis=1)
        off = ~np.isclose(total, 1.0, rtol=0.0, atol=_SUM)
    yield from _rows(name, f"{CANDIDATE}*", negative, "has a probability below 0")
    yield from _rows(
        name, f"{CANDIDATE}*", off & ~negative, f"probabilities sum to {_first(total, off):g}, must sum to 1"
    )


def _context(columns: list[str], result: str, asked: Sequence[str] | None) -> list[str]:
    if asked is not None:
        return list(asked)
    taken = {"option", "propensity", result, *REWARDS, *IGNORED}
    return [column for column in columns if column not in taken and not column.startswith(CANDIDATE)]


def _contexts(
    name: str, frame: pd.DataFrame, known: list[str], faults: list[Fault]
) -> tuple[list[tuple[str, Floats]], list[tuple[str, Text]], list[str]]:
    import pandas as pd

    numbers: list[tuple[str, Floats]] = []
    texts: list[tuple[str, Text]] = []
    notices = []
    for column in known:
        values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)
        if np.isfinite(values).mean() > 0.5:
            faults += _rows(name, column, ~np.isfinite(values), "is no finite number, as the others of the column are")
            numbers.append((column, freeze(values)))
            continue
        words = Text.of(frame[column].astype(str).to_numpy(dtype=object))
        if len(words.labels) > MOST_TEXTS:
            notices.append(
                f"{column} has {len(words.labels):,} different texts (more than {MOST_TEXTS}) and is not used"
            )
            continue
        texts.append((column, words))
    return numbers, texts, notices


def _missing(name: str, columns: list[str], needed: Sequence[str]) -> list[Fault]:
    return [
        Fault(table=name, column=one, message=f"this column is missing; the log needs it{nearest(one, columns)}")
        for one in needed
        if one not in columns
    ]


def _number(name: str, frame: pd.DataFrame, column: str, faults: list[Fault]) -> Floats:
    import pandas as pd

    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(values)
    got = str(frame[column].iloc[int(np.argmax(bad))])[:60] if bad.any() else ""
    faults += _rows(name, column, bad, f"{got!r} is not a finite number")
    return values


def _rows(name: str, column: str, bad: NDArray[np.bool_], message: str) -> list[Fault]:
    if not bad.any():
        return []
    return [Fault(table=name, column=column, row=int(np.argmax(bad)) + 1, message=message, count=int(bad.sum()))]


def _first(values: Floats, bad: NDArray[np.bool_]) -> float:
    return float(values[int(np.argmax(bad))]) if len(values) else 0.0
