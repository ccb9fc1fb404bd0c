"""Callers of a service that is killed under them: what they sent, what was acknowledged, what they cannot know."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.load.deployment import CAMPAIGN, KEYWORDS, REGIONS, SHOP, SKUS, price_plan

from pricebid import store

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

_TIMEOUT_SECONDS = 20.0
_GIVEN_UP = 0.1  # share of the batches of feedback that are not sent again where their answer was lost
_AGAIN = 0.1  # share of those that are sent again though they were acknowledged
_WAITING_JOBS = 6
_BROKEN = (OSError, http.client.HTTPException)


@dataclass(kw_only=True)
class Sent:
    """One event of feedback.

    Parameters
    ----------
    units, cost : float or None
        What it says.
    acknowledged : bool
        The service said that it is kept.
    sent : int
        How often it was sent.
    """

    units: float | None = None
    cost: float | None = None
    acknowledged: bool = False
    sent: int = 0


@dataclass(kw_only=True)
class Journal:
    """What callers know.

    Parameters
    ----------
    quotes : dict of request id to float or None
        When each request for quotes was answered, seconds since 1970; None where the answer never came.
    events : dict of event id to Sent
        Feedback.
    jobs : list of str
        Jobs that were acknowledged.
    jobs_unknown : int
        Jobs whose answer was lost.
    publishes : dict of plan id to bool
        In the order in which they were asked for; True where acknowledged.
    spent : list of float
        What each click cost, known or not to the service, money.
    wrong : list of str
        Answers that should not be.
    """

    quotes: dict[str, float | None] = field(default_factory=dict)
    events: dict[str, Sent] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    jobs_unknown: int = 0
    publishes: dict[str, bool] = field(default_factory=dict)
    spent: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Caller:
    """One connection that is made anew whenever it breaks.

    Attributes
    ----------
    refused : bool
        Nobody listened to the last call: what it asked for cannot have been done.
    """

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key
        self._open: http.client.HTTPConnection | None = None
        self.refused = False

    def call(self, method: str, path: str, body: object = None, request: str = "") -> tuple[int, Any] | None:
        """Give status and answer; None where no answer came."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        headers |= {"X-Request-Id": request} if request else {}
        self.refused = False
        try:
            if self._open is None:
                self._open = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
                self.refused = True
                self._open.connect()
                self.refused = False
            self._open.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self._open.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except _BROKEN:
            self.close()
            return None

    def close(self) -> None:
        """Hang up."""
        if self._open is not None:
            self._open.close()
        self._open = None


