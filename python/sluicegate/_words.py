"""Times and sizes as the command line writes them."""

from __future__ import annotations

import datetime

Time = str | datetime.datetime | datetime.date


def time(value: Time) -> str:
    """A time.

    Raises:
        ValueError: it has no time zone.
    """
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ValueError("a time needs its time zone: `datetime.now(timezone.utc)`")
        return value.isoformat()
    return value.isoformat() if isinstance(value, datetime.date) else value


def memory(limit: str | int) -> str:
    """A limit of memory; a number is of bytes."""
    return f"{limit}B" if isinstance(limit, int) else limit
