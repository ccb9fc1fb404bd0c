"""Estimators against the Open Bandit Pipeline's own numbers; make_obp_values.py made them."""

import json
from pathlib import Path

import numpy as np
import pytest

from pricebid.learning.evaluation import estimators as by

STORED = json.loads(Path(__file__).with_name("obp_values.json").read_text(encoding="utf8"))
REWARD, GUESS, LAW = (np.array(STORED[name]) for name in ("reward", "guess", "law"))
OPTION = np.array(STORED["option"])
WEIGHT = LAW[np.arange(len(OPTION)), OPTION] / np.array(STORED["propensity"])
TOLD = (REWARD, WEIGHT, OPTION, LAW, GUESS)
MOST = STORED["tau"]
OURS = {
    "ips": by.inverse_propensity(REWARD, WEIGHT),
    "clipped ips": by.clipped_inverse_propensity(REWARD, WEIGHT, most=MOST),
    "snips": by.self_normalised(REWARD, WEIGHT),
    "dm": by.direct_method(LAW, GUESS),
    "dr": by.doubly_robust(*TOLD),
    "sndr": by.self_normalised_doubly_robust(*TOLD),
    "switch dr": by.switch_doubly_robust(*TOLD, most=MOST),
    "dr-os": by.shrunk_doubly_robust(*TOLD, strength=STORED["lambda"]),
}


@pytest.mark.parametrize("name", OURS)
def test_an_estimate_is_that_of_the_open_bandit_pipeline(name: str) -> None:
    assert OURS[name].name == name
    assert abs(OURS[name].value - STORED["values"][name]) < 1e-8


def test_the_stored_numbers_tell_the_estimators_apart() -> None:
    values = sorted(STORED["values"].values())
    assert min(np.diff(values)) > 1e-5


@pytest.mark.parametrize("name", OURS)
def test_influences_have_mean_0(name: str) -> None:
    assert abs(OURS[name].influence.mean()) < 1e-12


@pytest.mark.parametrize(("name", "whole"), [("clipped ips", "ips"), ("switch dr", "dr"), ("dr-os", "dr")])
def test_the_bias_of_a_cut_is_what_it_changed(name: str, whole: str) -> None:
    assert OURS[name].value - OURS[name].bias == pytest.approx(OURS[whole].value, abs=1e-12)
