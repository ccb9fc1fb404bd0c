"""What if: the same functions on changed inputs, beside the plan as things are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pricebid.errors import InputError
from pricebid.policy import Scenario
from pricebid.pricing import PricePlan, price
from pricebid.pricing.intervals import OUTCOMES, interval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    import pandas as pd

    from pricebid.policy import Policy
    from pricebid.pricing.make import Responds
    from pricebid.tables import Shop


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One total in both plans.

    Parameters
    ----------
    outcome : str
        ``profit``, ``revenue`` or ``units``.
    baseline, scenario : float
        Expected totals over the horizon, both at planned prices.
    difference : float
        Scenario less baseline.
    low, high : float
        The interval that holds the expected difference with 80 % probability.
    """

    outcome: str
    baseline: float
    scenario: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Two plans: as things are, and in the scenario.

    Parameters
    ----------
    baseline, scenario : PricePlan
        The plans, made with the same demand model and the same draws of its parameters.
    """

    baseline: PricePlan
    scenario: PricePlan

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Totals in both, with intervals on the difference.

        The draws are common to both plans, so that what is uncertain about both alike does not blur the difference.
        """
        found = []
        for at, name in enumerate(OUTCOMES):
            before, after = self.baseline.totals["planned"][name], self.scenario.totals["planned"][name]
            if before is None or after is None:
                continue
            draws = self.scenario.spread.totals[1, :, at] - self.baseline.spread.totals[1, :, at]
            low, high = interval(draws)
            found.append(
                Difference(outcome=name, baseline=before, scenario=after, difference=after - before, low=low, high=high)
            )
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``comparison``: outcome, baseline, scenario, difference, low, high."""
        import pandas as pd

        return pd.DataFrame([vars(one) for one in self.differences])

    def prices(self) -> pd.DataFrame:
        """Return the prices that differ, ``previous_*`` being the baseline's; see :meth:`PricePlan.diff`."""
        return self.scenario.diff(self.baseline)

    def summary(self, *, moves: int = 10) -> str:
        """Return both plans beside each other in text, and the prices that differ most."""
        lines = [f"{'':<10}{'as things are':>16}{'scenario':>16}{'difference':>16}   80 % interval"]
        for one in self.differences:
            span = f"{one.low:+,.2f} to {one.high:+,.2f}"
            lines.append(
                f"{one.outcome:<10}{one.baseline:>16,.2f}{one.scenario:>16,.2f}{one.difference:>+16,.2f}   {span}"
            )
        frame = self.prices()
        both = frame["price"].notna() & frame["previous_price"].notna()
        lines += ["", f"{int(both.sum()):,} of {len(self.scenario.price):,} prices differ"]
        keys = [name for name in self.scenario.offers.columns if name in frame.columns]
        for row in frame[both].head(moves).to_dict("records"):
            label = " in ".join(str(row[name]) for name in keys)
            lines.append(f"  {label}: {row['previous_price']:,.2f} -> {row['price']:,.2f}  {row['reason']}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return the comparison as JSON: the differences, and both plans' documents."""
        content: dict[str, Any] = {
            "differences": [vars(one) for one in self.differences],
            "baseline": json.loads(self.baseline.to_json()),
            "scenario": json.loads(self.scenario.to_json()),
        }
        return json.dumps(content, indent=2, allow_nan=False)


def what_if(
    shop: Shop,
    model: Responds,
    policy: Policy,
    scenario: Scenario | Mapping[str, Any],
    *,
    start: date | str | None = None,
    baseline: PricePlan | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Comparison:
    """Change inputs, plan again with the same functions, and compare with the plan as things are.

    Parameters
    ----------
    shop, model, policy
        As for `pricebid.price`. The model is not fitted again: a change of the sales history does not change it.
    scenario : Scenario or mapping
        Changes to tables (costs, rivals' prices, stock, a price by hand through ``planned``) and policy overrides.
    start : date, optional
        First period planned for, in both.
    baseline : PricePlan, optional
        The plan as things are, where it is there already.
    progress : callable, optional
        Called as ``progress(stage, share)``.

    Raises
    ------
    InputError
        The scenario does not fit the shop or the policy, or adds offers that the baseline does not have.
    Infeasible
        One of the two has no plan.
    """
    change = scenario if isinstance(scenario, Scenario) else Scenario.from_mapping(scenario)
    changed = shop
    for one in change.changes:
        changed = changed.changed(one, horizon=policy.horizon)
    if len(changed.offers) != len(shop.offers) or any(
        (a != b).any() for a, b in zip(changed.offers.labels, shop.offers.labels, strict=True)
    ):
        raise InputError(
            "the scenario adds or removes offers, so that the plans cannot be compared; change values only"
        )
    before = baseline or price(shop, model, policy, start=start, progress=progress)
    after = price(changed, model, change.policy(policy), start=start, progress=progress)
    return Comparison(baseline=before, scenario=after)
