"""Log lines of the service as JSON, one object per line on standard error; the request's line is written off its path.

Nothing that is logged comes from a body or an ``Authorization`` header, so no secret and no customer can be in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

log = logging.getLogger("pricebid.api")
_KNOWN = frozenset(vars(logging.makeLogRecord({})))


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message, the ``extra`` fields, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = {key: value for key, value in vars(record).items() if key not in _KNOWN and key != "color_message"}
        line |= {key: value for key, value in extra.items() if key not in line}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure(style: str, stream: TextIO | None = None) -> None:
    """Send the service's and the server's log lines to standard error; called by `pricebid serve`, never on import."""
    handler = logging.StreamHandler(stream or sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonLines() if style == "json" else plain)
    for name in ("pricebid", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


class RequestLog:
    """Lines of finished requests, gathered in memory and written together: a line costs the request a few microseconds.

    Parameters
    ----------
    stream : text stream
        Where they go.
    style : {"json", "text", "off"}
        How a line looks.
    """

    def __init__(self, stream: TextIO, style: str) -> None:
        self._stream = stream
        self._style = style
        self._lines: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self, seconds: float) -> None:
        """Begin to write, every so many seconds."""
        self._task = asyncio.create_task(self._forever(seconds))

    async def stop(self) -> None:
        """Write the last lines."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.flush()

    async def _forever(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.flush)

    def add(self, line: dict[str, Any]) -> None:
        """Note one request."""
        if self._style != "off":
            self._lines.append(line)

    def flush(self) -> None:
        """Write what has been noted."""
        with self._lock:
            lines, self._lines = self._lines, []
            if not lines:
                return
            if self._style == "json":
                text = b"\n".join(orjson.dumps(line, default=str) for line in lines).decode()
            else:
                text = "\n".join(" ".join(f"{key}={_plain(value)}" for key, value in line.items()) for line in lines)
            self._stream.write(text + "\n")
            self._stream.flush()


def _plain(value: object) -> str:
    """Give a value as it is, its control characters as escapes: a path must not look like a line of the log."""
    text = str(value)
    return text if text.isprintable() else repr(text)
