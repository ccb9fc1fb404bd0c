"""What `--json` prints: the same results as the tables for people, as plain values."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pricebid.report.models import group_elasticities, grouping

if TYPE_CHECKING:
    from pricebid.demand import BacktestResult, DemandModel, Elasticities, Forecast
    from pricebid.planning import Comparison
    from pricebid.pricing import PricePlan
    from pricebid.tables import Offers, Shop


def shop_summary(shop: Shop) -> dict[str, Any]:
    """Give what a shop holds: rows by table, the history's extent, warnings and notices."""
    summary: dict[str, Any] = {
        "tables": {one.name: len(one) for one in shop.tables},
        "warnings": [asdict(fault) for fault in shop.warnings],
        "notices": list(shop.notices),
    }
    if shop.table("sales") is not None:
        history = shop.history()
        summary |= {
            "offers": len(history.offers),
            "frequency": history.frequency,
            "first": str(history.periods[0]),
            "last": str(history.periods[-1]),
            "periods": len(history.periods),
        }
    return summary


def plan_summary(plan: PricePlan) -> dict[str, Any]:
    """Give what plan.json holds, and how many prices move."""
    content: dict[str, Any] = json.loads(plan.to_json())
    return {"plan": content, "prices": len(plan.price), "moved": int(plan.changed.sum())}


def model_summary(model: DemandModel) -> dict[str, Any]:
    """Give the model's accuracy on periods held out, and its mean own elasticity."""
    own = model.elasticities().own
    return {"offers": len(own), "held_out": asdict(model.calibration), "mean_own_elasticity": float(own.mean())}


def forecast_summary(forecast: Forecast) -> dict[str, Any]:
    """Give the periods forecast and the totals expected."""
    return {
        "first": str(forecast.periods[0]),
        "last": str(forecast.periods[-1]),
        "offers": len(forecast.mean),
        "units": float(forecast.mean.sum()),
        "revenue_at_shelf_price": float((forecast.mean * forecast.price).sum()),
    }


def accuracy_summary(result: BacktestResult) -> dict[str, Any]:
    """Give the scores of the engine and of the baselines over all blocks."""
    return {"blocks": len(result.origins), "scores": [asdict(one) for one in result.scores]}


def elasticity_summary(elasticities: Elasticities, offers: Offers) -> dict[str, Any]:
    """Give mean elasticities by brand (else category, else sku)."""
    name, labels = grouping(offers)
    groups = group_elasticities(elasticities, labels)
    return {"by": name, "groups": [asdict(one) for one in groups], "specification": elasticities.specification}


def comparison_summary(both: Comparison) -> dict[str, Any]:
    """Give what comparison.json holds."""
    content: dict[str, Any] = json.loads(both.to_json())
    return content
