"""Durations and times as people give them to the command."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from headwater.cli.given import duration, moment


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("250ms", timedelta(milliseconds=250)),
        ("1.5h", timedelta(minutes=90)),
        ("36500d", timedelta(days=36_500)),
    ],
)
def test_durations(text: str, meant: timedelta) -> None:
    assert duration(text) == meant


@pytest.mark.parametrize(
    "text", ["", "7", "d", "-1d", "1 d", "1D", "1y", "1d2", "0s", "0.0001ms", "36501d", "9" * 400 + "d", "1h 30m"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration(text)


def test_times_are_in_utc() -> None:
    assert moment("2026-11-26T09:30") == datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    assert moment("2026-11-26T09:30+01:00") == datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
    assert moment("2026-11-26") == datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "0001-01-01T00:00+02:00"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        moment(text)
