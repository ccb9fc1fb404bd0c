"""The published bids of a shop as they lie in memory: immutable, swapped whole."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import InputError
from pricebid.live.clock import Clock
from pricebid.live.keys import HOURS
from pricebid.live.prices import numbers, plan_json, read_table
from pricebid.live.tokens import MOST_MINOR, plan_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pricebid.tables import Settings
    from pricebid.tables.ads import Campaigns

Labels = tuple[str, str, str, str]  # campaign, keyword, match_type, sku; "" where there is none
COLUMNS = ("campaign", "keyword", "match_type", "sku")
DECIMALS = 6  # bids and budgets are whole millionths of money ("micros"): a bid's step may be finer than a coin
MICRO = 10**DECIMALS
AMBIGUOUS = -2


@dataclass(frozen=True, kw_only=True, eq=False)
class CampaignLimits:
    """What holds for campaigns, in money; NaN where nothing does.

    Parameters
    ----------
    campaigns : sequence of str
        Names; "" for keywords without a campaign.
    min_bid, max_bid : float64[campaign]
        Range of a bid, per click.
    daily_budget : float64[campaign]
        Per local day.
    """

    campaigns: Sequence[str]
    min_bid: NDArray[np.float64]
    max_bid: NDArray[np.float64]
    daily_budget: NDArray[np.float64]

    @classmethod
    def of_table(cls, campaigns: Campaigns) -> CampaignLimits:
        """Take the limits of a shop's table ``campaigns`` (``shop.campaigns``)."""
        return cls(
            campaigns=campaigns.labels.tolist(),
            min_bid=campaigns.min_bid,
            max_bid=campaigns.max_bid,
            daily_budget=campaigns.daily_budget,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class BidSnapshot:
    """What one shop bids until the next publish.

    Parameters
    ----------
    shop, currency : str
        The shop, and the currency of all money.
    clock : Clock
        The shop's local time.
    plan : str
        Id of the plan.
    rows : mapping of labels to int
        Row of each keyword by (campaign, keyword, match_type, sku).
    short : mapping of (campaign, keyword) to int
        The same where campaign and keyword say enough; -2 where they do not.
    bid : float64[row]
        Planned bid per click before multipliers, money; 0: paused.
    from_plan : bool[row]
        False where the plan gives no bid and the current one is used.
    campaign : int64[row]
        Place in ``campaigns``.
    campaigns : tuple of str
        Names.
    times : float64[campaign, 24]
        Multipliers by local hour.
    adjustments : mapping of dimension to (mapping of value to int, float64[campaign, value + 1])
        Multipliers by ``region``, ``segment``, ``device``; the last column is 1, for values without one.
    low, high : float64[campaign]
        Range of a bid, money.
    step : float
        Bids are whole steps, money.
    budgets : mapping of campaign to int
        Micros per local day; "" is the whole shop's. Campaigns without a budget of their own are not in it.
    digest : uint64[row]
        Digest of each row's labels, as tokens carry it.
    serial : int
        Of the publish that it shows.
    """

    shop: str
    currency: str
    clock: Clock
    plan: str
    rows: Mapping[Labels, int] = field(repr=False)
    short: Mapping[tuple[str, str], int] = field(repr=False)
    bid: NDArray[np.float64] = field(repr=False)
    from_plan: NDArray[np.bool_] = field(repr=False)
    campaign: NDArray[np.int64] = field(repr=False)
    campaigns: tuple[str, ...] = field(repr=False)
    times: NDArray[np.float64] = field(repr=False)
    adjustments: Mapping[str, tuple[Mapping[str, int], NDArray[np.float64]]] = field(repr=False)
    low: NDArray[np.float64] = field(repr=False)
    high: NDArray[np.float64] = field(repr=False)
    step: float
    budgets: Mapping[str, int]
    digest: NDArray[np.uint64] = field(repr=False)
    serial: int = 0

    def __len__(self) -> int:
        return len(self.bid)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self.digest)

    @cached_property
    def _least(self) -> NDArray[np.float64]:
        """Least bid of each campaign, steps."""
        return np.asarray(np.ceil(self.low / self.step - 1e-6))

    @cached_property
    def words(self) -> NDArray[np.uint64]:
        """Words of the plan's id in tokens, uint64[1, 2]."""
        return np.array([plan_words(self.plan)], dtype=np.uint64)

    def find(self, digest: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the rows of digests, int64[digest]; -1 where no keyword has one."""
        at = np.minimum(np.searchsorted(self.digest, digest, sorter=self._order), len(self) - 1)
        row = self._order[at]
        return np.where(self.digest[row] == digest, row, -1)

    def planned(
        self, row: NDArray[np.int64], hour: NDArray[np.int64] | int, values: Mapping[str, Sequence[str | None]]
    ) -> NDArray[np.float64]:
        """Return base bid x multipliers, float64[bid], money, before pacing and limits.

        Parameters
        ----------
        row : int64[bid]
            Keywords.
        hour : int64[bid] or int
            Local hours.
        values : mapping of dimension to sequence of str or None
            Values of ``region``, ``segment`` and ``device`` where they are known.
        """
        campaign = self.campaign[row]
        bid = self.bid[row] * self.times[campaign, hour]
        for name, (place, times) in self.adjustments.items():
            asked = values.get(name)
            if asked is not None:
                last = times.shape[1] - 1
                bid = bid * times[campaign, [last if one is None else place.get(one, last) for one in asked]]
        return np.asarray(bid)

    def allowed(self, bid: NDArray[np.float64], campaign: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return bids as they may be set, micros: whole steps within the campaign's range; 0 stays 0."""
        # Rounding down keeps what was planned to spend; the range's lower end is rounded up.
        steps = np.floor(np.minimum(bid, self.high[campaign]) / self.step + 1e-6)
        micros = np.rint(np.maximum(steps, self._least[campaign]) * (self.step * MICRO)) * (bid > 0)
        return np.asarray(micros.astype(np.int64))


def build_bids(
    shop: str,
    settings: Settings,
    *,
    files: Mapping[str, bytes],
    limits: CampaignLimits | None = None,
    serial: int = 0,
) -> BidSnapshot:
    """Build a snapshot from a bid plan's files, off the hot path.

    Parameters
    ----------
    shop : str
        The shop.
    settings : Settings
        Currency and time zone.
    files : mapping of file name to bytes
        ``plan.json``, ``bids``, ``dayparts`` and ``adjustments`` (CSV or Parquet), as ``BidPlan.write`` writes them.
    limits : CampaignLimits, optional
        Those of the shop's campaigns; the policy's hold beside them.
    serial : int
        Of the publish.

    Raises
    ------
    InputError
        A file is missing or is not what a plan writes, or a bid is above what a token can hold.
    """
    told = plan_json(files)
    policy = told.get("policy", {}).get("bids") or {}
    table = read_table(files, "bids")
    columns = [table.column(name).to_pylist() if name in table.column_names else [""] * len(table) for name in COLUMNS]
    labels: list[Labels] = [tuple("" if one is None else str(one) for one in row) for row in zip(*columns, strict=True)]  # type: ignore[misc]
    planned, current = numbers(table, "bid"), numbers(table, "current_bid")
    from_plan = ~np.isnan(planned)
    bid = np.nan_to_num(np.where(from_plan, planned, current))
    campaigns = tuple(sorted({row[0] for row in labels} | set(limits.campaigns if limits else ())))
    place = {name: at for at, name in enumerate(campaigns)}
    low, high, budgets = _limits(place, policy, limits)
    if (bid.max(initial=0.0) * MICRO) > MOST_MINOR:
        raise InputError(f"bid {bid.max():,.2f}: at most {MOST_MINOR / MICRO:,.2f} fits into a decision token")
    short: dict[tuple[str, str], int] = {}
    for row, (campaign, keyword, *_) in enumerate(labels):
        short[campaign, keyword] = AMBIGUOUS if (campaign, keyword) in short else row
    return BidSnapshot(
        shop=shop, currency=settings.currency, clock=Clock(settings.timezone), plan=told["id"],
        rows={row: at for at, row in enumerate(labels)}, short=short,
        bid=_frozen(bid), from_plan=_frozen(from_plan), campaign=np.array([place[row[0]] for row in labels], dtype=np.int64),
        campaigns=campaigns, times=_hours(files, place), adjustments=_adjustments(files, place),
        low=low, high=high, step=float(policy.get("step") or 1 / MICRO), budgets=budgets, digest=_digests(labels), serial=serial,
    )  # fmt: skip


def _limits(
    place: Mapping[str, int], policy: Mapping[str, Any], limits: CampaignLimits | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, int]]:
    """Return least and greatest bid by campaign, and budgets in micros."""
    low = np.full(len(place), float(policy.get("min_bid") or 0.0))
    most = policy.get("max_bid")
    high = np.full(len(place), MOST_MINOR / MICRO if most is None else float(most))
    budgets: dict[str, int] = {}
    if policy.get("daily_budget") is not None:
        budgets[""] = int(np.floor(policy["daily_budget"] * MICRO + 1e-3))
    if limits is not None:
        at = [place[name] for name in limits.campaigns]
        low[at] = np.fmax(low[at], limits.min_bid)
        high[at] = np.fmin(high[at], limits.max_bid)
        for name, budget in zip(limits.campaigns, limits.daily_budget.tolist(), strict=True):
            if not np.isnan(budget):
                budgets[name] = min(int(np.floor(budget * MICRO + 1e-3)), budgets.get(name, MOST_MINOR))
    return low, high, budgets


