"""`demo`: the main job on real supermarket data."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pricebid.cli._model import get_model, read_shop
from pricebid.cli._run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricebid.bidding import BidPlan
    from pricebid.pricing import PricePlan

PICTURE = "plan.png"
ORIGINS = 4


def demo(run: Run) -> None:
    """Show the main job on real supermarket data that is shipped with the package.

    Orange juice in a supermarket chain, by store and week: forecasts are scored against the past, elasticities are
    learnt, prices are planned within limits, and the ten moves that are worth most are explained. Then bids, on a keyword
    report that is simulated. Writes what `forecast`, `backtest`, `elasticities`, `price` and (prefixed simulated_) `bid`
    write, and pictures of both plans.
    """
    from pricebid import engine
    from pricebid.cli._demo_ads import bid_demo
    from pricebid.datasets import orange_juice_path
    from pricebid.report import bids, frames, models, plans, summaries, text

    folder = orange_juice_path()
    # Quietly: what this shop lacks is no news to somebody who came to see a demo.
    shop = read_shop(run, folder, quietly=True)
    policy = engine.read_policy(folder / "policy.toml")
    run.show(text.section("Orange juice, 11 packs in 83 stores"), text.history_words(shop.history()))
    with run.progress("Backtesting") as progress:
        score = engine.backtest(shop, horizon=policy.horizon, origins=ORIGINS, seed=policy.seed, progress=progress)
    run.show("", text.section("How good are the forecasts?"), models.accuracy_report(score))
    model = get_model(run, shop, folder=None, seed=policy.seed)
    elasticities = model.elasticities()
    run.show("", text.section("How do buyers answer to prices?"), models.elasticity_report(elasticities, shop.offers))
    with run.progress("Planning") as progress:
        plan = engine.price(shop, model, policy, progress=progress)
    run.show("", text.section("Which prices earn most within the limits?"), plans.plan_report(plan))
    ads = bid_demo(run, seed=policy.seed)
    tables = {
        "backtest": score.to_frame(),
        "metrics": score.metrics_frame(),
        "forecast": frames.forecast_frame(model, engine.forecast(shop, model, horizon=policy.horizon)),
        "elasticities": frames.elasticity_frame(model, elasticities),
        "cross": frames.cross_frame(model, elasticities),
        "prices": plan.to_frame(),
        "simulated_bids": ads.to_frame(),
        "simulated_dayparts": ads.dayparts_frame(),
    }
    drawn = {**picture(run, plan, PICTURE), **picture(run, ads, "simulated_bids.png")}
    files = run.write(tables, {"plan.json": plan.to_json(), "simulated_bid_plan.json": ads.to_json(), **drawn})
    run.show("", text.section("Files"), text.where(files), text.plain(f"What went in, and the policy: {folder}"))
    simulated = {"simulated_bids": bids.bid_summary(ads)}
    run.finish({"files": files, **summaries.accuracy_summary(score), **summaries.plan_summary(plan), **simulated})


def picture(run: Run, plan: PricePlan | BidPlan, name: str) -> Mapping[str, bytes]:
    """Draw a plan; without matplotlib say how to get it, and go on."""
    from pricebid.errors import InputError

    try:
        figure = plan.plot()
    except InputError as error:
        run.note(f"note: no picture: {error}")
        return {}
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return {name: drawn.getvalue()}
