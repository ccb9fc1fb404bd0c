"""The connection to a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from urllib.parse import quote as quoted

try:
    import httpx
    import msgspec  # noqa: F401 - for the message below; the wire uses it
except ModuleNotFoundError as missing:  # pragma: no cover - tried in an environment without them
    message = f"the client needs more packages ({missing.name} is missing): pip install 'pricebid[client]'"
    raise ModuleNotFoundError(message, name=missing.name) from None

from pricebid import __version__
from pricebid.client import jobs
from pricebid.client.answers import Job, Page, Readiness, Shop
from pricebid.client.shop import RemoteShop, pages
from pricebid.client.wire import Retry, Wire, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from pricebid.client.answers import JobEvent


class Client:
    """A service, as a caller with one key sees it. Threads may share it.

    Parameters
    ----------
    url : str
        Where it is, such as ``https://prices.example.com``.
    key : str, optional
        API key, or a token of the identity provider.
    timeout : float
        Seconds without a byte after which an answer is given up.
    retry : Retry, optional
        How requests are tried again.
    transport : httpx.BaseTransport, optional
        What carries requests: another one for tests, proxies, client certificates.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 60.0,
        retry: Retry | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"User-Agent": f"pricebid-client/{__version__}"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self.url = url
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, transport=transport, follow_redirects=False
        )
        self._wire = Wire(self._http, retry or Retry())

    def shop(self, name: str) -> RemoteShop:
        """Give a shop; nothing is asked yet, and it need not be there."""
        return RemoteShop(self._wire, name)

    def shops(self) -> Iterator[Shop]:
        """Yield the shops that the key may see."""
        return pages(self._wire, Page[Shop], "/v1/shops")

    def ready(self) -> Readiness:
        """Tell whether the service takes traffic, and if not, why."""
        answer = self._http.get("/readyz")
        return decode(answer.content, Readiness)

    def metrics(self) -> str:
        """Give the service's figures in Prometheus' text format; away from its own machine it takes a key of all shops."""
        return self._wire.send("GET", "/metrics").content.decode()

    def job(self, job_id: str) -> Job:
        """Give a job as it stands."""
        return self._wire.ask(Job, "GET", _path(job_id))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job: at once where it waits, at its next step where it runs."""
        return self._wire.ask(Job, "DELETE", _path(job_id))

    def follow(self, job_id: str, *, after: int = 0) -> Iterator[JobEvent]:
        """Yield what happens to a job until it has ended, through broken connections."""
        return jobs.follow(self._wire, _path(job_id), after=after)

    def wait(
        self, job: Job | str, *, timeout: float | None = None, on_event: Callable[[JobEvent], object] | None = None
    ) -> Job:
        """Wait until a job is done, and give it as it stands then.

        Parameters
        ----------
        job : Job or str
            The job, or its id.
        timeout : float, optional
            Seconds after which to give up, noticed within 15 s; the job goes on.
        on_event : callable, optional
            Is told of everything that happens, such as progress.

        Raises
        ------
        JobFailed
            It failed, or was cancelled.
        StillRunning
            The time is over.
        """
        job_id = job if isinstance(job, str) else job.id
        return jobs.wait(self._wire, _path(job_id), timeout=timeout, on_event=on_event)

    def job_file(self, job_id: str, name: str) -> bytes:
        """Give a table that a job made, such as ``forecast.csv``."""
        return self._wire.send("GET", f"{_path(job_id)}/files/{quoted(name, safe='')}").content

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close its connections."""
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"


def _path(job_id: str) -> str:
    return f"/v1/jobs/{quoted(job_id, safe='')}"
