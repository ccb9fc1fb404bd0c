"""The folder in which the workers of one server count together; what a killed server left of its own goes when the next starts."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

try:
    import fcntl
except ImportError:  # pragma: no cover - no such locks there: nobody can tell whose folder is left over
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OWNER = "owner"  # locked for as long as the server runs, however it ends


@contextlib.contextmanager
def counting_folder(home: Path) -> Iterator[Path]:
    """Give a folder that is removed at the end, after those of servers that were killed.

    Parameters
    ----------
    home : Path
        The service's; other servers may share it.
    """
    root = home.resolve() / "metrics"
    with contextlib.ExitStack() as stack:
        with _alone(root):
            _sweep(root)
            folder = root / f"{os.getpid()}-{uuid4().hex[:12]}"
            folder.mkdir(mode=0o700)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_locked(folder / _OWNER))
        yield folder


def sweep(home: Path) -> None:
    """Remove the folders of servers that were killed."""
    root = home / "metrics"
    if root.is_dir():
        with _alone(root):
            _sweep(root)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep other servers from looking while a folder is there whose owner has not locked it yet."""
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / "lock"):
        yield


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:  # not inherited by what the server starts
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep(root: Path) -> None:
    if fcntl is None:  # pragma: no cover - see above
        return
    for folder in root.iterdir():
        if folder.is_dir() and not _owned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _owned(folder: Path) -> bool:
    """Tell whether the server that made the folder still runs."""
    try:
        with (folder / _OWNER).open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # locked, or another user's
        return True
    return False
