"""TOML or a mapping to a policy, and back."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from pricebid.errors import PolicyError
from pricebid.policy.keys import Key, PolicyFault, Reader
from pricebid.policy.text import Path, key_lines
from pricebid.policy.values import (
    SELECTORS,
    Bids,
    Channels,
    Dayparts,
    Learning,
    Market,
    Objective,
    Order,
    Policy,
    Portfolio,
    PriceRules,
    Rule,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_AIMS = ("profit", "revenue", "units")
_SEED_END = 2**63 - 1


def _share(name: str) -> Key:
    return Key(name=name, kind="number", low=0.0)


def _money(name: str, *, above: bool = False) -> Key:
    return Key(name=name, kind="number", low=0.0, above=above)


_TOP = (
    Key(name="objective", kind="table"),  # a text or a table: read on its own
    Key(name="horizon", kind="whole", low=1, high=1000),
    Key(name="seed", kind="whole", low=0, high=_SEED_END),
    *(Key(name=name, kind="table") for name in ("price", "portfolio", "market", "bids", "channels", "learning")),
    Key(name="rules", kind="tables"),
)
_PRICE = (
    Key(name="min_margin", kind="number", low=-1.0, high=1.0, below=True),
    _share("max_change"),
    _share("max_region_spread"),
    Key(name="endings", kind="numbers", low=0.0, high=1.0, below=True),
    _money("step", above=True),
    Key(name="prior_low_days", kind="whole", low=1, high=3660),
    Key(name="on_conflict", kind="text", choices=("fail", "hold")),
    Key(name="never_below_cost", kind="flag"),
)
_PORTFOLIO = (
    Key(name="min_margin", kind="number", low=-1.0, high=1.0, below=True),
    _share("min_units_ratio"),
    _money("min_revenue"),
    Key(name="max_price_changes", kind="whole", low=0),
    _money("max_discount_cost"),
)
_MARKET = (Key(name="own", kind="text"), Key(name="max_age_days", kind="whole", low=0))
_ORDER = (
    Key(name="by", kind="text", choices=("size", "brand")),
    Key(name="per_unit", kind="flag"),
    _share("min_gap"),
    Key(name="values", kind="texts"),
)
_RULE = (
    Key(name="role", kind="text", choices=("traffic", "profit", "image", "clearance")),
    Key(name="stage", kind="text", choices=("launch", "growth", "mature", "decline")),
    *(Key(name=name, kind="text") for name in SELECTORS[2:]),
    Key(name="market_average", kind="pair", low=-1.0, above=True),
    Key(name="order", kind="table"),
    *_PRICE,
)
_BIDS = (
    _money("daily_budget"),
    Key(name="budget_confidence", kind="number", low=0.0, high=1.0, above=True, below=True),
    _share("min_roas"),
    _money("max_cpa", above=True),
    _money("min_bid"),
    _money("max_bid", above=True),
    _money("step", above=True),
    Key(name="auction", kind="text", choices=("first", "second")),
    Key(name="conversion_delay", kind="whole", low=0, high=366),
    Key(name="dayparts", kind="table"),
)
_DAYPARTS = tuple(Key(name=name, kind="number", low=0.0, above=name != "min") for name in ("min", "max", "step"))
_CHANNELS = (_money("budget"), *(Key(name=name, kind="amounts", low=0.0) for name in ("floors", "caps", "max_change")))
_LEARNING = (Key(name="exploration_budget", kind="number", low=0.0, high=1.0),)


def read_policy(path: str | FilePath) -> Policy:
    """Read a policy file; see `Policy.read`."""
    return parse_toml(read_text(path), FilePath(path).name)


def read_text(path: str | FilePath) -> str:
    """Return the text of a TOML file.

    Raises
    ------
    PolicyError
        The file cannot be opened or is not UTF-8.
    """
    name = FilePath(path).name
    try:
        return FilePath(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PolicyError([PolicyFault(table=name, message="is not UTF-8; save it as UTF-8")]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PolicyError([PolicyFault(table=name, message=f"cannot be read ({reason})")]) from None


def parse_toml(text: str, source: str) -> Policy:
    """Read a policy from TOML text; see `Policy.from_toml`."""
    reader = Reader(source=source, lines=key_lines(text))
    return _finished(reader, load_toml(text, source))


def load_toml(text: str, source: str) -> dict[str, Any]:
    """Parse TOML.

    Raises
    ------
    PolicyError
        The text is not TOML; the fault has the line.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        place = re.search(r"\(at line (\d+), column \d+\)", str(error))
        message = f"is not TOML: {str(error).split(' (at ')[0][:200]}"
        raise PolicyError([PolicyFault(table=source, row=int(place[1]) if place else None, message=message)]) from None


