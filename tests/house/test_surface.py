"""The public surface is exactly this list, typed, and found without importing what owns it."""

import importlib
import tomllib
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
    "attribute",
    "backtest",
    "bid",
    "channels",
    "choose",
    "fit",
    "forecast",
    "plan",
    "price",
    "review",
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


def test_the_surface_is_typed_for_those_who_use_it() -> None:
    assert (Path(pricebid.__file__).parent / "py.typed").exists()
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["tool"]["mypy"]
    assert checked["strict"]
    # `make lint` checks this file: its assert_type lines fail there if the surface loses a type.
    assert "tests/house/typing_surface.py" in checked["files"]
    assert "assert_type" in (ROOT / "tests/house/typing_surface.py").read_text(encoding="utf8")
