"""The policy as frozen values: what to aim at, and what must hold. None means: not given, so it does not exist."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Amounts = tuple[tuple[str, float], ...]
SELECTORS = ("role", "stage", "category", "brand", "sku", "region", "segment")


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Weights of what the plan's sum is to be highest in; at least one is above 0.

    Parameters
    ----------
    profit, revenue, units : float
        Weight of contribution (money), of revenue before tax (money), and of units.
    """

    profit: float = 1.0
    revenue: float = 0.0
    units: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PriceRules:
    """What must hold for a single price.

    Parameters
    ----------
    min_margin : float, optional
        Least contribution ÷ revenue, below 1.
    max_change : float, optional
        Most of ``|new ÷ current - 1|``.
    max_region_spread : float, optional
        Most of dearest ÷ cheapest region - 1 of a sku.
    endings : tuple of float, optional
        Legal fractions of a price, each in [0, 1).
    step : float, optional
        Distance in money between candidate prices; never beside ``endings``.
    prior_low_days : int, optional
        A discount refers to the lowest price of that many days before the promotion began.
    on_conflict : {"fail", "hold"}, optional
        What happens to an offer whose rules leave no price.
    never_below_cost : bool, optional
        No price (without tax) is below cost and shipping.
    """

    min_margin: float | None = None
    max_change: float | None = None
    max_region_spread: float | None = None
    endings: tuple[float, ...] | None = None
    step: float | None = None
    prior_low_days: int | None = None
    on_conflict: Literal["fail", "hold"] | None = None
    never_below_cost: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Portfolio:
    """What must hold for the plan as a whole, over the horizon.

    Parameters
    ----------
    min_margin : float, optional
        Least total contribution ÷ total revenue.
    min_units_ratio : float, optional
        Least planned units ÷ units at current prices.
    min_revenue : float, optional
        Least revenue, money.
    max_price_changes : int, optional
        Most offers whose price moves.
    max_discount_cost : float, optional
        Most of the sum of max(current price - price, 0) x units, money.
    """

    min_margin: float | None = None
    min_units_ratio: float | None = None
    min_revenue: float | None = None
    max_price_changes: int | None = None
    max_discount_cost: float | None = None


@dataclass(frozen=True, kw_only=True)
class Market:
    """How rivals' prices are read.

    Parameters
    ----------
    own : str, optional
        Our own name among the competitors; its rows are left out.
    max_age_days : int, optional
        Older observations do not count.
    """

    own: str | None = None
    max_age_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order of prices among the offers a rule matches, within a region.

    Parameters
    ----------
    by : {"size", "brand"}
        ``size``: within a brand (of a category) larger packs; ``brand``: the brands in ``values``.
    per_unit : bool
        Compare price ÷ size; for sizes: never dearer per unit for the larger pack.
    min_gap : float
        Least distance of the two prices, as a share of the lower one.
    values : tuple of str
        Brands, the dearest first; empty for sizes.
    """

    by: Literal["size", "brand"] = "size"
    per_unit: bool = False
    min_gap: float = 0.0
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What must hold for the offers that match every selector given.

    Parameters
    ----------
    role, stage, category, brand, sku, region, segment : str, optional
        Selectors; an offer matches where its label is equal. None: any.
    market_average : tuple of float, optional
        Bounds of price ÷ average price of rivals - 1.
    order : Order, optional
        An order of prices among the matching offers.
    price : PriceRules, optional
        Price rules for the matching offers.
    """

    role: str | None = None
    stage: str | None = None
    category: str | None = None
    brand: str | None = None
    sku: str | None = None
    region: str | None = None
    segment: str | None = None
    market_average: tuple[float, float] | None = None
    order: Order | None = None
    price: PriceRules | None = None

    @property
    def selectors(self) -> tuple[tuple[str, str], ...]:
        """The selectors given, as (column, label)."""
        pairs = ((name, getattr(self, name)) for name in SELECTORS)
        return tuple((name, label) for name, label in pairs if label is not None)