class Traffic:
    """Quotes, bids with spend, feedback, jobs and publishes, from threads, until told to stop.

    Parameters
    ----------
    port, key : int, str
        The service, and a key that may do all of this.
    db : Store
        Where plans to publish are put.
    seed : int
        Of what is asked for.
    jobs_every : float
        Seconds between two jobs.
    quoters : int
        Threads that ask for prices.
    """

    def __init__(
        self, port: int, key: str, db: store.Store, *, seed: int, jobs_every: float = 8.0, quoters: int = 2
    ) -> None:
        self.journal = Journal()
        self._port, self._key, self._db = port, key, db
        self._stop = threading.Event()
        self._numbers = itertools.count(1)
        self._told: deque[tuple[str, Sent, dict[str, Any]]] = deque(maxlen=20_000)
        self._jobs_every = jobs_every
        work: list[Callable[[Caller, random.Random], float]] = [self._quote] * quoters
        work += [self._bid, self._feed, self._job, self._publish]
        self._threads = [
            threading.Thread(target=self._forever, args=(one, random.Random(seed * 100 + at)), daemon=True)  # noqa: S311
            for at, one in enumerate(work)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End: each call that is under way is waited for."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_TIMEOUT_SECONDS * 3)

    def _forever(self, work: Callable[[Caller, random.Random], float], rng: random.Random) -> None:
        caller = Caller(self._port, self._key)
        while not self._stop.is_set():
            self._stop.wait(work(caller, rng))
        caller.close()

    def _asked(self, caller: Caller, path: str, items: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Ask for quotes, and note when they were answered."""
        request = f"load-{next(self._numbers)}"
        self.journal.quotes[request] = None
        found = caller.call("POST", f"/v1/shops/{SHOP}/{path}", {"items": items}, request)
        if found is None:
            if caller.refused:
                del self.journal.quotes[request]
            return None
        if found[0] != 200:
            del self.journal.quotes[request]  # refused: nothing was quoted, and nothing is in the log
            self._unexpected(found)
            return None
        self.journal.quotes[request] = time.time()
        answers: list[dict[str, Any]] = found[1]["items"]
        return answers

    def _unexpected(self, found: tuple[int, Any]) -> None:
        if found[0] not in (404, 429, 503):  # not loaded yet, too many, busy: told to try again
            self.journal.wrong.append(f"{found[0]} {str(found[1])[:300]}")

    def _quote(self, caller: Caller, rng: random.Random) -> float:
        items = [{"sku": rng.choice(SKUS), "region": rng.choice(REGIONS)} for _ in range(rng.choice((1, 1, 1, 5)))]
        answers = self._asked(caller, "quotes", items)
        if answers is None:
            return 0.05
        for one in answers:
            if rng.random() < 0.5:
                self._tell(one["decision_id"], Sent(units=float(rng.randrange(5))))
        return 0.003

    def _bid(self, caller: Caller, rng: random.Random) -> float:
        items = [{"keyword": word, "campaign": CAMPAIGN} for word in rng.sample(KEYWORDS, 3)]
        answers = self._asked(caller, "bids/quotes", items)
        if answers is None:
            return 0.05
        for one in answers:
            if one["bid"] and rng.random() < 0.5:
                cost = round(one["bid"] * rng.uniform(0.3, 1.0), 2)
                self.journal.spent.append(cost)
                self._tell(one["decision_id"], Sent(cost=cost), clicks=1)
            elif one["bid"]:
                self._tell(one["decision_id"], Sent(cost=0.0), clicks=0)
        return 0.02

    def _tell(self, decision: str, sent: Sent, **more: float) -> None:
        event = f"event-{next(self._numbers)}"
        body = {"event_id": event, "decision_id": decision} | more
        body |= {name: value for name in ("units", "cost") if (value := getattr(sent, name)) is not None}
        self._told.append((event, sent, body))

    def _feed(self, caller: Caller, rng: random.Random) -> float:
        batch = [self._told.popleft() for _ in range(min(len(self._told), rng.randrange(1, 40)))]
        if not batch:
            return 0.02
        for event, sent, _ in batch:
            self.journal.events[event] = sent
        while not self._stop.is_set():
            found = caller.call("POST", f"/v1/shops/{SHOP}/feedback", {"events": [body for *_, body in batch]})
            for _, sent, _ in batch:
                sent.sent += not caller.refused
            if found is not None and found[0] == 200:
                self._acknowledged(batch, found[1])
                if rng.random() > _AGAIN:
                    return 0.005
            elif found is not None:
                self._unexpected(found)
            elif not caller.refused and rng.random() < _GIVEN_UP:
                return 0.05
            self._stop.wait(0.05)
        return 0.0

    def _acknowledged(self, batch: list[tuple[str, Sent, dict[str, Any]]], answer: dict[str, Any]) -> None:
        again = batch[0][1].acknowledged
        if answer["rejected"] or answer["accepted"] + answer["duplicates"] != len(batch):
            self.journal.wrong.append(f"of {len(batch)} events: {answer}")
        if again and answer["accepted"]:
            self.journal.wrong.append(f"{answer['accepted']} events were counted a second time")
        for _, sent, _ in batch:
            sent.acknowledged = True

    def _job(self, caller: Caller, rng: random.Random) -> float:
        if sum(store.queue_depth(self._db).values()) > _WAITING_JOBS:  # no more than can be done in the end
            return 0.5
        if rng.random() < 0.5:
            body: dict[str, Any] = {"kind": "forecast", "options": {"horizon": 2}}
        else:
            body = {"kind": "price", "policy": {"horizon": 2, "price": {"max_change": 0.1}}}
        found = caller.call("POST", f"/v1/shops/{SHOP}/jobs", body)
        if found is None:
            self.journal.jobs_unknown += not caller.refused
            return 0.5
        if found[0] != 202:
            self._unexpected(found)
            return 0.5
        self.journal.jobs.append(found[1]["id"])
        return self._jobs_every

    def _publish(self, caller: Caller, rng: random.Random) -> float:
        plan = price_plan(self._db, factor=rng.uniform(0.9, 1.1))
        self.journal.publishes[plan] = False
        found = caller.call("POST", f"/v1/shops/{SHOP}/plans/{plan}/publish")
        if found is not None and found[0] == 200:
            self.journal.publishes[plan] = True
        elif found is not None and found[0] != 409:  # 409: one whose answer was lost came between
            self._unexpected(found)
        elif caller.refused:
            del self.journal.publishes[plan]
        return 0.3
