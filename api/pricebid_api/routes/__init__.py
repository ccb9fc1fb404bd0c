"""The routes: thin endpoints; what fails is raised, and `errors.py` says it."""

from pricebid_api.routes import decisions, feedback, jobs, plans, platform, quotes, shops, what_if

ROUTERS = (
    shops.router,
    jobs.router,
    plans.router,
    quotes.router,
    feedback.router,
    what_if.router,
    decisions.router,
    platform.router,
)
"""Every router of the service, in the order of the document."""