@dataclass(frozen=True, kw_only=True)
class Dayparts:
    """Bid multipliers by campaign and hour: their range and grid."""

    min: float = 0.3
    max: float = 2.5
    step: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Bids:
    """What must hold for keyword bids; money per day or per click.

    Parameters
    ----------
    daily_budget : float, optional
        Money per day.
    budget_confidence : float
        Probability that the day's spend stays within the budget; 0.5: the expected spend does.
    min_roas : float, optional
        Least revenue ÷ cost.
    max_cpa : float, optional
        Most cost ÷ conversions, money.
    min_bid, max_bid : float, optional
        Range of a bid, money per click.
    step : float
        Distance between candidate bids, money.
    auction : {"first", "second"}, optional
        None: told from the data.
    conversion_delay : int, optional
        Days until conversions are complete.
    dayparts : Dayparts, optional
        None: no multipliers by hour.
    """

    daily_budget: float | None = None
    budget_confidence: float = 0.5
    min_roas: float | None = None
    max_cpa: float | None = None
    min_bid: float | None = None
    max_bid: float | None = None
    step: float = 0.01
    auction: Literal["first", "second"] | None = None
    conversion_delay: int | None = None
    dayparts: Dayparts | None = None


@dataclass(frozen=True, kw_only=True)
class Channels:
    """A budget over advertising channels, per period.

    Parameters
    ----------
    budget : float, optional
        Money per period.
    floors, caps : tuple of (channel, float)
        Least and most per channel: money where above 1, else a share of the budget.
    max_change : tuple of (channel, float)
        Most of ``|new ÷ last - 1|`` per channel.
    """

    budget: float | None = None
    floors: Amounts = ()
    caps: Amounts = ()
    max_change: Amounts = ()


@dataclass(frozen=True, kw_only=True)
class Learning:
    """How much may be spent on finding out.

    Parameters
    ----------
    exploration_budget : float, optional
        Share of the expected profit per day that exploration may cost, 0 to 1.
    """

    exploration_budget: float | None = None


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What to aim at and what must hold; see ``docs/policy.md`` for every key.

    Parameters
    ----------
    objective : Objective
        What is to be highest.
    horizon : int
        Periods of the sales table to plan for.
    seed : int
        Seed of everything random.
    price : PriceRules
        What holds for every price; its defaults are filled in.
    portfolio : Portfolio
        What holds for the plan as a whole.
    market : Market
        How rivals' prices are read.
    rules : tuple of Rule
        What holds for some offers.
    bids : Bids, optional
        What holds for keyword bids.
    channels : Channels, optional
        A budget over channels.
    learning : Learning, optional
        Exploration.

    Examples
    --------
    >>> policy = Policy.from_mapping({"horizon": 8, "price": {"max_change": 0.1, "endings": [0.99]}})
    >>> policy.horizon, policy.price.max_change, policy.price.endings, policy.price.step
    (8, 0.1, (0.99,), None)
    >>> Policy.from_toml("price.min_margn = 0.1")
    Traceback (most recent call last):
    ...
    pricebid.errors.PolicyError: policy line 1: price.min_margn: unknown key; did you mean 'min_margin'?; known here are ...
    """

    objective: Objective = Objective()
    horizon: int = 4
    seed: int = 0
    price: PriceRules = field(default=PriceRules(step=0.01, on_conflict="fail", never_below_cost=True))
    portfolio: Portfolio = Portfolio()
    market: Market = Market()
    rules: tuple[Rule, ...] = ()
    bids: Bids | None = None
    channels: Channels | None = None
    learning: Learning | None = None

    @classmethod
    def read(cls, path: str | Path) -> Policy:
        """Read a policy file (TOML).

        Raises
        ------
        PolicyError
            With every fault: the line, the key, the value got, the rule and the remedy.
        """
        from pricebid.policy.parse import read_policy

        return read_policy(path)

    @classmethod
    def from_toml(cls, text: str, *, source: str = "policy") -> Policy:
        """Read a policy from TOML text; ``source`` names it in errors.

        Raises
        ------
        PolicyError
            As `read`.
        """
        from pricebid.policy.parse import parse_toml

        return parse_toml(text, source)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, source: str = "policy") -> Policy:
        """Read a policy from the same keys as a mapping, such as JSON.

        Raises
        ------
        PolicyError
            As `read`, without lines.
        """
        from pricebid.policy.parse import parse_mapping

        return parse_mapping(mapping, source)

    def to_mapping(self) -> dict[str, Any]:
        """Return the policy as plain keys and values (for JSON), such that ``Policy.from_mapping`` gives it back."""
        from pricebid.policy.parse import policy_mapping

        return policy_mapping(self)
