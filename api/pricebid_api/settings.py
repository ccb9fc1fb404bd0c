"""What an operator can set: read from the environment once, frozen, handed to `create_app`."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pricebid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "PRICEBID_"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, kw_only=True)
class Guards:
    """What a plan must keep to be published without a person's approval. None switches a guard off.

    Parameters
    ----------
    max_data_age_days : float, optional
        Days since the end of the last period of ``sales`` (for bids: the last day of ``keywords``).
    max_share_moved : float, optional
        Share of the prices (or bids) that move.
    profit_below_interval : bool
        Hold a plan whose expected profit per period lies below the 80 % interval of the plan it replaces.
    """

    max_data_age_days: float | None = 35.0
    max_share_moved: float | None = 0.5
    profit_below_interval: bool = True

    @classmethod
    def of(cls, base: Guards, overrides: Mapping[str, Any]) -> Guards:
        """Give the guards of a shop: the service's own, with what the shop sets instead."""
        known = {one.name for one in fields(cls)}
        return replace(base, **{key: value for key, value in overrides.items() if key in known})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the service keeps its state, how it listens and what it allows.

    Each field is read from ``PRICEBID_`` and its name in capitals.

    Parameters
    ----------
    home : Path
        Folder of the embedded store.
    database_url : str, optional
        SQLAlchemy URL of a PostgreSQL store instead.
    host, port : str, int
        Where to listen. Beyond loopback only with keys, or with an identity provider.
    workers : int
        Processes that answer requests.
    job_workers : int
        Processes that run background jobs beside them.
    max_body_bytes : int
        Largest JSON body.
    max_upload_bytes, max_unpacked_bytes, max_rows : int
        Largest table as sent, unpacked, and in rows.
    max_items : int
        Most items of one request for quotes.
    max_events : int
        Most events of one request of feedback.
    rate_per_second, burst : float
        Requests that one key may make, per worker.
    max_streams : int
        Most progress streams open at once, per worker.
    poll_seconds : float
        How often a worker looks for newly published plans and revoked keys.
    flush_seconds : float
        How often a worker writes its quote log.
    lease_share, lease_seconds : float
        Share of a day's ad budget that a worker leases at a time, and for how long.
    what_if_seconds, what_if_offers : float, int
        Longest scenario and largest shop answered at once.
    heavy : {"process", "thread"}
        Where tables are checked and scenarios computed.
    heavy_memory_bytes : int
        Memory that such a process may take (Linux).
    require_approval : bool
        Plans are published only after somebody approved them, whatever the guards say.
    learn_seconds : float, optional
        How long feedback waits at most until a learning job is asked for; None (``off``) leaves that to whoever runs the service.
    keep_jobs_days : float
        How long ended jobs and superseded models are kept; learning jobs are dropped after an hour.
    max_data_age_days, max_share_moved, profit_below_interval
        The guards at publishing; a shop may set its own.
    jwt_issuer, jwt_audience, jwt_jwks_url, jwt_public_key : str, optional
        The identity provider whose bearer tokens are accepted.
    log_format : {"json", "text"}
        How log lines are written.
    """

    home: Path = Path("pricebid-home")
    database_url: str | None = field(default=None, repr=False)  # may hold a password
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    job_workers: int = 1
    max_body_bytes: int = 16 * 2**20
    max_upload_bytes: int = 256 * 2**20
    max_unpacked_bytes: int = 2 * 2**30
    max_rows: int = 20_000_000
    max_items: int = 5_000
    max_events: int = 10_000
    rate_per_second: float = 5_000.0
    burst: float = 10_000.0
    max_streams: int = 100
    poll_seconds: float = 0.5
    flush_seconds: float = 0.25
    lease_share: float = 0.02
    lease_seconds: float = 30.0
    what_if_seconds: float = 20.0
    what_if_offers: int = 2_000
    heavy: Literal["process", "thread"] = "process"
    heavy_memory_bytes: int = 8 * 2**30
    require_approval: bool = False
    learn_seconds: float | None = 10.0
    keep_jobs_days: float = 30.0
    max_data_age_days: float | None = 35.0
    max_share_moved: float | None = 0.5
    profit_below_interval: bool = True
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_jwks_url: str | None = None
    jwt_public_key: str | None = None
    log_format: Literal["json", "text"] = "json"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Settings:  # noqa: ANN401 - any field
        """Read the settings; what is given here wins over the environment.

        Raises
        ------
        InputError
            With every variable that cannot be read.
        """
        env = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        faults = []
        for one in fields(cls):
            text = env.get(PREFIX + one.name.upper())
            if text is None or one.name in given:
                continue
            try:
                values[one.name] = _read(str(one.type), text)
            except ValueError as error:
                faults.append(str(Fault(table="environment", column=PREFIX + one.name.upper(), message=str(error))))
        if faults:
            raise InputError("\n".join(faults))
        return cls(**(values | given))

    @property
    def store(self) -> str | Path:
        """What `open_store` takes."""
        return self.database_url or self.home

    @property
    def guards(self) -> Guards:
        """The guards that hold where a shop sets none."""
        return Guards(
            max_data_age_days=self.max_data_age_days,
            max_share_moved=self.max_share_moved,
            profit_below_interval=self.profit_below_interval,
        )

    @property
    def loopback(self) -> bool:
        """True where only this machine can reach the service."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def jwt(self) -> bool:
        """True where bearer tokens of an identity provider are accepted."""
        return bool(self.jwt_jwks_url or self.jwt_public_key)


def _read(kind: str, text: str) -> Any:  # noqa: ANN401 - the field says
    if "None" in kind and text.strip().lower() in ("", "none", "off"):
        return None
    if kind == "bool":
        if text.strip().lower() not in (*_TRUE, *_FALSE):
            raise ValueError(f"{text!r} is neither {_TRUE[1]} nor {_FALSE[1]}")
        return text.strip().lower() in _TRUE
    if kind.startswith("Literal"):
        choices = [part.strip("\"' ") for part in kind.removeprefix("Literal[").rstrip("]").split(",")]
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return text
    if kind.startswith(("int", "float")):
        try:
            number = int(text) if kind.startswith("int") else float(text)
        except ValueError:
            raise ValueError(f"{text!r} is no number") from None
        if not 0 <= number < 1e18:
            raise ValueError(f"{text!r} must be 0 or more")
        return number
    return Path(text) if kind == "Path" else text
