"""What a plan expected, read back from its folder or taken from the plan itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import InputError
from pricebid.planning.joint_plan import JointPlan
from pricebid.pricing import PricePlan
from pricebid.tables.period import day_given
from pricebid.tables.results import read_document, read_result
from pricebid.tables.schema import KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.bidding import BidPlan

    Floats = NDArray[np.float64]
    Frames = Mapping[str, pd.DataFrame]

ENTITY = ("campaign", "keyword", "match_type", "sku")
_TEXTS = (*KEYS, *ENTITY, "dimension", "value")
_PRICES = (
    "current_price", "price", "cost", "units", "units_low", "units_high", "revenue", "profit",
)  # fmt: skip
_EXACT = 1e-6  # sums of a table and totals of its plan.json differ by rounding only
_BIDS = ("bid", "impressions", "clicks", "cost", "conversions", "revenue")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A limit that the plan had to keep.

    Parameters
    ----------
    name : str
        As plan.json names it.
    limit, planned : float
        What the policy asked, and what the plan was expected to reach.
    """

    name: str
    limit: float
    planned: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedPrices:
    """Planned prices and what they were expected to bring over the horizon.

    Parameters
    ----------
    columns : tuple of str
        Key columns.
    labels : tuple of object[offer]
        One array of str per key column.
    current_price, price, cost : float64[offer]
        Money per unit: before the plan, as planned, and the cost that was reckoned with (NaN: not known).
    units, units_low, units_high : float64[offer]
        Expected units, and between what 80 % of outcomes were expected.
    revenue, profit : float64[offer]
        Money; profit is NaN where the cost was not known.
    start, last : str
        First days of the plan's first and last period; ``last`` is empty in older plans.
    horizon : int
        Periods.
    limits : tuple of Asked
        On the plan as a whole.
    ranges : mapping of str to (float, float)
        80 % interval of the expected total of ``profit``, ``revenue`` and ``units``, where the plan says it.
    chance : float
        Of the variance of units, relative to their mean², what comes anew every period; 0 in older plans, which do not say it.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]
    current_price: Floats
    price: Floats
    cost: Floats
    units: Floats
    units_low: Floats
    units_high: Floats
    revenue: Floats
    profit: Floats
    start: str
    last: str
    horizon: int
    limits: tuple[Asked, ...]
    ranges: Mapping[str, tuple[float, float]] = field(repr=False)
    chance: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedBids:
    """Planned bids and what they were expected to bring per day.

    Parameters
    ----------
    columns : tuple of str
        ``campaign``, ``keyword``, ``match_type`` and, where bids differ by it, ``sku``.
    labels : tuple of object[keyword]
        One array of str per column.
    bid : float64[keyword]
        Money per click as planned; 0: paused.
    impressions, clicks, cost, conversions, revenue : float64[keyword]
        Expected per day.
    times : mapping of (str, str, str) to float
        Planned multipliers by campaign, dimension (``hour`` among them) and value.
    start : str
        First day; empty where the plan does not say.
    days : int, optional
        Of a plan made together with prices: days of the horizon.
    limits : tuple of Asked
        Of the policy and of campaigns.
    confidence : float
        Probability with which the policy wanted a day's spend within its budget.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]
    bid: Floats
    impressions: Floats
    clicks: Floats
    cost: Floats
    conversions: Floats
    revenue: Floats
    times: Mapping[tuple[str, str, str], float] = field(repr=False)
    start: str
    days: int | None
    limits: tuple[Asked, ...]
    confidence: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """A plan to be reviewed.

    Parameters
    ----------
    plan : str
        Its id.
    currency : str
        Of all money; empty where not given.
    prices : ExpectedPrices, optional
        Where it planned prices.
    bids : ExpectedBids, optional
        Where it planned bids.
    """

    plan: str
    currency: str
    prices: ExpectedPrices | None
    bids: ExpectedBids | None


def expected(plan: PricePlan | BidPlan | JointPlan | str | Path) -> Expected:
    """Return what a plan expected.

    Parameters
    ----------
    plan : plan or path
        Of prices, of bids or of both; or the ``--out`` folder of the run that made it.

    Raises
    ------
    InputError
        The folder holds no such plan, or its files do not fit together.
    """
    if isinstance(plan, str | Path):
        content = read_document(plan)
        frames, source = _frames(Path(plan), content), str(plan)
    else:
        content, source = json.loads(plan.to_json()), "the plan"
        frames = _frames_of(plan)
    try:
        return _laid_out(content, frames, source)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{source}: plan.json and its tables do not read as a plan ({error}): give what a run of pricebid wrote, unchanged"
        ) from None


def _laid_out(content: dict[str, Any], frames: Frames, source: str) -> Expected:
    own = content.get("prices", content), content.get("bids", content)
    prices = _prices(frames["prices"], own[0], source) if "prices" in frames else None
    bids = _bids(frames, own[1], source, content if prices is not None else {}) if "bids" in frames else None
    currency = str(content.get("currency") or own[0].get("currency") or own[1].get("currency") or "")
    return Expected(plan=str(content.get("id", "")), currency=currency, prices=prices, bids=bids)


