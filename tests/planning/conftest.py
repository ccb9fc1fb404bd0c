"""The builders of tests/pricing, for planning."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tools() -> type:
    path = Path(__file__).parents[1] / "pricing" / "conftest.py"
    spec = importlib.util.spec_from_file_location("pricing_builders", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return type(
        "Tools",
        (),
        {
            "KnownDemand": module.KnownDemand,
            "shop": staticmethod(module.make_shop),
            "policy": staticmethod(module.policy_of),
        },
    )