def _hours(files: Mapping[str, bytes], place: Mapping[str, int]) -> NDArray[np.float64]:
    times = np.ones((len(place), HOURS))
    table = read_table(files, "dayparts")
    for name, hour, value in zip(
        table.column("campaign").to_pylist(),
        table.column("hour").to_pylist(),
        numbers(table, "multiplier").tolist(),
        strict=True,
    ):
        if name in place:
            times[place[name], int(hour)] = value
    return _frozen(times)


def _adjustments(
    files: Mapping[str, bytes], place: Mapping[str, int]
) -> dict[str, tuple[dict[str, int], NDArray[np.float64]]]:
    table = read_table(files, "adjustments")
    columns = [table.column(name).to_pylist() for name in ("campaign", "dimension", "value")]
    rows = list(zip(*columns, numbers(table, "multiplier").tolist(), strict=True))
    found = {}
    for name in dict.fromkeys(columns[1]):
        values = {value: at for at, value in enumerate(dict.fromkeys(row[2] for row in rows if row[1] == name))}
        times = np.ones((len(place), len(values) + 1))
        for campaign, dimension, value, multiplier in rows:
            if dimension == name and campaign in place:
                times[place[campaign], values[value]] = multiplier
        found[name] = (values, _frozen(times))
    return found


def _digests(labels: Sequence[Labels]) -> NDArray[np.uint64]:
    raw = b"".join(
        hashlib.blake2b("\0".join(row).encode(), digest_size=8, person=b"pricebid bids").digest() for row in labels
    )
    return np.frombuffer(raw, dtype="<u8")


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