def _frames(folder: Path, content: dict[str, Any]) -> Frames:
    """Read the tables that plan.json speaks of: others may have been left by an earlier run into the same folder."""
    if "turns" in content:
        names: tuple[str, ...] = ("prices", "bids", "dayparts", "adjustments")
    elif "horizon" in content:
        names = ("prices",)
    elif "margin" in content or not _has(folder, "bids"):
        raise InputError(
            f"{folder} holds no plan of prices or bids: give the --out folder of `pricebid price`, `bid` or `plan`"
        )
    else:
        names = ("bids", "dayparts", "adjustments")
    needed = {"prices", "bids"}
    return {name: read_result(folder, name, texts=_TEXTS) for name in names if name in needed or _has(folder, name)}


def _has(folder: Path, name: str) -> bool:
    return any((folder / f"{name}.{suffix}").is_file() for suffix in ("csv", "parquet"))


def _frames_of(plan: PricePlan | BidPlan | JointPlan) -> Frames:
    if isinstance(plan, PricePlan):
        return {"prices": plan.to_frame()}
    bids = plan.bids if isinstance(plan, JointPlan) else plan
    frames = {"bids": bids.to_frame(), "dayparts": bids.dayparts_frame(), "adjustments": bids.adjustments_frame()}
    return {"prices": plan.to_frame(), **frames} if isinstance(plan, JointPlan) else frames


def _prices(frame: pd.DataFrame, content: dict[str, Any], source: str) -> ExpectedPrices:
    columns = tuple(str(name) for name in frame.columns if name in KEYS)
    _check(frame, ("sku", "region", *_PRICES), columns, f"{source}: prices")
    try:
        start, horizon = str(day_given(content["start"])), int(content["horizon"])
    except (KeyError, ValueError, InputError):
        horizon, start = 0, ""
    if horizon < 1:
        raise InputError(f"{source}: plan.json does not say when the plan starts and for how many periods")
    _check_totals(frame, content, source)
    return ExpectedPrices(
        columns=columns,
        labels=tuple(frame[name].astype(str).to_numpy(dtype=object) for name in columns),
        **{name: frame[name].to_numpy(dtype=np.float64) for name in _PRICES},
        start=start,
        last=str(np.datetime64(content["last_period"], "D")) if content.get("last_period") else "",
        horizon=horizon,
        limits=_limits(content),
        ranges=_ranges(content),
        chance=float(content.get("chance") or 0.0),
    )


def _bids(frames: Frames, content: dict[str, Any], source: str, joint: dict[str, Any]) -> ExpectedBids:
    frame = frames["bids"]
    columns = tuple(name for name in ENTITY if name in frame.columns)
    _check(frame, ("campaign", "keyword", *_BIDS), columns, f"{source}: bids")
    times: dict[tuple[str, str, str], float] = {}
    for name in ("dayparts", "adjustments"):
        for row in frames[name].to_dict("records") if name in frames else ():
            dimension, value = ("hour", row["hour"]) if name == "dayparts" else (row["dimension"], row["value"])
            times[str(row["campaign"]), str(dimension), str(value)] = float(row["multiplier"])
    asked = (content.get("policy") or {}).get("bids") or {}
    return ExpectedBids(
        columns=columns,
        labels=tuple(frame[name].fillna("").astype(str).to_numpy(dtype=object) for name in columns),
        **{name: frame[name].to_numpy(dtype=np.float64) for name in _BIDS},
        times=times,
        start=str(content.get("start") or joint.get("prices", {}).get("start", "")),
        days=joint.get("days"),
        limits=_limits(content),
        confidence=float(asked.get("budget_confidence", 0.5)),
    )


def _ranges(content: dict[str, Any]) -> dict[str, tuple[float, float]]:
    planned = (content.get("totals") or {}).get("planned") or {}
    names = [name for name in ("profit", "revenue", "units") if f"{name}_low" in planned and f"{name}_high" in planned]
    return {name: (float(planned[f"{name}_low"]), float(planned[f"{name}_high"])) for name in names}


def _limits(content: dict[str, Any]) -> tuple[Asked, ...]:
    return tuple(
        Asked(
            name=str(one["name"]),
            limit=float(one["limit"]),
            planned=float("nan") if one.get("value") is None else float(one["value"]),
        )
        for one in content.get("limits") or []
    )


def _check_totals(frame: pd.DataFrame, content: dict[str, Any], source: str) -> None:
    """Refuse a table that lacks rows, or that another run wrote: its sums are not the totals that plan.json has."""
    planned = (content.get("totals") or {}).get("planned") or {}
    for name in ("units", "revenue", "profit"):
        if planned.get(name) is None:  # an older plan, or costs are not known
            continue
        values, total = frame[name].to_numpy(dtype=np.float64), float(planned[name])
        if not abs(values.sum() - total) <= _EXACT * max(np.abs(values).sum(), abs(total)):
            raise InputError(
                f"{source}: the table prices and plan.json do not belong together: {name} of its {len(values):,} offers sum to "
                f"{values.sum():,.2f}, plan.json has {total:,.2f}; give the folder as one run of pricebid wrote it, with all its rows"
            )


def _check(frame: pd.DataFrame, needed: tuple[str, ...], keys: tuple[str, ...], source: str) -> None:
    lacking = [name for name in needed if name not in frame.columns]
    if lacking:
        raise InputError(f"{source} lack {', '.join(lacking)}: give what a run of pricebid wrote, unchanged")
    if frame.duplicated(list(keys)).any():
        raise InputError(f"{source} have two rows for the same {', '.join(keys)}")
