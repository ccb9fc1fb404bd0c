"""What docs/production.md says is what there is: settings, metrics, scopes."""

import re
from dataclasses import fields
from pathlib import Path

import yaml

from pricebid_api import Settings
from pricebid_api.auth import SCOPES
from pricebid_api.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "production.md").read_text(encoding="utf8")
EXAMPLES = {
    name: part
    for text in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    for name, part in yaml.safe_load(text).items()
}
SAID = dict(re.findall(r"^\| `(PRICEBID_\w+)` \| ([^|]+) \|", PAGE, flags=re.MULTILINE))


def test_every_setting_is_on_the_page_with_its_default_and_no_other():
    there = {f"PRICEBID_{one.name.upper()}": one.default for one in fields(Settings)}
    assert set(SAID) == {*there, "PRICEBID_SECRET", "PRICEBID_SECRET_BEFORE"}
    given = {name: said.strip("` ") for name, said in SAID.items() if name in there}
    read = Settings.from_environment(given)
    assert {name: getattr(read, name.removeprefix("PRICEBID_").lower()) for name in there} == there


def test_every_alert_asks_for_figures_that_the_service_gives():
    rules = EXAMPLES["groups"][0]["rules"]
    there = {sample.name for family in Metrics().registry.collect() for sample in family.samples}
    names = {family.name for family in Metrics().registry.collect()}
    there |= names | {f"{name}_total" for name in names} | {f"{name}_bucket" for name in names}
    asked = {name for rule in rules for name in re.findall(r"pricebid_\w+", rule["expr"])}
    assert asked <= there
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 8


def test_prometheus_is_shown_how_to_present_a_key():
    (job,) = EXAMPLES["scrape_configs"]
    assert list(job["authorization"]) == ["credentials_file"], (
        "the type is Bearer by default, and no key stands in the file"
    )
    assert "pricebid keys create --name prometheus --scope read`, without `--shop`" in PAGE


def test_scopes_on_the_page_are_scopes():
    assert set(re.findall(r"--scope (\w+)", PAGE)) <= set(SCOPES)
