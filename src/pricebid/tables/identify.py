"""Identifiers that sort by time (UUID version 7, RFC 9562)."""

from __future__ import annotations

import os
import time
import uuid


def new_id() -> str:
    """Return a fresh UUIDv7: 48 bits of milliseconds since 1970, version, 74 random bits.

    Examples
    --------
    >>> new_id()[14]
    '7'
    """
    milliseconds = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80
    value |= 0x7 << 76 | (noise >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | (noise & (2**62 - 1))
    return str(uuid.UUID(int=value))
