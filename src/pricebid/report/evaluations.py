"""Off-policy evaluations for people and for ``--json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from pricebid.report.text import plain, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pricebid.learning.evaluation import Evaluation

_WORDS = {
    "logged": "as logged",
    "ips": "inverse propensity (IPS)",
    "snips": "self-normalised IPS",
    "dm": "direct method",
    "dr": "doubly robust",
    "sndr": "self-normalised doubly robust",
    "clipped ips": "IPS, weights clipped",
    "switch dr": "switch doubly robust",
    "dr-os": "doubly robust, weights shrunk",
}


def evaluation_report(found: Evaluation) -> RenderableType:
    """Lay out an evaluation: the answer, the estimators, how much the log holds of the candidate."""
    frame = found.to_frame()
    level = f"{100 * (1 - found.alpha):g} % interval"
    rows = [
        (_WORDS[name], f"{value:,.5g}", f"{low:,.5g} to {high:,.5g}", f"{bias:+,.3g}" if bias else "")
        for name, value, low, high, bias in zip(
            frame["estimator"], frame["value"], frame["low"], frame["high"], frame["bias"], strict=True
        )
    ]
    overlap = found.overlap
    weights = (
        f"The log's {overlap.decisions:,} decisions are worth {overlap.ess:,.0f} of the candidate's (effective sample size); "
        f"{overlap.matched:,} are ones it might have taken. Weights: mean {overlap.mean_weight:.3f}, largest "
        f"{overlap.largest_weight:,.3g}, which is {100 * overlap.largest_share:.2g} % of all."
    )
    return Group(
        Text(f"Evaluation of {found.candidate}", style="bold"),
        Text(found.answer),
        Text(),
        table("Reward per decision", ("estimator", "value", level, "bias of the cut"), rows),
        Text(weights),
        *(plain(f"note: {notice}") for notice in found.notices),
    )


def evaluation_summary(found: Evaluation) -> dict[str, Any]:
    """Give the answer, the estimates, the difference to the log, and the overlap."""
    gain = found.difference
    low, high = gain.interval(found.alpha)
    return {
        "candidate": found.candidate,
        "answer": found.answer,
        "alpha": found.alpha,
        "estimates": found.to_frame().drop(columns=["candidate"]).to_dict(orient="records"),
        "difference": {"value": gain.value, "error": gain.error, "low": low, "high": high},
        "overlap": asdict(found.overlap),
        "notices": list(found.notices),
    }
