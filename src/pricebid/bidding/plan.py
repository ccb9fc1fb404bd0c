"""The bid plan: bids and multipliers, what they bring, how sure that is, and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pricebid.bidding.explain import BidCurve, bid_curve
from pricebid.bidding.housekeeping import rivals
from pricebid.bidding.limits import limit_reports, whole
from pricebid.bidding.numbers import Numbers, actions, numbers
from pricebid.bidding.reasons import reasons, reference, rival_words
from pricebid.bidding.spread import TOTALS, interval
from pricebid.bidding.summary import summary
from pricebid.errors import InputError
from pricebid.optimize.limits import relative_gap
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pricebid.bidding.free import Bound
    from pricebid.bidding.housekeeping import Hopeless
    from pricebid.bidding.ladders import BidRange, TimesGrid
    from pricebid.bidding.layout import Layout
    from pricebid.bidding.limits import BidLimit
    from pricebid.bidding.problem import BidProblem
    from pricebid.bidding.search import Found
    from pricebid.bidding.spread import Draws
    from pricebid.optimize import LimitReport
    from pricebid.policy import Policy

    Floats = NDArray[np.float64]

OPTIMAL_GAP = 1e-6
_SHOWN = ("impressions", "clicks", "cost", "conversions", "revenue", "profit")


@dataclass(frozen=True, kw_only=True, eq=False)
class BidPlan:
    """One bid per keyword and multipliers by campaign, per day.

    Parameters
    ----------
    policy : Policy
        As planned for.
    problem : BidProblem
        Landscape and values, so that the plan can be explained.
    range : BidRange
        Bids that may be set, and the current ones.
    grid : TimesGrid
        Multipliers that may be set.
    limits_kept : tuple of BidLimit
        What holds, budgets with the cushion that the plan needs.
    found : Found
        Bids, multipliers, objective and shadow prices.
    bound : Bound
        What no plan exceeds, free bids per keyword and hour among them.
    draws : Draws
        Totals of the current bids (plan 0) and of the planned ones (plan 1) over what is not known.
    hopeless : Hopeless
        Keywords paused because they surely lose money.
    seconds : dict of str to float
        Wall clock per stage.
    model : str
        What the outcomes came from.
    currency : str
        Of all money.
    remarks : tuple of str
        What whoever made the plan has to say about it; first among the notices.
    id : str
        UUIDv7.
    """

    policy: Policy
    problem: BidProblem = field(repr=False)
    range: BidRange = field(repr=False)
    grid: TimesGrid = field(repr=False)
    limits_kept: tuple[BidLimit, ...]
    found: Found = field(repr=False)
    bound: Bound = field(repr=False)
    draws: Draws = field(repr=False)
    hopeless: Hopeless = field(repr=False)
    seconds: dict[str, float]
    model: str = "BidLandscape"
    currency: str = ""
    remarks: tuple[str, ...] = ()
    id: str = field(default_factory=new_id)

    # -- what it says -------------------------------------------------------------------------------------------

    @property
    def layout(self) -> Layout:
        """What carries bids and multipliers."""
        return self.problem.layout

    @property
    def bid(self) -> Floats:
        """Planned bids, float64[entity], money per click; 0: paused."""
        return self.found.setting.bid

    @property
    def current(self) -> Floats:
        """Current bids, float64[entity]; NaN where there never was one."""
        return self.range.current

    @property
    def times(self) -> tuple[Floats, ...]:
        """Multipliers, float64[campaign, value]: by hour, then by each dimension of the layout."""
        return self.found.setting.times

    @property
    def gap(self) -> float:
        """How far, relative to it, the plan is from the bound: what it loses at most against free keyword x hour bids."""
        return relative_gap(self.found.value, self.bound.value)

    @property
    def status(self) -> Literal["optimal", "feasible"]:
        """``optimal`` where not even free bids per keyword and hour are worth more than a millionth more."""
        return "optimal" if self.gap <= OPTIMAL_GAP else "feasible"

    @property
    def scope(self) -> Literal["exact", "linearised"]:
        """``exact``: no plan within the limits, whatever its bids and multipliers, exceeds the bound."""
        return "exact"

    @cached_property
    def outcomes(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Expected outcomes per day of each keyword, at current and at planned bids, float64[entity] by name."""
        return self.problem.now(), self.problem.outcomes(self.found.setting)

    @cached_property
    def candidate(self) -> NDArray[np.bool_]:
        """Keywords that were never advertised, bool[entity]."""
        new = self.problem.landscape.candidate[self.layout.rows].astype(np.float64)
        return np.asarray(self.layout.total(new) > 0)

    @cached_property
    def action(self) -> NDArray[np.object_]:
        """What happens to each keyword, object[entity]: raise, lower, keep, pause or start."""
        return actions(self.bid, self.current, self.bid * self.mean_times)

    @cached_property
    def mean_times(self) -> Floats:
        """Mean of what multiplies each keyword's bid over its series and hours, float64[entity]."""
        times = self.found.setting.over(self.layout, slice(None))
        count = self.layout.total(np.ones(len(times)))
        return self.layout.total(times.mean(axis=1)) / count

    @cached_property
    def numbers(self) -> Numbers:
        """The numbers behind each bid."""
        return numbers(
            self.problem,
            self.found.setting,
            reference(self),
            limits=self.limits_kept,
            shadow_prices=self.found.shadow_prices,
        )

    @cached_property
    def said(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Keywords that say the same: group of each and size of the group, int64[entity]."""
        return rivals(self.layout)

    @cached_property
    def rivals(self) -> NDArray[np.object_]:
        """Which other keywords compete with each, object[entity] of str."""
        return rival_words(self)

    @cached_property
    def reason(self) -> NDArray[np.object_]:
        """Why each bid is what it is, object[entity] of str."""
        return reasons(self)

    @cached_property
    def limits(self) -> tuple[LimitReport, ...]:
        """How the plan stands to each limit."""
        even = self.policy.bids is None or self.policy.bids.budget_confidence == 0.5
        # At even odds the policy speaks of expected spend; what is left of a budget then shows as slack.
        kept = whole(self.limits_kept) if even else self.limits_kept
        return limit_reports(kept, self.outcomes[1], self.layout.campaign, self.found.shadow_prices)

    @cached_property
    def notices(self) -> tuple[str, ...]:
        """What is odd about the plan."""
        found = list(self.remarks)
        if (self.bid == 0).all():
            found.append("every keyword is paused: no bid within the limits is expected to add to the objective")
        for limit, price in zip(self.limits_kept, self.found.shadow_prices, strict=True):
            if limit.kind == "daily_budget" and limit.campaign is None and price > 0 and limit.cushion > 1.0:
                left = 1.0 - 1.0 / limit.cushion
                found.append(f"{limit.title}: {left:.1%} of it is left for what is not known and for chance")
        rivals_ = int((self.rivals != "").sum())
        if rivals_:
            found.append(f"{rivals_:,} keywords compete with others of the same words; their reasons name them")
        if self.policy.bids is not None and self.policy.bids.dayparts is not None and self.layout.hours == 1:
            found.append("no multipliers by hour: the table keywords has no column hour")
        return tuple(found)

    @cached_property
    def totals(self) -> dict[str, dict[str, Any]]:
        """Totals per day: ``now``, ``planned``, and ``uplift`` with the 80 % interval of its expectation."""
        totals: dict[str, dict[str, Any]] = {}
        for name, outcomes in zip(("now", "planned"), self.outcomes, strict=True):  # NaN: profit may not be known
            total: dict[str, Any] = {key: float(outcomes[key].sum()) for key in _SHOWN}
            total["roas"] = total["revenue"] / total["cost"] if total["cost"] > 0 else None
            total["cpa"] = total["cost"] / total["conversions"] if total["conversions"] > 0 else None
            totals[name] = total
        sums = self.draws.totals.sum(axis=2)
        totals["uplift"] = {}
        for at, key in enumerate(TOTALS):
            low, high = interval(sums[1, :, at] - sums[0, :, at])
            value = totals["planned"][key] - totals["now"][key]
            totals["uplift"][key] = {"value": value, "low": low, "high": high}
            low, high = interval(sums[1, :, at])
            totals["planned"][f"{key}_low"], totals["planned"][f"{key}_high"] = low, high
        return totals

    # -- ways out -----------------------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``bids``: one row per keyword, in the shop's own keys."""
        import pandas as pd

        keys = dict(zip(self.layout.columns, self.layout.labels, strict=True))
        columns = {name: self.outcomes[1][name] for name in _SHOWN}
        return pd.DataFrame(
            {
                **keys,
                "current_bid": self.current,
                "bid": self.bid,
                **columns,
                "action": self.action,
                "reason": self.reason,
            }
        )

    def dayparts_frame(self) -> pd.DataFrame:
        """Return the table ``dayparts``: ``campaign``, ``hour``, ``multiplier``; no row where bids do not differ by hour."""
        import pandas as pd

        times = self.times[0] if self.grid.hours else self.times[0][:0]
        campaigns = self.layout.campaigns[: len(times)]
        return pd.DataFrame(
            {
                "campaign": np.repeat(campaigns, self.layout.hours),
                "hour": np.tile(np.arange(self.layout.hours), len(times)),
                "multiplier": times.ravel(),
            }
        )

    def adjustments_frame(self) -> pd.DataFrame:
        """Return the table ``adjustments``: ``campaign``, ``dimension``, ``value``, ``multiplier``, of values that a campaign has."""
        import pandas as pd

        frames = []
        for dimension, times in zip(self.layout.dimensions, self.times[1:], strict=True):
            there = np.zeros(times.shape, dtype=bool)
            there[self.layout.series_campaign, dimension.code] = True
            campaign, value = np.nonzero(there)
            frames.append(
                pd.DataFrame(
                    {
                        "campaign": self.layout.campaigns[campaign],
                        "dimension": dimension.name,
                        "value": dimension.names[value],
                        "multiplier": times[campaign, value],
                    }
                )
            )
        names = ("campaign", "dimension", "value", "multiplier")
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({name: [] for name in names})

    def summary(self, *, moves: int = 10) -> str:
        """Return the plan in a page of text: totals, limits, the biggest moves with their reasons."""
        return summary(self, moves=moves)

    def explain(
        self, keyword: str, campaign: str | None = None, match_type: str | None = None, **keys: str
    ) -> BidCurve:
        """Return one keyword's curve: what each bid would bring, where the planned bid sits, what bars the others.

        Parameters
        ----------
        keyword, campaign, match_type, **keys : str
            Labels; those that leave only one keyword may be left out.

        Raises
        ------
        InputError
            No keyword, or several, have these labels.
        """
        given = {"keyword": keyword, "campaign": campaign, "match_type": match_type, **keys}
        wanted = {name: label for name, label in given.items() if label is not None}
        found = np.ones(len(self.layout), dtype=bool)
        for name, label in wanted.items():
            if name not in self.layout.columns:
                raise InputError(f"no column {name!r}; the plan has {', '.join(self.layout.columns)}")
            found &= self.layout.label(name) == label
        if found.sum() != 1:
            have = ", ".join(f"{name} {label!r}" for name, label in wanted.items())
            silent = ", ".join(name for name in self.layout.columns if name not in wanted)
            remedy = f"give {silent} too" if found.any() and silent else "give the labels of one, as in to_frame()"
            raise InputError(f"{int(found.sum())} keywords have {have}; {remedy}")
        return bid_curve(self, int(found.argmax()))

    def plot(self) -> Figure:
        """Draw the plan (needs matplotlib)."""
        from pricebid.report.bid_plots import plot_bid_plan

        return plot_bid_plan(self)

    def to_json(self) -> str:
        """Return plan.json."""
        content = {
            "id": self.id,
            "status": self.status,
            "objective": self.found.value,
            "bound": self.bound.value,
            "gap": self.gap,
            "scope": self.scope,
            "totals": self.totals,
            "limits": [asdict(limit) for limit in self.limits],
            "notices": list(self.notices),
            "currency": self.currency,
            "model": self.model,
            "seed": self.policy.seed,
            "seconds": {stage: round(value, 4) for stage, value in self.seconds.items()},
            "policy": self.policy.to_mapping(),
        }
        return json.dumps(_known(content), indent=2, default=float, allow_nan=False)

    def write(self, folder: str | Path, *, file_format: Literal["csv", "parquet"] = "csv") -> tuple[Path, ...]:
        """Write ``bids``, ``dayparts``, ``adjustments`` and ``plan.json``: all of them or none.

        Raises
        ------
        InputError
            The folder cannot be written to.
        """
        from pricebid.tables.write import write_results

        frames = {"bids": self.to_frame(), "dayparts": self.dayparts_frame(), "adjustments": self.adjustments_frame()}
        return write_results(folder, frames, documents={"plan.json": self.to_json()}, file_format=file_format)


def _known(value: Any) -> Any:  # noqa: ANN401 - plain trees of anything
    """What is not known, and a ratio of nothing to nothing, is null in JSON."""
    if isinstance(value, dict):
        return {key: _known(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_known(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
