"""The routes: thin endpoints; what fails is raised, and `errors.py` says it."""

from pricebid_api.routes import bids, decisions, feedback, jobs, plans, platform, quotes, shops, what_if

ROUTERS = (
    quotes.router,  # the hot ones first: routes are tried in order
    bids.router,
    feedback.router,
    shops.router,
    jobs.router,
    plans.router,
    what_if.router,
    decisions.router,
    platform.router,
)
"""Every router of the service, in the order of the document."""
