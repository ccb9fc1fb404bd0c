"""Where the shops that ship with the package are."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pricebid.errors import InputError
from pricebid.tables.write import write_files


def orange_juice_path() -> Path:
    """Return the folder of the orange-juice shop: 11 packs in 83 stores over 121 weeks, and a policy for it.

    See ``SOURCE.md`` in the folder for where the data come from and what was done to them.
    """
    return Path(__file__).parent / "orange_juice"


def template_path() -> Path:
    """Return the folder of the template shop: made-up sales, and a policy and a scenario with comments."""
    return Path(__file__).parent / "template"


def write_template(folder: str | Path) -> tuple[Path, ...]:
    """Copy the template shop into a new folder, whole or not at all.

    Parameters
    ----------
    folder : path
        Made where it is not there.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    InputError
        The folder holds files already, or cannot be written to.
    """
    target = Path(folder)
    sources = sorted(one for one in template_path().iterdir() if one.is_file())
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InputError(f"{target} is there already and is not empty; name a new folder")
        return write_files(target, {one.name: partial(_copy, one) for one in sources})
    except OSError as error:
        raise InputError(f"cannot write to {target}: {error.strerror or error}; name another folder") from None


def _copy(source: Path, path: Path) -> None:
    path.write_bytes(source.read_bytes())
