"""The main paths, a few lines each: read, fit, forecast, price, bid, plan, review, learn. No arithmetic here.

Each function imports the parts it needs when it is called, so that importing pricebid stays free of them.
"""

from pricebid.engine._advertising import attribute, bid, channels, check_ads, landscape, plan
from pricebid.engine._learning import evaluate, experiment, explore, plan_experiment, schedule_switchback, simulate
from pricebid.engine._pricing import backtest, fit, forecast, load, price, read, read_policy, review, what_if

__all__ = [
    "attribute",
    "backtest",
    "bid",
    "channels",
    "check_ads",
    "evaluate",
    "experiment",
    "explore",
    "fit",
    "forecast",
    "landscape",
    "load",
    "plan",
    "plan_experiment",
    "price",
    "read",
    "read_policy",
    "review",
    "schedule_switchback",
    "simulate",
    "what_if",
]
