"""Quotes and bids now, from an immutable snapshot of a published plan."""
