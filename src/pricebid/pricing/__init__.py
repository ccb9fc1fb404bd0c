"""Prices: ladders, price rules and portfolio limits over the demand model, and the plan that comes out."""

from pricebid.optimize import LimitReport
from pricebid.pricing.explain import Explanation
from pricebid.pricing.make import price
from pricebid.pricing.plan import PricePlan

__all__ = ["Explanation", "LimitReport", "PricePlan", "price"]
