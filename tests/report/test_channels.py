"""What people and machines are told of attributions; channel plans are told of in tests/cli."""

import json

from rich.console import Console

from pricebid.landscape.attribution import attribute
from pricebid.landscape.attribution_paths import counted_paths
from pricebid.report.channels import attribution_report, attribution_summary


def many(channels: int) -> object:
    names = [f"channel {at:02} > direct" for at in range(channels)]
    return attribute(counted_paths(names, conversions=[1] * channels, nulls=[1] * channels))


def test_nine_rules_fit_a_hundred_columns_and_the_smallest_channels_are_put_together() -> None:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(attribution_report(many(30)))  # type: ignore[arg-type]
    text = capture.get()
    assert "…" not in text
    assert "11 others" in text
    assert "by rate" in text
    last = next(line for line in text.splitlines() if line.strip().startswith("in all"))
    assert last.split()[2:] == ["30.0"] * 9


def test_a_few_rules_leave_room_for_what_would_be_lost() -> None:
    found = attribute(counted_paths(["a > b", "b"], conversions=[1, 0], nulls=[0, 1]), rules=["last", "markov"])
    console = Console(width=100)
    with console.capture() as capture:
        console.print(attribution_report(found))
    assert "lost without" in capture.get()


def test_the_summary_for_machines_is_plain_and_whole() -> None:
    found = attribute(counted_paths(["a > b", "b"], conversions=[1, 0], value=[5.0, 0], nulls=[0, 1]))
    content = json.loads(json.dumps(attribution_summary(found)))
    assert content["conversions"] == 1.0
    assert content["rules"]["last"]["value"] == {"a": 0.0, "b": 5.0}
    assert content["removal_effects"]["b"] == 1.0
    assert any("last_non_direct" in notice for notice in content["notices"])
