"""What people give the command: durations, times, content that may be in a file, and who they are."""

import getpass
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from headwater.cli.output import complain

LONGEST = timedelta(days=36_500)
UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([a-z]+)")


def duration(text: str) -> timedelta:
    """'90s', '10m', '1h30m', '7d': a duration above 0, of a century at most. Raises BadParameter."""
    parts = _DURATION.findall(text)
    if not parts or "".join(map("".join, parts)) != text or any(unit not in UNITS for _, unit in parts):
        raise typer.BadParameter(f"{text!r} is no duration; give one such as 90s, 10m, 1h30m or 7d")
    try:
        found = sum((timedelta(**{UNITS[unit]: float(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        found = timedelta.max
    if not timedelta() < found <= LONGEST:
        raise typer.BadParameter(f"{text!r} is not above 0 and up to {LONGEST.days:,}d")
    return found


def moment(text: str) -> datetime:
    """A time in ISO 8601; in UTC, where it names no zone. Raises BadParameter."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no time; give one such as 2026-11-26T09:30 (UTC) or …T09:30+01:00"
        ) from None


@contextmanager
def reading(file: str) -> Iterator[None]:
    """A file that cannot be read is told in a line, and ends the command."""
    try:
        yield
    except OSError as error:
        complain(f"cannot read {file}: {error.strerror}")
        raise typer.Exit(1) from error


def content(text: str) -> bytes:
    """The text itself, what is in a file for '@FILE', or comes on stdin for '@-'."""
    if not text.startswith("@"):
        return text.encode()
    with reading(text[1:]):
        return sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()


def whoever(actor: str) -> str:
    """Who asks: the name that is given, or that of the login."""
    try:
        return actor or getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
