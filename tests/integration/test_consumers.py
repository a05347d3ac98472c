"""Consumers: effects once, in order for each key; a failing record parks its own key only, then rests."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from clicks import (
    TABLE,
    Clicked,
    Left,
    Spoiled,
    app_of,
    as_record,
    click,
    counted,
    counting,
    has,
    hits,
    letters,
    moving,
    rest,
    running,
    until,
)

from headwater import Behind, Record, Runtime, Write, consumer
from headwater.clock import ManualClock
from headwater.delivery.port import Letters
from headwater.errors import BadInput, DeclarationError, UnknownType
from headwater.fold import Statement
from headwater.messages import NewEvent
from headwater.testing.running import asynchronous


@asynchronous
async def test_records_have_their_effect(kept_url: str) -> None:
    async with running(counting(), store=kept_url) as runtime:
        await click(runtime, "home", "shop", "home", "home")
        await runtime.idle()
        assert await hits(runtime) == {"home": "0,2,3", "shop": "1"}


@asynchronous
async def test_a_record_published_twice_counts_once() -> None:
    clock = ManualClock()
    async with running(counting(), clock=clock) as runtime:
        for _ in range(3):
            await click(runtime, "home", id="click-1")
            clock.advance(3_600)  # brokers have forgotten it: the inbox alone notices
        await click(runtime, "home", start=1)
        await until(lambda: has(runtime, {"home": "0,1"}))
        assert await _published(runtime) == 4


async def _published(runtime: Runtime) -> int:
    assert runtime.broker is not None
    return sum(end - first for first, end in (await runtime.broker.ends("clicks")).values())


@asynchronous
async def test_what_is_done_is_remembered_for_a_while() -> None:
    clock = ManualClock()
    async with running(counting(remember=timedelta(days=2)), clock=clock) as runtime:
        await click(runtime, "home", id="click-1")
        await until(lambda: has(runtime, {"home": "0"}))
        clock.advance(86_400)
        await click(runtime, "home", id="click-1")
        await until(lambda: _published_and_done(runtime, 2), clock)
        assert await hits(runtime) == {"home": "0"}
        clock.advance(2 * 86_400)
        await until(lambda: _forgotten(runtime), clock)
        await click(runtime, "home", id="click-1")
        await until(lambda: has(runtime, {"home": "0,0"}), clock)


async def _forgotten(runtime: Runtime) -> bool:
    return not await runtime.delivery.settled("hits", "clicks", ["click-1"])


async def _published_and_done(runtime: Runtime, number: int) -> bool:
    assert runtime.broker is not None
    (group,) = await runtime.broker.groups("clicks")
    return await _published(runtime) == number and group.records == 0


@asynchronous
async def test_a_failure_is_tried_again_and_parks_its_own_key_only() -> None:
    spoiled = Spoiled(0, times=3)
    clock = ManualClock()
    async with running(counting(spoiled), clock=clock) as runtime:
        await click(runtime, "home", "shop", "home")
        await until(lambda: has(runtime, {"shop": "1"}))
        await until(lambda: has(runtime, {"shop": "1", "home": "0,2"}), clock)
        assert spoiled.given.count(0) == 4
        assert not await letters(runtime)


@asynchronous
async def test_after_its_attempts_it_rests_and_its_key_waits_behind() -> None:
    clock = ManualClock()
    async with running(counting(Spoiled(1), attempts=3), clock=clock) as runtime:
        await click(runtime, "shop", "home", "home", "shop", "home")
        await until(lambda: rest(runtime, 3), clock)
        assert await hits(runtime) == {"shop": "0,3"}
        first, *others = await letters(runtime)
        assert [attempt.error for attempt in first.attempts] == ["RuntimeError"] * 3
        assert first.attempts[0].message == "not 1"
        assert [attempt.at for attempt in first.attempts] == sorted(attempt.at for attempt in first.attempts)
        assert all(attempt.seconds >= 0 for attempt in first.attempts)
        assert [letter.waits for letter in others] == [True, True]
        (count,) = await runtime.dead_letters.counts()
        assert (count.consumer, count.failed, count.waiting) == ("hits", 1, 2)


@asynchronous
async def test_or_its_key_passes_it() -> None:
    clock = ManualClock()
    async with running(counting(Spoiled(1), attempts=2, behind=Behind.PASS), clock=clock) as runtime:
        await click(runtime, "home", "home", "home")
        await until(lambda: has(runtime, {"home": "0,2"}), clock)
        await until(lambda: rest(runtime, 1), clock)


@asynchronous
async def test_what_cannot_be_read_rests_at_once() -> None:
    async with running(counting()) as runtime:
        producer = runtime.producer("clicks")
        await producer.publish(
            as_record(b"\xff\x00", "a", ce_type="page.clicked"),
            as_record(b'{"page":', "b", ce_type="page.clicked"),
            as_record(b'{"n":1}', "c", ce_type="page.clicked"),
            as_record(b"{}", "d", ce_type="page.clicked", ce_typeversion="9"),
            as_record(b"{}", "e", ce_type="page.clicked", ce_typeversion="new"),
            as_record(b"{}", "f"),
            as_record(b"{}", "g", ce_type="other.thing"),
            as_record(b'{"page":"home"}', None, ce_type="page.clicked"),
        )
        await runtime.idle()
        found = await letters(runtime)
        assert {letter.key: letter.attempts[0].error for letter in found} == {
            "a": "MalformedData", "b": "MalformedData", "c": "MalformedData", "d": "UnknownType", "e": "MalformedData",
            "f": "UnknownType",
        }  # fmt: skip
        assert all(len(letter.attempts) == 1 for letter in found)
        assert await hits(runtime) == {"home": "0"}


@asynchronous
async def test_records_without_a_key_hold_up_nobody() -> None:
    clock = ManualClock()
    async with running(counting(Spoiled(0), attempts=2), clock=clock) as runtime:
        for n in range(5):
            await runtime.publish("clicks", Clicked("home", n))
        await until(lambda: rest(runtime, 1), clock)
        await until(lambda: _count(runtime, 4), clock)


async def _count(runtime: Runtime, number: int) -> bool:
    return sum(told.count(",") + 1 for told in (await hits(runtime)).values()) == number


@asynchronous
async def test_a_function_that_never_returns_is_given_up() -> None:
    async def stuck(happened: Clicked) -> list[Statement]:
        if happened.n == 0:
            await asyncio.Event().wait()
        return counted(happened)

    clock = ManualClock()
    async with running(counting(stuck, attempts=2, timeout=30.0), clock=clock) as runtime, moving(clock):
        await click(runtime, "home", "shop")
        await until(lambda: has(runtime, {"shop": "1"}))
        await until(lambda: rest(runtime, 1))
        (letter,) = await letters(runtime)
        assert [attempt.error for attempt in letter.attempts] == ["TimedOut"] * 2
        assert letter.attempts[0].seconds == pytest.approx(30, abs=1)


@asynchronous
async def test_a_coroutine_function_runs_for_many_keys_at_once() -> None:
    inside: set[str] = set()
    most = 0

    async def slow(happened: Clicked) -> list[Statement]:
        nonlocal most
        assert happened.page not in inside, "two of one key at once"
        inside.add(happened.page)
        most = max(most, len(inside))
        for _ in range(5):
            await asyncio.sleep(0)
        inside.remove(happened.page)
        return counted(happened)

    async with running(counting(slow, concurrency=4)) as runtime:
        await click(runtime, *("abcdef" * 5))
        await runtime.idle()
        assert most == 4
        assert await hits(runtime) == {
            page: ",".join(map(str, range(number, 30, 6))) for number, page in enumerate("abcdef")
        }


@asynchronous
async def test_several_at_once() -> None:
    sizes: list[int] = []

    def together(happened: Sequence[Clicked]) -> list[Statement]:
        sizes.append(len(happened))
        if any(each.n == 13 for each in happened):
            raise RuntimeError("thirteen")
        return [statement for each in happened for statement in counted(each)]

    clock = ManualClock()
    async with running(counting(together, attempts=2), clock=clock, workers=False) as runtime:
        await runtime.publish("clicks", *(Clicked(f"p{n % 3}", n) for n in range(20)))
    assert not sizes
    async with running(counting(together, attempts=2), clock=clock) as runtime:
        for n in range(20):
            await runtime.publish("clicks", Clicked(f"p{n % 3}", n), key=f"p{n % 3}")
        await until(lambda: _count(runtime, 17), clock)
        await until(lambda: rest(runtime, 3), clock)  # 13, and behind it 16 and 19
        assert (await hits(runtime))["p0"] == "0,3,6,9,12,15,18"


@asynchronous
async def test_events_and_records() -> None:
    taken: list[tuple[str | None, str]] = []

    @consumer("clicks", "both")
    def both(happened: Clicked | Left, record: Record) -> None:
        taken.append((record.key, type(happened).__name__))

    raw: list[bytes] = []

    @consumer("clicks", "raw")
    async def everything(record: Record) -> None:
        raw.append(record.value)

    async with running(both, everything) as runtime:
        await runtime.publish("clicks", Clicked("home"), Left("home"), key="home")
        await runtime.producer("clicks").publish(as_record(b"\xff", None))
        await runtime.idle()
        assert taken == [("home", "Clicked"), ("home", "Left")]
        assert sorted(raw) == [b'{"page":"home","n":0}', b'{"page":"home"}', b"\xff"]
        assert {letter.consumer for letter in await letters(runtime)} == {"both"}


@asynchronous
async def test_events_are_appended_once() -> None:
    @consumer("clicks", "into_store", once=False)
    def into_store(happened: Clicked, record: Record) -> list[Write]:
        return [Write(f"page-{happened.page}", [NewEvent("page.clicked", record.value)])]

    clock = ManualClock()
    async with running(into_store, clock=clock) as runtime:
        for _ in range(2):
            await click(runtime, "home", id="one")
            await click(runtime, "home", start=1, id="two")
            clock.advance(3_600)
        assert await _published(runtime) == 4
        await runtime.idle()
        assert [event.data for event in await runtime.store.read_stream("page-home")] == [
            b'{"page":"home","n":0}', b'{"page":"home","n":1}',
        ]  # fmt: skip


@asynchronous
async def test_a_statement_that_cannot_run_is_the_records_own_failure() -> None:
    def wrong(happened: Clicked) -> list[Statement]:
        return [("INSERT INTO {hits} VALUES (?)", (1,))] if happened.n == 1 else counted(happened)

    clock = ManualClock()
    async with running(counting(wrong, attempts=2), clock=clock) as runtime:
        await click(runtime, "home", "shop", "cart")
        await until(lambda: rest(runtime, 1), clock)
        await until(lambda: has(runtime, {"home": "0", "cart": "2"}), clock)
        (letter,) = await letters(runtime)
        assert [attempt.error for attempt in letter.attempts] == ["DeclarationError"]  # no attempt would help


@asynchronous
async def test_two_runtimes_share_the_work_and_one_goes_on_alone(tmp_path: object) -> None:
    store, broker = f"sqlite:///{tmp_path}/store.db", f"sqlite:///{tmp_path}/topics.db"
    app = app_of(counting(), partitions=4)
    async with Runtime.open(app, store, broker=broker) as first:
        async with Runtime.open(app, store, broker=broker) as second:
            await click(first, *(f"p{n % 7}" for n in range(50)))
            await click(second, *(f"p{n % 7}" for n in range(50)), start=50)
            await first.idle()
        await click(first, *(f"p{n % 7}" for n in range(50)), start=100)
        await first.idle()
        told = await hits(first)
        for page, numbers in told.items():
            values = [int(n) for n in numbers.split(",")]
            assert values == sorted(values), page
        assert sorted(int(n) for numbers in told.values() for n in numbers.split(",")) == list(range(150))


def test_declarations_are_checked() -> None:
    with pytest.raises(DeclarationError, match="annotate"):
        app_of(consumer("clicks", "bare")(lambda happened: None))
    with pytest.raises(DeclarationError, match="hits"):
        app_of(counting(), consumer("clicks", "other", tables=TABLE)(counted))
    with pytest.raises(DeclarationError, match="at least 1"):
        counting(attempts=0)


@asynchronous
async def test_topics_need_a_broker() -> None:
    with pytest.raises(DeclarationError, match="broker"):
        async with Runtime.open(app_of(counting())):
            pass
    with pytest.raises(BadInput, match="broker address"):
        async with Runtime.open(app_of(counting()), broker="amqp://localhost"):
            pass
    async with running(counting()) as runtime:
        with pytest.raises(UnknownType, match="clicks"):
            await runtime.publish("nowhere", Clicked("home"))
        with pytest.raises(BadInput, match="no dead letter"):
            await runtime.dead_letters.discard(Letters())