def parse_mapping(mapping: Mapping[str, Any], source: str) -> Policy:
    """Read a policy from a mapping; see `Policy.from_mapping`."""
    return _finished(Reader(source=source), dict(mapping))


def _finished(reader: Reader, mapping: Mapping[str, Any]) -> Policy:
    policy = read_mapping(reader, mapping)
    if reader.faults:
        raise PolicyError(tuple(reader.faults))
    return policy


def read_mapping(reader: Reader, mapping: Mapping[str, Any]) -> Policy:
    """Build a policy of the sound values; what is not sound is in the reader's faults."""
    values = reader.values(mapping, _TOP, ())
    if "objective" in mapping:
        values["objective"] = _objective(reader, mapping["objective"])
    rules = reader.tables(mapping.get("rules"), ("rules",))
    return Policy(
        **values,
        price=_price(reader, reader.table(mapping.get("price"), ("price",))),
        portfolio=Portfolio(**_section(reader, mapping, "portfolio", _PORTFOLIO)),
        market=Market(**_section(reader, mapping, "market", _MARKET)),
        rules=tuple(_rule(reader, reader.table(rule, ("rules", at)), at) for at, rule in enumerate(rules)),
        bids=_bids(reader, mapping) if mapping.get("bids") is not None else None,
        channels=_channels(reader, mapping) if mapping.get("channels") is not None else None,
        learning=Learning(**_section(reader, mapping, "learning", _LEARNING))
        if mapping.get("learning") is not None
        else None,
    )


def _section(reader: Reader, mapping: Mapping[str, Any], name: str, keys: tuple[Key, ...]) -> dict[str, Any]:
    return reader.values(reader.table(mapping.get(name), (name,)), keys, (name,))


def _objective(reader: Reader, value: object) -> Objective:
    if isinstance(value, str):
        if value in _AIMS:
            return Objective(**{name: float(name == value) for name in _AIMS})
        reader.fault(
            ("objective",),
            f"{value!r:.80} must be one of {', '.join(_AIMS)}, or a mix {{ profit = 0.7, revenue = 0.3 }}",
        )
        return Objective()
    mix = reader.table(value, ("objective",))
    weights = reader.values(mix, [_share(name) for name in _AIMS], ("objective",))
    if isinstance(value, dict) and not any(weights.values()) and not (set(mix) - set(weights)):
        reader.fault(("objective",), "must have a weight above 0")
    return Objective(**{name: weights.get(name, 0.0) for name in _AIMS})


def _price(reader: Reader, mapping: Mapping[str, Any]) -> PriceRules:
    values = reader.values(mapping, _PRICE, ("price",))
    _step_or_endings(reader, mapping, ("price",))
    defaults: dict[str, Any] = {"on_conflict": "fail", "never_below_cost": True}
    if "endings" not in mapping:
        defaults["step"] = 0.01
    return PriceRules(**(defaults | values))


def _step_or_endings(reader: Reader, mapping: Mapping[str, Any], path: Path) -> None:
    if "step" in mapping and "endings" in mapping:
        reader.fault((*path, "step"), "stands beside endings; give one of the two")


