"""Who calls: API keys (cached by their hash, refreshed off the path) and bearer tokens of an identity provider."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import jwt

from pricebid import store
from pricebid.errors import InputError
from pricebid_api.errors import Problem
from pricebid_api.limits import Buckets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricebid.store import KeyInfo, Store
    from pricebid_api.metrics import Metrics
    from pricebid_api.settings import Settings

SCOPES = ("read", "quote", "feedback", "plan", "publish", "admin")
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]  # never a shared secret, never none
_TOKEN_SECONDS = 30.0
_MOST_TOKENS = 10_000
_STALE_SECONDS = 1.9  # a key that could not be confirmed for this long is looked up again before it is believed
_NEW_SECONDS = 0.1
_PROXIED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
_LOCAL = ("localhost", "127.0.0.1", "[::1]", "::1")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="pricebid"'}


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes a request, and what for.

    Parameters
    ----------
    name : str
        As the audit log names them.
    shop : str, optional
        The only shop they may touch; None: any.
    scopes : frozenset of str
        What they may do; ``admin`` includes the others.
    key : str
        What their rate is counted by.
    until : float, optional
        When their token ends, seconds since 1970; None: an API key, which holds until it is revoked.
    """

    name: str
    shop: str | None
    scopes: frozenset[str]
    key: str
    until: float | None = None

    def may(self, scope: str) -> bool:
        """Tell whether they have the scope."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def tenant(self) -> str:
        """By whom what all share is counted: the shop, whichever of its keys is used, else the key of all shops."""
        return self.key if self.shop is None else f"shop:{self.shop}"


EVERYBODY = Caller(name="local", shop=None, scopes=frozenset(SCOPES), key="local")


class Keys:
    """The valid API keys, by SHA-256: a dictionary that is replaced whole when the store is asked again.

    A dictionary is looked up by a digest, not by the key, so that the time of a look-up tells nothing about a key.
    """

    def __init__(self) -> None:
        self._callers: dict[bytes, Caller] = {}
        self._at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self.any = False

    @property
    def fresh(self) -> bool:
        """True where the store was asked recently enough that a revoked key cannot be among these."""
        return time.monotonic() - self._at < _STALE_SECONDS

    @property
    def may_be_new(self) -> bool:
        """True where a first key made since the store was last asked is worth asking for: at most ten times a second."""
        return time.monotonic() - self._at > _NEW_SECONDS

    def refresh(self, db: Store) -> None:
        """Ask the store for every key; blocking, called by the poller and, when that is late, by a request's thread."""
        asked = time.monotonic()
        callers = {bytes.fromhex(info.digest): _of_key(info) for info in store.keys_in_force(db)}
        self._callers, self._at, self.any = callers, asked, self.any or bool(callers) or store.any_key(db)

    async def freshen(self, db: Store) -> None:
        """Ask the store for every key, once for all requests that wait for it at the same time."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(asyncio.to_thread(self.refresh, db))
        await asyncio.shield(self._asking)

    def ask(self, db: Store, plain: bytes) -> Caller | None:
        """Ask the store for one key, which may have been made a moment ago; blocking."""
        info = store.find_key_digest(db, hashlib.sha256(plain).hexdigest())
        if info is None:
            return None
        caller = self._callers[bytes.fromhex(info.digest)] = _of_key(info)
        self.any = True
        return caller

    def find(self, plain: bytes) -> Caller | None:
        """Give the caller of a key, None where there is no such key in force."""
        return self._callers.get(hashlib.sha256(plain).digest())

    def knows(self, caller: Caller) -> bool:
        """Tell whether the key of a caller is still among these."""
        return bytes.fromhex(caller.key) in self._callers


def _of_key(info: KeyInfo) -> Caller:
    return Caller(name=f"key:{info.name}", shop=info.shop, scopes=frozenset(info.scopes), key=info.digest)


class Tokens:
    """Bearer tokens of the identity provider that the settings name.

    Raises
    ------
    InputError
        The settings do not say whose tokens, and for whom: those made for another service would open this one.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.jwt_issuer or not settings.jwt_audience:
            raise InputError(
                "PRICEBID_JWT_ISSUER and PRICEBID_JWT_AUDIENCE are not both set: bearer tokens are accepted from one issuer, "
                "for one audience; set both"
            )
        self._settings = settings
        self._client = jwt.PyJWKClient(settings.jwt_jwks_url) if settings.jwt_jwks_url else None
        self._known: dict[str, tuple[Caller, float]] = {}

    def known(self, token: str) -> Caller | None:
        """Give the caller of a token that was verified a moment ago."""
        found = self._known.get(token)
        return found[0] if found is not None and time.time() < found[1] else None

    def verify(self, token: str) -> Caller:
        """Verify a token; blocking where the provider's keys must be fetched.

        Raises
        ------
        Problem
            401 where it is not valid.
        """
        settings = self._settings
        try:
            key: Any = settings.jwt_public_key
            if self._client is not None:
                key = self._client.get_signing_key_from_jwt(token).key
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=settings.jwt_audience,
                issuer=settings.jwt_issuer,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise unknown(f"The bearer token is not valid ({type(error).__name__}).") from None
        caller = _caller(claims)
        if len(self._known) >= _MOST_TOKENS:
            self._known.clear()
        self._known[token] = (caller, min(float(claims["exp"]), time.time() + _TOKEN_SECONDS))
        return caller


