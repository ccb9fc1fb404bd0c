"""Solvers keep quiet: with --json, standard output is for one JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.optimize import Limit, choose

if TYPE_CHECKING:
    import pytest


def test_neither_the_dual_nor_the_integer_program_prints_anything(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    outcomes = {name: rng.uniform(1.0, 2.0, (30, 4)) for name in ("profit", "units")}
    choose(outcomes, maximise="profit", limits=[Limit("units", at_most=44.0), Limit("units", at_least=40.0)])
    assert tuple(capfd.readouterr()) == ("", "")
