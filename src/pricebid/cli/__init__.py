"""The `pricebid` command. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

from typing import Annotated

import typer

from pricebid.cli._bid import bid
from pricebid.cli._channels import attribute, channels
from pricebid.cli._demo import demo
from pricebid.cli._evaluate import evaluate
from pricebid.cli._experiment import experiment
from pricebid.cli._joint import plan
from pricebid.cli._model import backtest, elasticities, fit, forecast
from pricebid.cli._plan import price, whatif
from pricebid.cli._review import review
from pricebid.cli._run import add_command, prepare
from pricebid.cli._serve import create, keys, list_, revoke, serve
from pricebid.cli._shop import check, init
from pricebid.cli._simulate import simulate
from pricebid.cli._worker import worker

__all__ = ["app", "main"]

_START, _KNOW, _DECIDE, _ADVERTISE, _PROVE = "Start here", "Know what sells", "Decide", "Advertise", "Prove"
_SERVE = "Serve"

app = typer.Typer(
    name="pricebid",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Sales and ad reports in, prices and bids out: with reasons, and proof of how good the plan is.",
    epilog="Exit codes: 0 done, 2 bad input or usage, 3 infeasible limits, 1 anything else.",
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - a flag's callback
    if wanted:
        from pricebid import __version__

        typer.echo(f"pricebid {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *, _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False
) -> None:
    pass


add_command(app, demo, panel=_START, example="pricebid demo --out demo-results")
add_command(app, init, panel=_START, example="pricebid init my-shop", writes=False)
add_command(app, check, panel=_START, example="pricebid check my-shop --policy my-shop/policy.toml", writes=False)
add_command(app, fit, panel=_KNOW, example="pricebid fit my-shop --model my-model", writes=False)
add_command(app, forecast, panel=_KNOW, example="pricebid forecast my-shop --horizon 8")
add_command(app, backtest, panel=_KNOW, example="pricebid backtest my-shop --horizon 4 --origins 4")
add_command(app, elasticities, panel=_KNOW, example="pricebid elasticities my-shop --model my-model")
add_command(app, price, panel=_DECIDE, example="pricebid price my-shop --policy my-shop/policy.toml")
add_command(
    app,
    whatif,
    panel=_DECIDE,
    example="pricebid whatif my-shop --policy my-shop/policy.toml --scenario my-shop/scenario.toml",
)
add_command(app, review, panel=_PROVE, example="pricebid review my-plan my-shop --out my-review")
add_command(app, bid, panel=_ADVERTISE, example="pricebid bid my-shop --policy my-shop/policy.toml")
add_command(app, plan, panel=_ADVERTISE, example="pricebid plan my-shop --policy my-shop/policy.toml")
add_command(app, channels, panel=_ADVERTISE, example="pricebid channels my-shop --policy my-shop/policy.toml")
add_command(app, attribute, panel=_ADVERTISE, example="pricebid attribute my-shop --window 30")
add_command(app, experiment, panel=_PROVE, example="pricebid experiment my-shop --name checkout --sequential")
add_command(app, evaluate, panel=_PROVE, example="pricebid evaluate decisions.csv --policy candidate.toml")
add_command(app, simulate, panel=_PROVE, example="pricebid simulate --days 30 --refit 7")
add_command(app, serve, panel=_SERVE, example="pricebid serve --port 8000", writes=False)
add_command(app, worker, panel=_SERVE, example="pricebid worker --jobs 2", writes=False)
add_command(keys, create, panel=_SERVE, example="pricebid keys create --scope quote --scope feedback", writes=False)
add_command(keys, list_, panel=_SERVE, example="pricebid keys list", writes=False)
add_command(
    keys, revoke, panel=_SERVE, example="pricebid keys revoke 01a20f3e-680b-7df4-8961-1e3b59cc8cba", writes=False
)
app.add_typer(keys, name="keys", rich_help_panel=_SERVE)


def main() -> None:
    """Run the command line; exits with the code of the contract."""
    prepare()
    app()