def _caller(claims: Mapping[str, Any]) -> Caller:
    """Read ``scope`` (names, or ``pricebid:`` and a name) and ``pricebid_shop`` (``*``: any) from verified claims."""
    words = claims.get("scope", "")
    listed = words.split() if isinstance(words, str) else [str(word) for word in words]
    scopes = frozenset(word.removeprefix("pricebid:") for word in listed) & set(SCOPES)
    shop = claims.get("pricebid_shop")
    if not isinstance(shop, str) or not shop:
        raise unknown("The bearer token has no claim pricebid_shop: a shop, or * for all.")
    name = str(claims["sub"])[:100]
    return Caller(
        name=f"jwt:{name}",
        shop=None if shop == "*" else shop,
        scopes=scopes,
        key=f"jwt:{name}",
        until=float(claims["exp"]),
    )


def unknown(detail: str) -> Problem:
    """Give the problem of a caller who is not known."""
    return Problem(401, "not_authenticated", detail, headers=_CHALLENGE)


class Gate:
    """Lets a request in or not: who calls, may they, for this shop, at this rate."""

    def __init__(self, settings: Settings, keys: Keys, metrics: Metrics) -> None:
        self._settings = settings
        self.keys = keys
        self.tokens = Tokens(settings) if settings.jwt else None
        self._buckets = Buckets(settings.rate_per_second, settings.burst)
        self._failures = Buckets(5.0, 50.0)
        self._asking = Buckets(20.0, 100.0)
        self._refused = metrics.refused

    @property
    def open(self) -> bool:
        """True where everybody on this machine may do everything: on loopback, as long as no key was ever made."""
        return self._settings.loopback and not self.keys.any and self.tokens is None

    def may_ask(self) -> bool:
        """Tell whether the store may be asked for a key that is not known here: guesses shall not keep it busy."""
        return not self._asking.take("")

    def anybody(self, head: Mapping[bytes, bytes], client: str) -> Caller:
        """Give the caller of a request that presents nothing.

        Parameters
        ----------
        head : mapping of bytes to bytes
            The headers. Where anybody local may call, only local names will do as ``Host``, so that a web page cannot reach
            the service through a name of its own that leads to this machine; nor may it come from such a page
            (``Origin``), or through a proxy, behind which anybody may stand.
        client : str
            The peer's address, by which failures are counted.

        Raises
        ------
        Problem
            401, 403 or 429.
        """
        if not self.open:
            raise self._failed(client, "Present an API key: Authorization: Bearer KEY.")
        if not _local_names(head):
            raise Problem(403, "not_local", "Without API keys the service answers to local names only.")
        if _proxied(head):
            detail = "Without API keys the service answers no proxy; make one: pricebid keys create --scope admin."
            raise Problem(403, "not_local", detail)
        return EVERYBODY

    @staticmethod
    def away(head: Mapping[bytes, bytes], client: str) -> str | None:
        """Tell why a request is not one of this machine itself, by the rule of `anybody`, whether or not keys exist; else None."""
        if not _loopback(client):
            return "it does not come from there"
        proxied = next((name for name in _PROXIED if name in head), None)
        if proxied is not None:
            return f"it has the header {proxied.decode().title()}, as a proxy sets it, behind which anybody may stand"
        if not _local_names(head):
            return f"its {'Host' if not _local_host(head) else 'Origin'} is no local name ({', '.join(_LOCAL[:3])})"
        return None

    async def holds(self, caller: Caller, db: Store) -> bool:
        """Tell whether who was let in before would be let in now; waits for the store only where keys are stale.

        Parameters
        ----------
        caller : Caller
            Who was let in.
        db : Store
            The store, asked for all keys at once for all who wait.
        """
        if caller.until is not None:
            return time.time() < caller.until
        if not self.keys.fresh:
            await self.keys.freshen(db)
        return self.open if caller is EVERYBODY else self.keys.knows(caller)

    def nobody(self, client: str) -> NoReturn:
        """Refuse a caller whose key or token is not known.

        Raises
        ------
        Problem
            401 or 429.
        """
        raise self._failed(client, "The API key is not known, or was revoked.")

    def _failed(self, client: str, detail: str) -> Problem:
        self._refused.labels("not_authenticated").inc()
        wait = self._failures.take(client)
        return unknown(detail) if not wait else _too_many(wait)

    def admit(self, caller: Caller, scope: str, shop: str | None) -> None:
        """Let a known caller do one thing to one shop (None: to no shop in particular).

        Raises
        ------
        Problem
            403 without the scope or for another's shop (whether that exists is not told), 429 above the rate.
        """
        if scope not in caller.scopes and "admin" not in caller.scopes:
            self._refused.labels("scope").inc()
            raise Problem(403, "scope_missing", f"This needs a key with the scope {scope}.")
        if caller.shop is not None and caller.shop != shop and shop is not None:
            self._refused.labels("shop").inc()
            raise Problem(403, "other_shop", "This key is for another shop.")
        wait = self._buckets.take(caller.key)
        if wait:
            self._refused.labels("rate").inc()
            raise _too_many(wait)


def _too_many(wait: float) -> Problem:
    seconds = str(max(1, round(wait + 0.5)))
    return Problem(429, "too_many", f"Too many requests; try again in {seconds} s.", headers={"Retry-After": seconds})


def _local_names(head: Mapping[bytes, bytes]) -> bool:
    origin = head.get(b"origin")
    return _local_host(head) and (origin is None or _local(origin.rpartition(b"://")[2]))


def _local_host(head: Mapping[bytes, bytes]) -> bool:
    return _local(head.get(b"host", b""))


def _local(name: bytes) -> bool:
    return _hostname(name.decode("latin1")) in _LOCAL


def _proxied(head: Mapping[bytes, bytes]) -> bool:
    return any(name in head for name in _PROXIED)


def _loopback(client: str) -> bool:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _hostname(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if port.isdigit() and name else host


def presented(authorization: bytes | None, key: bytes | None) -> bytes | None:
    """Give the credential of a request: ``Authorization: Bearer ...`` or ``X-API-Key: ...``."""
    if authorization is None:
        return key
    return authorization[7:].strip() if authorization[:7].lower() == b"bearer " else b""
