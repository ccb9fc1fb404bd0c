"""Nested frozen dataclasses as flat named arrays and a description of their shape, and back.

Nothing here knows the fields of a model: one that is added is packed like the rest.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What a model, a backtest or a bid landscape is made of.
_OURS = re.compile(r"(pricebid\.(?:demand|landscape|tables)\.\w+):(\w+)")


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A value taken apart.

    Parameters
    ----------
    shape : JSON value
        What the value is made of; arrays and numbers by their name.
    arrays : dict of name to array
        Arrays and numbers; none of dtype object.
    """

    shape: Any
    arrays: dict[str, NDArray[Any]]


def pack(value: object) -> Packed:
    """Take a value apart: dataclasses of this package, tuples, arrays, numbers, dates, text, None.

    Raises
    ------
    ModelError
        Something else is in it.
    """
    arrays: dict[str, NDArray[Any]] = {}
    return Packed(shape=_pack(value, "", arrays), arrays=arrays)


def _pack(value: object, name: str, arrays: dict[str, NDArray[Any]]) -> Any:  # noqa: ANN401 - JSON
    if value is None or isinstance(value, str):
        return {"text": value}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return {"tuple": [_pack(item, f"{name}.{at}".lstrip("."), arrays) for at, item in enumerate(value)]}
    if is_dataclass(value) or isinstance(value, tuple):
        names = [f.name for f in fields(value)] if is_dataclass(value) else value._fields  # type: ignore[attr-defined]
        kind = f"{type(value).__module__}:{type(value).__name__}"
        if not _OURS.fullmatch(kind):
            raise ModelError(f"{name or 'the model'} is a {kind}, which is not a part of a model")
        parts = {part: _pack(getattr(value, part), f"{name}.{part}".lstrip("."), arrays) for part in names}
        return {"kind": kind, "fields": parts}
    if isinstance(value, (bool, int, float, np.generic, np.ndarray)):
        labels = isinstance(value, np.ndarray) and value.dtype == object
        arrays[name] = _plain(np.asarray(value), name)
        form = "labels" if labels else "array" if isinstance(value, np.ndarray) else "number"
        return {form: name} if not isinstance(value, np.datetime64) else {"date": name}
    raise ModelError(f"{name or 'the model'} is a {type(value).__name__}, which cannot be saved")


def _plain(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Turn labels into text of a fixed width; refuse what would not come back the same."""
    if array.dtype != object:
        return array
    text = array.astype(np.str_)
    if not all(isinstance(a, str) and a == b for a, b in zip(array.ravel(), text.ravel(), strict=True)):
        raise ModelError(f"{name}: a label is no text, or ends in a null character, and cannot be saved")
    return text


def unpack(packed: Packed) -> Any:  # noqa: ANN401 - whatever was packed
    """Put a value together again; its arrays are read-only.

    Raises
    ------
    ModelError
        The description is of other classes or fields than this version of the package has.
    """
    try:
        return _unpack(packed.shape, packed.arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"the model's description cannot be read ({error}); fit again") from None


def _unpack(shape: Any, arrays: dict[str, NDArray[Any]]) -> Any:  # noqa: ANN401
    if "kind" in shape:
        return _class(shape["kind"], shape["fields"])(
            **{name: _unpack(part, arrays) for name, part in shape["fields"].items()}
        )
    ((form, content),) = shape.items()
    if form == "text":
        return content
    if form == "tuple":
        return tuple(_unpack(part, arrays) for part in content)
    array = arrays[content]
    if form == "number":
        return array.item()
    if form == "date":
        return array[()]
    if form == "labels":
        array = array.astype(object)
    array.flags.writeable = False
    return array


def _class(kind: str, given: dict[str, Any]) -> type[Any]:
    """Find a class of this package by name, if it has just these fields (those with defaults may be absent)."""
    match = _OURS.fullmatch(kind)
    try:
        found = getattr(importlib.import_module(match[1]), match[2]) if match else None
    except (ImportError, AttributeError):
        found = None
    if not isinstance(found, type) or not (is_dataclass(found) or hasattr(found, "_fields")):
        raise ModelError(f"the model has a part {kind!r}, which this version does not know: fit again")
    if is_dataclass(found):
        known = {f.name: f.default is not MISSING or f.default_factory is not MISSING for f in fields(found)}
    else:
        known = dict.fromkeys(found._fields, False)
    unknown = [name for name in given if name not in known]
    missing = [name for name, optional in known.items() if not optional and name not in given]
    if unknown or missing:
        words = "; ".join(
            f"{text} {', '.join(names)}" for text, names in (("unknown", unknown), ("missing", missing)) if names
        )
        raise ModelError(f"the model was saved by another version ({match[2] if match else kind}: {words}): fit again")
    return found


def settle(value: Any) -> Any:  # noqa: ANN401 - gives what it gets
    """Give the same value with every array read-only and in C order, as it will be after saving and loading.

    Sums over arrays in another order of memory may differ in the last bit; a settled model forecasts the same before
    and after.
    """
    packed = pack(value)
    return unpack(Packed(shape=packed.shape, arrays={k: np.array(v, order="C") for k, v in packed.arrays.items()}))
