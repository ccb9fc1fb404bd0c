"""`demo`: the main job on real supermarket data."""

from __future__ import annotations

from pricebid.cli._run import Run


def demo(run: Run) -> None:
    """Show the main job on real supermarket data that is shipped with the package.

    Orange juice in a supermarket chain, by store and week: forecasts are scored against the past, elasticities are
    learnt, prices are planned within limits, and the ten biggest moves are explained.
    """
