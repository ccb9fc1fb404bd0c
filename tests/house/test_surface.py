"""The public surface is exactly this list, typed, and found without importing what owns it."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import pricebid

ROOT = Path(__file__).parents[2]
PUBLIC = [
    "Conflict",
    "Fault",
    "Infeasible",
    "InputError",
    "Limit",
    "ModelError",
    "Policy",
    "PolicyError",
    "PricebidError",
    "Shop",
    "TableError",
    "__version__",
    "backtest",
    "choose",
    "fit",
    "forecast",
    "price",
    "what_if",
]


def test_the_exported_names_are_exactly_the_list() -> None:
    assert sorted(pricebid.__all__) == sorted(PUBLIC)
    assert dir(pricebid) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_an_exported_name_is_its_owners_object(name: str) -> None:
    exported = getattr(pricebid, name)
    if name != "__version__":
        assert exported is getattr(importlib.import_module(exported.__module__), name)
        assert exported.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'prize'"):
        pricebid.prize  # noqa: B018


def test_the_errors_form_the_tree_that_their_module_draws() -> None:
    assert issubclass(pricebid.TableError, pricebid.InputError)
    assert issubclass(pricebid.PolicyError, pricebid.InputError)
    assert issubclass(pricebid.ModelError, pricebid.InputError)
    assert issubclass(pricebid.Infeasible, pricebid.PricebidError)
    assert not issubclass(pricebid.Infeasible, pricebid.InputError)


def test_the_surface_is_typed_for_those_who_use_it(tmp_path: Path) -> None:
    assert (Path(pricebid.__file__).parent / "py.typed").exists()
    typing_file = Path(__file__).parent / "typing_surface.py"
    out = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(typing_file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert out.returncode == 0, out.stdout
