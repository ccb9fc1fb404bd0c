"""Bids, dayparts, adjustments, channel budgets and pacing: landscapes in, plans and live bids out."""

__all__: list[str] = []