def _rule(reader: Reader, mapping: Mapping[str, Any], at: int) -> Rule:
    path: Path = ("rules", at)
    before = len(reader.faults)
    values = reader.values(mapping, _RULE, path)
    _step_or_endings(reader, mapping, path)
    names = {key.name for key in _PRICE}
    price = {name: value for name, value in values.items() if name in names}
    order = _order(reader, mapping["order"], (*path, "order")) if "order" in mapping else None
    rest = {name: value for name, value in values.items() if name not in names}
    if not price and order is None and "market_average" not in values and len(reader.faults) == before:
        reader.fault(path, "this rule asks for nothing: give it market_average, order or a key of [price]")
    return Rule(**rest, order=order, price=PriceRules(**price) if price else None)


def _order(reader: Reader, value: object, path: Path) -> Order:
    order = Order(**reader.values(reader.table(value, path), _ORDER, path))
    if order.by == "brand" and len(order.values) < 2:
        reader.fault(path, 'order by brand needs values = ["dearest brand", ..., "cheapest brand"]')
    if order.by == "size" and order.values:
        reader.fault((*path, "values"), "sizes have an order of their own; leave values out")
    return order


def _bids(reader: Reader, mapping: Mapping[str, Any]) -> Bids:
    table = reader.table(mapping["bids"], ("bids",))
    values = reader.values(table, _BIDS, ("bids",))
    if "dayparts" in table:
        path: Path = ("bids", "dayparts")
        values["dayparts"] = Dayparts(**reader.values(reader.table(table["dayparts"], path), _DAYPARTS, path))
        _ordered(reader, values["dayparts"].min, values["dayparts"].max, (*path, "min"))
    bids = Bids(**values)
    _ordered(reader, bids.min_bid, bids.max_bid, ("bids", "min_bid"))
    return bids


def _ordered(reader: Reader, low: float | None, high: float | None, path: Path) -> None:
    if low is not None and high is not None and low > high:
        reader.fault(path, f"{low:g} is above the upper end {high:g}")


def _channels(reader: Reader, mapping: Mapping[str, Any]) -> Channels:
    channels = Channels(**_section(reader, mapping, "channels", _CHANNELS))
    caps = dict(channels.caps)
    for name, floor in channels.floors:
        cap = caps.get(name)
        if cap is not None and (floor > 1.0) == (cap > 1.0):
            _ordered(reader, floor, cap, ("channels", "floors", name))
    if channels.budget is not None:
        total = sum(floor if floor > 1.0 else floor * channels.budget for _, floor in channels.floors)
        if total > channels.budget * (1 + 1e-12):
            reader.fault(("channels", "floors"), f"sum up to {total:g}, above the budget {channels.budget:g}")
    return channels


def policy_mapping(policy: Policy) -> dict[str, Any]:
    """Return a policy as plain keys and values; see `Policy.to_mapping`."""
    mapping = _plain(policy)
    mapping["rules"] = [_flat(rule) for rule in mapping.get("rules", [])]
    return {name: value for name, value in mapping.items() if value not in ({}, [])} | {
        name: {}
        for name in ("bids", "channels", "learning")
        if getattr(policy, name) is not None and not mapping.get(name)
    }


def _flat(rule: dict[str, Any]) -> dict[str, Any]:
    price: dict[str, Any] = rule.get("price", {})
    return {name: value for name, value in rule.items() if name != "price"} | price


def _plain(value: Any) -> Any:  # noqa: ANN401 - a dataclass tree in, a plain tree out
    if is_dataclass(value):
        pairs = ((one.name, getattr(value, one.name)) for one in fields(value))
        named = {"floors", "caps", "max_change"} if isinstance(value, Channels) else set()
        return {
            name: dict(one) if name in named else _plain(one)
            for name, one in pairs
            if one is not None and not (one == () and name in {*named, "values"})
        }
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
