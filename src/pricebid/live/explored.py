"""What a plan may try, as it lies beside the plan's files: prices, the first law, and what a learner needs to find the next one."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.slopes import Slopes, Stakes
from pricebid.live.exploration import Exploration
from pricebid.live.keys import COLUMNS, OfferIndex
from pricebid.live.prices import keys_of, numbers, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pricebid.live.keys import OfferKeys
    from pricebid.planning import Exploration as PlannedExploration
    from pricebid.pricing import PricePlan

    Floats = NDArray[np.float64]

FILE = "exploration.parquet"
_META = b"pricebid.exploration"
_OFFER = ("units", "slope", "spread", "planned")
_OPTION = ("price", "probability", "worth", "money")
_WEAK = (0.3, 20.0)  # least and greatest standard deviation of a slope that a model is believed


@dataclass(frozen=True, kw_only=True, eq=False)
class Explored:
    """The offers of a plan whose prices are tried.

    Parameters
    ----------
    plan : str
        Id of the plan.
    keys : OfferKeys
        The offers, one row each.
    price, probability : float64[offer, option]
        Prices that the plan's rules allow, NaN where there are fewer; the first law.
    worth, money : float64[offer, option]
        What one unit sold at each price adds to the objective, and to the profit.
    units : float64[offer]
        Expected per period at the plan's price.
    slope, spread : float64[offer]
        Elasticity as the demand model has it, and its standard deviation.
    planned : int64[offer]
        The option that is the plan's price.
    rows : float64[limit, offer, option]
        What each option adds to the plan's limits, more being worse.
    slack : float64[limit]
        How much may be added.
    allowance : float
        Money that a period may lose in expectation.
    loss : float
        What the first law is expected to lose.
    """

    plan: str
    keys: OfferKeys = field(repr=False)
    price: Floats = field(repr=False)
    probability: Floats = field(repr=False)
    worth: Floats = field(repr=False)
    money: Floats = field(repr=False)
    units: Floats = field(repr=False)
    slope: Floats = field(repr=False)
    spread: Floats = field(repr=False)
    planned: NDArray[np.int64] = field(repr=False)
    rows: Floats = field(repr=False)
    slack: Floats
    allowance: float
    loss: float

    def __len__(self) -> int:
        return len(self.planned)

    @classmethod
    def of(cls, plan: PricePlan, exploration: PlannedExploration, *, plan_id: str | None = None) -> Explored | None:
        """Take what is tried from a plan's exploration; None where nothing may be.

        Parameters
        ----------
        plan : PricePlan
            The plan.
        exploration : Exploration
            As `pricebid.planning.explore` gives it.
        plan_id : str, optional
            Id under which the prices are published, where it is not the plan's own: that of a plan for prices and bids.
        """
        from pricebid.live.keys import OfferKeys

        known = exploration.known
        if known is None:
            return None
        tried = np.flatnonzero(known.question.available.sum(axis=1) > 1)
        if not len(tried):
            return None
        available = known.question.available[tried]
        price = np.where(available, exploration.prices[tried], np.nan)
        planned = exploration.plan[tried]
        x = np.log(price / price[np.arange(len(tried)), planned][:, None])
        slope, spread = _slopes(known.question.signal[:, tried], known.units[tried], x)
        labels = {
            name: column[tried].tolist() for name, column in zip(plan.offers.columns, plan.offers.labels, strict=True)
        }
        return cls(
            plan=plan_id or plan.id,
            keys=OfferKeys.of(labels),
            price=price,
            probability=exploration.probabilities[tried],
            worth=known.worth[tried],
            money=known.money[tried],
            units=known.units[tried],
            slope=slope,
            spread=spread,
            planned=planned,
            rows=known.rows[:, tried],
            slack=known.slack,
            allowance=known.allowance,
            loss=exploration.law.expected_loss,
        )

    @cached_property
    def digest(self) -> NDArray[np.uint64]:
        """Digest of each offer's labels, as decision tokens carry them, uint64[offer]."""
        return digests(self.keys)

    @property
    def prior(self) -> Slopes:
        """What the demand model says of slopes."""
        return Slopes(mean=self.slope, spread=self.spread)

    @cached_property
    def stakes(self) -> Stakes:
        """What is at stake, per period."""
        planned = self.price[np.arange(len(self)), self.planned]
        return Stakes(
            x=np.log(self.price / planned[:, None]),
            worth=self.worth,
            money=self.money,
            units=self.units,
            plan=self.planned,
            available=~np.isnan(self.price),
        )

    def exploration(self, probability: Floats | None = None) -> Exploration:
        """Return what quotes are drawn from: the first law, or a later one of the same shape."""
        law = self.probability if probability is None else probability
        return Exploration(plan=self.plan, keys=self.keys, price=self.price, probability=law)

    def find(self, digest: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the row of each digest, int64[digest]; -1 where nothing of that offer is tried."""
        order = self._order
        at = np.minimum(np.searchsorted(self.digest, digest, sorter=order), len(order) - 1)
        row = order[at]
        return np.where(self.digest[row] == digest, row, -1)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self.digest)

    def to_bytes(self) -> bytes:
        """Give a Parquet file that `from_bytes` reads."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        keys = self.keys
        columns = {"sku": pa.array(keys.sku, type=pa.string())}
        for at, name in enumerate(COLUMNS[1:4]):
            columns[name] = pa.array([keys.groups[group][at] for group in keys.group.tolist()], type=pa.string())
        if keys.hour is not None:
            columns["hour"] = pa.array(keys.hour)
        columns |= {name: pa.array(getattr(self, name)) for name in _OFFER}
        for option in range(self.price.shape[1]):
            columns |= {f"{name}_{option}": pa.array(getattr(self, name)[:, option]) for name in _OPTION}
            columns |= {f"row{at}_{option}": pa.array(row[:, option]) for at, row in enumerate(self.rows)}
        facts = {"plan": self.plan, "slack": self.slack.tolist(), "allowance": self.allowance, "loss": self.loss}
        table = pa.table(columns).replace_schema_metadata({_META: json.dumps(facts).encode()})
        stream = io.BytesIO()
        pq.write_table(table, stream, compression="zstd")
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Explored:
        """Read what `to_bytes` gave.

        Raises
        ------
        InputError
            The bytes are something else.
        """
        table = read_table({FILE: data}, "exploration")
        try:
            facts = json.loads((table.schema.metadata or {})[_META])
        except (KeyError, ValueError):
            raise InputError(f"{FILE} says nothing of its plan; give what a plan's job wrote") from None
        options = sum(name.startswith("price_") for name in table.column_names)
        slack = np.array(facts["slack"], dtype=np.float64)

        def wide(name: str) -> Floats:
            return np.stack([numbers(table, f"{name}_{option}") for option in range(options)], axis=1)

        rows = [wide(f"row{at}") for at in range(len(slack))]
        return cls(
            plan=facts["plan"],
            keys=keys_of(table),
            **{name: wide(name) for name in _OPTION},
            **{name: numbers(table, name) for name in ("units", "slope", "spread")},
            planned=numbers(table, "planned").astype(np.int64),
            rows=np.stack(rows) if rows else np.zeros((0, len(table), options)),
            slack=slack,
            allowance=facts["allowance"],
            loss=facts["loss"],
        )

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Explored | None:
        """Read what a plan's files let try; None where nothing."""
        return cls.from_bytes(files[FILE]) if FILE in files else None


def digests(keys: OfferKeys) -> NDArray[np.uint64]:
    """Return the digest of each row's labels as decision tokens carry it, uint64[row]."""
    index = OfferIndex.build(keys)
    row = index.slots_of(keys) * index.hours
    return index.digest[row if keys.hour is None else row + keys.hour]


def _slopes(signal: Floats, units: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation over draws of the slope of log units against log price, from the widest pair of options."""
    every = np.arange(len(units))
    low, high = np.nanargmin(x, axis=1), np.nanargmax(x, axis=1)
    floor = 1e-3 * np.maximum(units, 1e-12)
    ends = [np.log(np.maximum(units + signal[:, every, end], floor)) for end in (low, high)]
    slope = (ends[1] - ends[0]) / np.maximum(x[every, high] - x[every, low], 1e-12)
    return slope.mean(axis=0), np.clip(slope.std(axis=0), *_WEAK)
