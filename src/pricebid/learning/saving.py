"""A learner's state as bytes and back: a digest, then npz with facts as JSON inside; no pickle."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from pricebid.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_MAGIC = b"pricebid state 1\n"
_DIGEST = 32
_META = "__meta__"
State = TypeVar("State")
_Plain = bool | int | float | str | None


def save_state(state: object) -> bytes:
    """Turn a learner's state into bytes.

    Parameters
    ----------
    state : frozen dataclass
        Of arrays, numbers, strings, None, and dataclasses of these.

    Returns
    -------
    bytes
        The same state gives the same bytes.

    Raises
    ------
    ModelError
        A field is of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from pricebid.learning import BetaThompson
    >>> policy = BetaThompson(options=2)
    >>> load_state(save_state(policy.start()), like=policy.start()).wins.tolist()
    [0.0, 0.0]
    """
    arrays: dict[str, NDArray[Any]] = {}
    plain: dict[str, _Plain] = {}
    for name, value in _leaves(state, ""):
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufUSM":
            arrays[name] = value
        elif isinstance(value, _Plain):
            plain[name] = value
        elif isinstance(value, np.generic) and isinstance(value.item(), _Plain):
            plain[name] = value.item()
        else:
            raise ModelError(f"state field {name} is a {type(value).__name__}; keep arrays, numbers, strings or None")
    facts = json.dumps({"state": type(state).__name__, "plain": plain}).encode()
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **{**arrays, _META: np.frombuffer(facts, dtype=np.uint8)})
    body = out.getvalue()
    return _MAGIC + hashlib.sha256(body).digest() + body


def load_state(data: bytes, *, like: State) -> State:
    """Turn what `save_state` gave back into a state.

    Parameters
    ----------
    data : bytes
        What `save_state` gave.
    like : frozen dataclass
        ``policy.start()`` of the policy whose state it is: says which fields, kinds and shapes are due. An axis of length
        0 there may have any length.

    Returns
    -------
    State
        Of the type of ``like``, its arrays read-only.

    Raises
    ------
    ModelError
        The bytes are damaged, of another version, or of another policy.
    """
    magic, digest, body = np.split(np.frombuffer(data, dtype=np.uint8), [len(_MAGIC), len(_MAGIC) + _DIGEST])
    if magic.tobytes() != _MAGIC:
        raise ModelError(
            "this is no stored state of this version, or a damaged one; replay the log from policy.start()"
        )
    if hashlib.sha256(body.tobytes()).digest() != digest.tobytes():
        raise ModelError("the stored state is damaged: its digest is not its own; replay the log from policy.start()")
    with np.load(io.BytesIO(body.tobytes()), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    facts = json.loads(arrays.pop(_META).tobytes())
    if facts["state"] != type(like).__name__:
        raise ModelError(f"the stored state is a {facts['state']}, this policy's is a {type(like).__name__}")
    held: dict[str, Any] = {**facts["plain"], **arrays}
    _check_fits(held, like)
    return cast("State", _rebuilt(like, held, ""))


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if is_dataclass(value) and not isinstance(value, type):
        for entry in fields(value):
            yield from _leaves(getattr(value, entry.name), f"{name}.{entry.name}".lstrip("."))
    else:
        yield name, value


def _rebuilt(like: Any, held: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - of the type of what is like it
    if not is_dataclass(like) or isinstance(like, type):
        value = held[name]
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        return value
    parts = {
        entry.name: _rebuilt(getattr(like, entry.name), held, f"{name}.{entry.name}".lstrip("."))
        for entry in fields(like)
    }
    return type(like)(**parts)


def _check_fits(held: dict[str, Any], like: object) -> None:
    due = dict(_leaves(like, ""))
    odd = sorted(due.keys() ^ held.keys())
    if odd:
        raise ModelError(f"the stored state does not fit the policy: {', '.join(odd)} missing or unknown")
    for name, value in due.items():
        got = held[name]
        if isinstance(value, np.ndarray) != isinstance(got, np.ndarray):
            raise ModelError(f"the stored state does not fit the policy: {name} is a {type(got).__name__}")
        if isinstance(value, np.ndarray) and not _same_shape(value, got):
            raise ModelError(
                f"the stored state does not fit the policy: {name} is {got.dtype}{list(got.shape)}, "
                f"due is {value.dtype}{list(value.shape)}"
            )


def _same_shape(due: NDArray[Any], got: NDArray[Any]) -> bool:
    same = due.dtype.kind == got.dtype.kind and due.ndim == got.ndim
    return same and all(want in (0, have) for want, have in zip(due.shape, got.shape, strict=True))
