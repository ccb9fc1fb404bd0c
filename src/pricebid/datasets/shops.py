"""Where the shops that ship with the package are."""

from __future__ import annotations

from pathlib import Path


def orange_juice_path() -> Path:
    """Return the folder of the orange-juice shop: 11 brands in 83 stores over 121 weeks, and a policy for it.

    See ``SOURCE.md`` in the folder for where the data come from and what was done to them.
    """
    return Path(__file__).parent / "orange_juice"
