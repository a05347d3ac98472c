"""`headwater deadletters`, as a user runs it: seen, tried again, put off and given up."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_running import Cli
from clicks import Spoiled, app_of, as_record, click, counting, hits, letters, rest, until

from headwater import Record, Runtime, consumer
from headwater.app import open_broker
from headwater.clock import SystemClock, to_micros
from headwater.testing.running import asynchronous


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@asynchronous(seconds=60)
async def test_seen_redriven_and_discarded(cli: Cli, tmp_path: Path) -> None:
    spoiled = Spoiled(1, 5)
    async with Runtime.open(app_of(counting(spoiled, attempts=1)), cli.store, broker=cli.broker) as runtime:
        await click(runtime, "home", "home", "home", "shop", "shop", "shop", "shop")
        await until(lambda: rest(runtime, 4))
        (count,) = json.loads((await cli.aside("deadletters", "counts", "--json")).stdout)
        assert (count["consumer"], count["failed"], count["waiting_behind"]) == ("hits", 2, 2)
        rows = json.loads((await cli.aside("deadletters", "list", "--key", "home", "--json")).stdout)
        assert [row["last_error"] for row in rows] == ["RuntimeError: not 1", "waits behind an earlier one"]
        shown = (await cli.aside("deadletters", "show", rows[0]["id"])).stdout
        assert '"n":1' in shown
        assert "RuntimeError: not 1" in shown
        again = await cli.aside("deadletters", "redrive", "--key", "home", "--json", code=1)
        assert json.loads(again.stdout)["failed_again"] == [rows[0]["id"]]
        value = tmp_path / "value.json"
        value.write_text('{"page":"home","n":9}')
        await cli.aside("deadletters", "redrive", "--id", rows[0]["id"], "--value", f"@{value}", "--actor", "ann")
        await cli.aside("deadletters", "discard", "--error", "not 5", "--reason", "a test", "--yes")
        await until(lambda: rest(runtime, 0))
        assert await hits(runtime) == {"home": "0,9,2", "shop": "3,4,6"}
        events = await runtime.store.read_stream("deadletters-hits")
        assert events[1].metadata.actor == "ann"
        assert events[-1].type == "headwater.letters_discarded"


@asynchronous(seconds=60)
async def test_another_value_may_be_given_as_a_text_or_on_stdin(cli: Cli) -> None:
    spoiled = Spoiled(1, 2)
    async with Runtime.open(app_of(counting(spoiled, attempts=1)), cli.store, broker=cli.broker) as runtime:
        await click(runtime, "home", "shop", start=1)
        await until(lambda: rest(runtime, 2))
        await cli.aside("deadletters", "redrive", "--key", "home", "--value", '{"page":"home","n":8}')
        given = '{"page":"shop","n":9}'
        await cli.aside("deadletters", "redrive", "--key", "shop", "--value", "@-", stdin=given)
        await until(lambda: rest(runtime, 0))
        assert await hits(runtime) == {"home": "8", "shop": "9"}


async def refused(record: Record) -> None:
    """Fails always."""
    raise LookupError(f"no {record.key}")


@asynchronous(seconds=60)
async def test_what_is_shown_in_json_is_one_document(cli: Cli) -> None:
    app = app_of(counting(Spoiled(1), attempts=1), consumer("clicks", "others", attempts=1)(refused))
    async with Runtime.open(app, cli.store, broker=cli.broker) as runtime:
        await click(runtime, "home", start=1)
        await until(lambda: rest(runtime, 2))
        first, _ = await letters(runtime)
        both = await _shown(cli, first.id)
        assert [each["consumer"] for each in both] == ["hits", "others"]
        for each, *error in zip(both, ("RuntimeError", "LookupError"), ("not 1", "no home"), strict=True):
            assert each["value"] == {"page": "home", "n": 1}
            (attempt,) = each["attempts"]
            assert [attempt["error"], attempt["message"]] == error
            assert attempt["seconds"] >= 0
            assert datetime.fromisoformat(attempt["at"]).tzinfo
        await cli.aside("deadletters", "discard", "--consumer", "others", "--yes")
        await until(lambda: rest(runtime, 1))
        assert await _shown(cli, first.id) == both[0]


@asynchronous(seconds=60)
async def test_a_value_that_is_no_json_is_shown_in_base64(cli: Cli) -> None:
    app = app_of(consumer("clicks", "others", attempts=1)(refused))
    async with Runtime.open(app, cli.store, broker=cli.broker) as runtime:
        async with await open_broker(cli.broker) as broker:
            await broker.publish("clicks", [as_record(b"\xff\x1b[2J", "k")])
        await until(lambda: rest(runtime, 1))
        (letter,) = await letters(runtime)
        assert (await _shown(cli, letter.id))["value_base64"] == "/xtbMko="
        assert "\x1b" not in (await cli.aside("deadletters", "show", letter.id)).stdout


async def _shown(cli: Cli, id: str) -> Any:
    return json.loads((await cli.aside("deadletters", "show", id, "--json")).stdout)


@asynchronous(seconds=60)
async def test_letters_are_snoozed_for_a_while_or_until_a_time(cli: Cli) -> None:
    async with Runtime.open(app_of(counting(Spoiled(1, 2), attempts=1)), cli.store, broker=cli.broker) as runtime:
        await click(runtime, "home", "shop", start=1)
        await until(lambda: rest(runtime, 2))
        before = SystemClock().now()
        await cli.aside("deadletters", "snooze", "--key", "home", "--for", "1h30m")
        after, wait = SystemClock().now(), timedelta(minutes=90) // timedelta(microseconds=1)
        (home,) = await letters(runtime, key="home")
        assert before + wait <= home.due <= after + wait
        for text in ("2099-01-01T00:30+01:00", "2098-12-31T23:30"):
            said = (await cli.aside("deadletters", "snooze", "--key", "shop", "--until", text)).stderr
            assert said == "1 letters will be tried at 2098-12-31T23:30:00+00:00\n"
            (shop,) = await letters(runtime, key="shop")
            assert shop.due == to_micros(datetime(2098, 12, 31, 23, 30, tzinfo=UTC))


def test_nothing_rests(cli: Cli, tmp_path: Path) -> None:
    asyncio.run(_made(cli.store))
    assert "no dead letters" in cli("deadletters", "counts").stderr
    assert "say which" in cli("deadletters", "redrive", code=2).stderr
    assert "no dead letter matches" in cli("deadletters", "discard", "--all", "--yes", code=2).stderr
    assert "unknown dead letter" in cli("deadletters", "show", "x", code=2).stderr
    assert "whole numbers" in cli("deadletters", "redrive", "--all", "--waves", "1,x", code=2).stderr
    assert "is no duration" in cli("deadletters", "snooze", "--all", "--for", "10", code=2).stderr
    assert "is no time" in cli("deadletters", "snooze", "--all", "--until", "noon", code=2).stderr
    both = ("--for", "1h", "--until", "2099-01-01")
    assert "give either" in cli("deadletters", "snooze", "--all", *both, code=2).stderr
    missing = tmp_path / "missing"
    said = cli("deadletters", "redrive", "--all", "--value", f"@{missing}", code=1).stderr
    assert said == f"error: cannot read {missing}: No such file or directory\n"


async def _made(store: str) -> None:
    async with Runtime.open(app_of(), store, broker="memory:"):
        pass
