"""What a job asks for, read from its policy and options and checked before anything is run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pricebid.errors import Fault, FaultsError, PolicyError
from pricebid.policy import Policy, Scenario, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPTIONS: dict[str, tuple[str, ...]] = {
    "fit": (),
    "forecast": ("horizon", "start"),
    "elasticities": (),
    "price": ("start",),
    "bid": ("prices",),
    "plan": ("start",),
    "backtest": ("horizon", "origins", "planned"),
    "what-if": ("scenario", "start"),
    "learn": (),
}
KINDS = tuple(_OPTIONS)
"""What a job can do."""
_MOST = 1000


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one job is to do.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    policy : Policy
        What to aim at, and what must hold.
    horizon : int
        Periods of a forecast or of a block of a backtest; the policy's where not given.
    origins : int
        Blocks of a backtest.
    planned : tuple of str
        Drivers that a backtest may know ahead.
    start : str, optional
        First period; the one after the last sale where not given.
    prices : str, optional
        A price plan whose prices bids are planned for.
    scenario : Scenario
        What is different in a what-if.
    """

    kind: str
    policy: Policy
    horizon: int
    origins: int = 4
    planned: tuple[str, ...] = ()
    start: str | None = None
    prices: str | None = None
    scenario: Scenario = field(default_factory=Scenario)


def read_request(kind: str, policy: Mapping[str, Any], options: Mapping[str, Any]) -> Request:
    """Read what a job asks for.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    policy : mapping
        The keys of a policy file.
    options : mapping
        ``horizon``, ``origins``, ``planned``, ``start``, ``prices``, ``scenario``, where the kind takes them.

    Raises
    ------
    PolicyError
        With every fault: of the policy, of the scenario, and of each option.
    """
    if kind not in _OPTIONS:
        raise PolicyError([Fault(table="kind", message=f"{kind!r:.80} is none of {', '.join(KINDS)}")])
    reader = _Options(kind, options)
    aim = reader.collect(lambda: Policy.from_mapping(policy)) or Policy()
    scenario = reader.scenario(aim)
    request = Request(
        kind=kind,
        policy=aim,
        horizon=reader.whole("horizon", aim.horizon),
        origins=reader.whole("origins", 4),
        planned=reader.texts("planned"),
        start=reader.text("start"),
        prices=reader.text("prices"),
        scenario=scenario,
    )
    if reader.faults:
        raise PolicyError(reader.faults)
    return request


class _Options:
    """Reads options one by one, and keeps what is wrong with each."""

    def __init__(self, kind: str, options: Mapping[str, Any]) -> None:
        known = _OPTIONS[kind]
        self._given = {name: value for name, value in options.items() if name in known and value is not None}
        self.faults: list[Fault] = []
        takes = f"a {kind} job takes {', '.join(known)}" if known else f"a {kind} job takes none"
        for name in options:
            if name not in known:
                self._fault(str(name)[:80], f"no such option{nearest(str(name), known)}; {takes}")
        self._needs_scenario = kind == "what-if"

    def _fault(self, name: str, message: str) -> None:
        self.faults.append(Fault(table="options", column=name, message=message))

    def collect(self, read: Any) -> Any:  # noqa: ANN401 - gives what it reads
        try:
            return read()
        except FaultsError as error:
            self.faults += error.faults
            return None

    def whole(self, name: str, default: int) -> int:
        value = self._given.get(name, default)
        if type(value) is not int or not 1 <= value <= _MOST:
            self._fault(name, f"{value!r:.80} is not a whole number from 1 to {_MOST}")
            return default
        return value

    def text(self, name: str) -> str | None:
        value = self._given.get(name)
        if value is not None and not isinstance(value, str):
            self._fault(name, f"{value!r:.80} is no text")
            return None
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._given.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self._fault(name, f"{value!r:.80} is no list of texts")
            return ()
        return tuple(value)

    def scenario(self, policy: Policy) -> Scenario:
        value = self._given.get("scenario")
        if not self._needs_scenario:
            return Scenario()
        if not isinstance(value, dict) or not value:
            self._fault("scenario", "a what-if needs { change = [...], policy = {...} }, as a scenario file says it")
            return Scenario()
        found: Scenario = self.collect(lambda: Scenario.from_mapping(value)) or Scenario()
        self.collect(lambda: found.policy(policy))
        return found
