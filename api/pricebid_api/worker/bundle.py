"""Several files, or a value of frozen dataclasses, as one checkpoint; no pickle."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.demand.packing import Packed, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EPOCH = (1980, 1, 1, 0, 0, 0)


def bundle(files: Mapping[str, bytes]) -> bytes:
    """Put files into one archive, the same bytes for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name])
    return out.getvalue()


def unbundle(data: bytes) -> dict[str, bytes]:
    """Take the files out again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def freeze(value: object) -> bytes:
    """Turn a landscape, or a block of a backtest, into bytes.

    Raises
    ------
    ModelError
        It holds something else than frozen dataclasses of this package, arrays, numbers and text.
    """
    packed = pack(value)
    arrays = io.BytesIO()
    np.savez(arrays, allow_pickle=False, **packed.arrays)
    return bundle({"shape.json": json.dumps(packed.shape).encode(), "arrays.npz": arrays.getvalue()})


def thaw(data: bytes) -> Any:  # noqa: ANN401 - whatever was frozen
    """Give the value back, its arrays read-only.

    Raises
    ------
    ModelError
        It was made by another version of pricebid.
    """
    files = unbundle(data)
    with np.load(io.BytesIO(files["arrays.npz"]), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return unpack(Packed(shape=json.loads(files["shape.json"]), arrays=arrays))


def written(write: Callable[[Path], object]) -> dict[str, bytes]:
    """Give the files that a function writes into a folder."""
    with TemporaryDirectory(prefix="pricebid-job-") as place:
        folder = Path(place) / "out"
        write(folder)
        return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
