"""Save a fitted model as numbers (npz), facts (json) and a card for people; load it without pickle, checked by digest."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.demand.card import card
from pricebid.demand.model import DemandModel
from pricebid.demand.packing import Packed, pack, unpack
from pricebid.errors import InputError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.backtest import BacktestResult
    from pricebid.tables.arrays import History

FORMAT = 1
_PARAMS, _META, _CARD = "params.npz", "meta.json", "card.md"


def save(model: DemandModel, folder: str | Path, *, metrics: BacktestResult | None = None) -> None:
    """Write a model into a folder, whole or not at all.

    ``params.npz`` holds every number, ``meta.json`` the version of the format and of pricebid, keys, data span, metrics
    and SHA-256 digests, ``card.md`` what people should know before they use it. The same model gives the same bytes.

    Parameters
    ----------
    model : DemandModel
        As fitted.
    folder : path
        Made where it is not there.
    metrics : BacktestResult, optional
        A backtest of the shop, to be kept with the model.

    Raises
    ------
    InputError
        The folder cannot be written to.
    ModelError
        The model holds numbers that are not finite.
    """
    from pricebid.tables import write_files

    packed = pack(model)
    _check_finite(packed.arrays)
    params = _npz(packed.arrays)
    clock, scores = model.clock, metrics.scores if metrics else ()
    payload = {
        "format": FORMAT,
        "pricebid": version("pricebid"),
        "keys": list(model.columns),
        "offers": len(model.labels[0]),
        "frequency": clock.frequency,
        "first": str(clock.first),
        "last": str(clock.last),
        "metrics": [_without_nan(asdict(line)) for line in scores],
        "shapes": {name: [array.dtype.str, *array.shape] for name, array in packed.arrays.items()},
        "digest": digest(model),
        "params_sha256": hashlib.sha256(params).hexdigest(),
        "model": packed.shape,
    }
    documents = {
        _PARAMS: params,
        _META: (json.dumps({**payload, "meta_sha256": _digest(payload)}, indent=1, allow_nan=False) + "\n").encode(),
        _CARD: card(model, metrics).encode(),
    }
    target = Path(folder)
    try:
        write_files(target, {name: lambda path, raw=raw: _write(path, raw) for name, raw in documents.items()})  # type: ignore[misc]
    except OSError as error:
        raise InputError(
            f"cannot write the model to {target}: {error.strerror or error}; name another folder"
        ) from None


def load(folder: str | Path) -> DemandModel:
    """Read a model back, after checking that nothing of it is missing, damaged or of another version.

    Parameters
    ----------
    folder : path
        What was given to :func:`save`.

    Returns
    -------
    DemandModel
        Forecasts bit for bit as before.

    Raises
    ------
    ModelError
        What is missing, damaged or of another version.
    """
    target = Path(folder)
    meta = _meta(target)
    params = _read(target, _PARAMS)
    if hashlib.sha256(params).hexdigest() != meta["params_sha256"]:
        raise ModelError(f"{target / _PARAMS} is damaged: its digest is not the one in {_META}; fit again")
    try:
        with np.load(io.BytesIO(params), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{target / _PARAMS} cannot be read: {error}; fit again") from None
    shapes = {name: [array.dtype.str, *array.shape] for name, array in arrays.items()}
    for name in sorted(shapes.keys() | meta["shapes"].keys()):
        if shapes.get(name) != meta["shapes"].get(name):
            got, due = shapes.get(name, "nothing"), meta["shapes"].get(name, "nothing")
            raise ModelError(f"{target / _PARAMS}: {name} is {got}, {_META} says {due}; fit again")
    _check_finite(arrays)
    model = unpack(Packed(shape=meta["model"], arrays=arrays))
    if not isinstance(model, DemandModel):
        raise ModelError(f"{target / _META} describes a {type(model).__name__}, not a demand model; fit again")
    return model


def digest(model: DemandModel) -> str:
    """Give the SHA-256 of a model's numbers: the same in ``meta.json`` and in every plan that is made with the model.

    It is taken before compression, which costs more than the digest and may differ between versions of zlib.
    """
    packed = pack(model)
    told = hashlib.sha256(json.dumps(packed.shape, sort_keys=True).encode())
    for name, array in sorted(packed.arrays.items()):
        told.update(f"{name} {array.dtype.str} {array.shape}".encode())
        told.update(np.ascontiguousarray(array).tobytes())
    return told.hexdigest()


def check_fits(model: DemandModel, history: History) -> DemandModel:
    """Give the model back if it was fitted to these offers, in this order.

    Parameters
    ----------
    model : DemandModel
        Fitted or loaded.
    history : History
        Of the shop that it is to be used for.

    Returns
    -------
    DemandModel
        The same.

    Raises
    ------
    ModelError
        What differs: key columns, period, drivers, events or offers.
    """
    offers = history.offers
    _same("key columns", model.columns, offers.columns)
    _same("period", model.clock.frequency, history.frequency)
    _same("drivers", model.recipe.driver_names, history.driver_names)
    _same("events", model.recipe.event_names, history.events.names)
    mine = list(zip(*model.labels, strict=True))
    theirs = list(zip(*offers.labels, strict=True))
    if mine == theirs:
        return model
    known, there = set(mine), set(theirs)
    new = [offer for offer in theirs if offer not in known]
    gone = [offer for offer in mine if offer not in there]
    parts = [
        f"{len(some):,} {words} ({', '.join(' '.join(offer) for offer in some[:3])}{', ...' if len(some) > 3 else ''})"
        for some, words in (
            (new, "of the shop's offers are not in the model"),
            (gone, "of the model's are not in the shop"),
        )
        if some
    ]
    raise ModelError(
        f"the model does not fit the shop: {'; '.join(parts) or 'the offers are in another order'}; fit again"
    )


def _same(what: str, model: object, shop: object) -> None:
    if model != shop:
        raise ModelError(
            f"the model does not fit the shop: {what} {_words(model)} there, {_words(shop)} here; fit again"
        )


def _words(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def _meta(target: Path) -> dict[str, Any]:
    path = target / _META
    try:
        meta = json.loads(_read(target, _META))
    except ValueError:
        raise ModelError(f"{path} is damaged: it is no JSON; fit again") from None
    if not isinstance(meta, dict) or "format" not in meta:
        raise ModelError(f"{path} is not the description of a model")
    if meta["format"] != FORMAT:
        made = meta.get("pricebid", "another version")
        raise ModelError(
            f"{path} has format {meta['format']} (pricebid {made}); this version reads {FORMAT}: fit again"
        )
    if meta.pop("meta_sha256", None) != _digest(meta):
        raise ModelError(f"{path} is damaged: its digest is not its own; fit again")
    return meta


def _read(target: Path, name: str) -> bytes:
    try:
        return (target / name).read_bytes()
    except OSError as error:
        raise ModelError(
            f"{target / name} cannot be read: {error.strerror or error}; fit and save a model there"
        ) from None


def _write(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)


def _digest(payload: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def _npz(arrays: dict[str, NDArray[Any]]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _check_finite(arrays: dict[str, NDArray[Any]]) -> None:
    """Single numbers may be NaN (a figure that could not be measured), parameters never."""
    for name, array in arrays.items():
        if array.ndim and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(
                f"{name}: {int((~np.isfinite(array)).sum())} numbers of the model are not finite; fit again"
            )


def _without_nan(line: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in line.items()}
