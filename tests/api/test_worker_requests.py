"""What a job asks for is checked before anything runs, and every fault is told."""

import pytest

from pricebid import PolicyError
from pricebid_api.worker.request import KINDS, read_request


def faults_of(kind: str, policy: dict[str, object], options: dict[str, object]) -> str:
    with pytest.raises(PolicyError) as error:
        read_request(kind, policy, options)
    return str(error.value)


def test_options_are_read_and_the_policys_horizon_is_the_default() -> None:
    assert read_request("forecast", {"horizon": 6}, {}).horizon == 6
    asked = read_request("backtest", {}, {"horizon": 2, "origins": 3, "planned": ["visitors"]})
    assert (asked.horizon, asked.origins, asked.planned) == (2, 3, ("visitors",))
    assert read_request("price", {}, {"start": None}).start is None
    scenario = read_request("what-if", {}, {"scenario": {"policy": {"horizon": 2}}}).scenario
    assert scenario.policy_overrides == (("horizon", 2),)


def test_every_fault_is_told_at_once() -> None:
    told = faults_of("backtest", {"horizn": 3}, {"horizon": 0, "origins": "four", "planned": "x", "orgins": 2})
    for words in (
        "horizn",
        "0 is not a whole number",
        "'four' is not",
        "no list of texts",
        "no such option",
        "origins",
    ):
        assert words in told


@pytest.mark.parametrize("kind", KINDS)
def test_an_option_of_another_kind_is_refused(kind: str) -> None:
    assert f"a {kind} job takes" in faults_of(
        kind, {}, {"colour": 1} | ({"scenario": {"x": 1}} if kind == "what-if" else {})
    )


def test_an_unknown_kind_is_refused() -> None:
    assert "'buy' is none of fit, forecast" in faults_of("buy", {}, {})


def test_a_scenario_is_checked_with_the_policy_that_it_changes() -> None:
    assert "a what-if needs" in faults_of("what-if", {}, {})
    assert "changes nothing" in faults_of("what-if", {}, {"scenario": {"change": [{"table": "catalog"}]}})
    clash = {"scenario": {"policy": {"bids": {"max_bid": 0.1}}}}
    assert "min_bid" in faults_of("what-if", {"bids": {"min_bid": 0.5}}, clash)
