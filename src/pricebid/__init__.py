"""Prices and keyword bids from sales history, with proof of how good the plan is."""

__version__ = "0.1.0"
