"""One template shop and one model of it, made by the commands themselves."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pricebid.cli import app


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """A folder with a shop and a model.

    Parameters
    ----------
    shop, model : Path
        As `init` and `fit` made them.
    """

    shop: Path
    model: Path

    def run(self, *arguments: object, expect: int = 0) -> str:
        """Run a command and give its standard output."""
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == expect, result.output
        return result.stdout

    def said(self, *arguments: object, expect: int = 0) -> str:
        """Run a command and give what it said on standard error, on one line."""
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == expect, result.output
        return " ".join(result.stderr.split())

    def json(self, *arguments: object, expect: int = 0) -> dict[str, Any]:
        """Run a command with --json and give what it printed."""
        return json.loads(self.run(*arguments, "--json", "--quiet", expect=expect))

    @property
    def policy(self) -> Path:
        """The template's policy."""
        return self.shop / "policy.toml"


@pytest.fixture(scope="session")
def unfitted(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The shop alone, for commands that take no model: a fit takes seconds."""
    folder = tmp_path_factory.mktemp("place")
    place = Workplace(shop=folder / "shop", model=folder / "model")
    place.run("init", place.shop)
    return place


@pytest.fixture(scope="session")
def place(unfitted: Workplace) -> Workplace:
    unfitted.run("fit", unfitted.shop, "--model", unfitted.model, "--quiet")
    return unfitted
