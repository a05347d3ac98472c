"""What can happen to a publish on its way: messages and answers get lost, others publish in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.aio.msg import Msg

from headwater.adapters.nats import faults, lane
from headwater.adapters.nats.broker import NatsBroker
from headwater.errors import AcknowledgementLost, BadInput, RecordTooLarge, UnknownType
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.testing.nats import NatsCluster, NatsServer
from headwater.testing.running import asynchronous

Send = Callable[..., Awaitable[Any]]
MANY = 300


@pytest.fixture(params=[1, 3])
def place(request: pytest.FixtureRequest) -> tuple[str, int]:
    """An address, and on how many nodes topics are kept there."""
    if request.param == 1:
        alone: NatsServer = request.getfixturevalue("nats")
        return alone.url(), 1
    nodes: NatsCluster = request.getfixturevalue("nats_nodes")
    return nodes.url(), 3


@asynccontextmanager
async def topic(place: tuple[str, int], name: str) -> AsyncIterator[NatsBroker]:
    """A broker with a new topic of one partition."""
    async with await NatsBroker.open(f"{place[0]}?namespace=publishing&patience=20") as broker:
        await broker.create_topic(Topic(name, partitions=1, replicas=place[1]))
        try:
            yield broker
        finally:
            await broker.remove_topic(name)


def new(count: int, *, ids: bool = True, start: int = 0) -> list[NewRecord]:
    return [NewRecord(b"%d" % n, "key", f"id-{n}" if ids else "") for n in range(start, start + count)]


async def values(broker: NatsBroker, name: str) -> list[int]:
    return [int(record.value) for record in await broker.read(name, 0, limit=100_000)]


def losing(send: Send, which: set[int]) -> Send:
    """Lose some messages on their way, by their number."""
    sent = 0

    async def lossy(*arguments: Any) -> None:
        nonlocal sent
        sent += 1
        if sent not in which:
            await send(*arguments)

    return lossy


class TestLosing:
    @pytest.mark.parametrize("ids", [True, False])
    @pytest.mark.parametrize("which", [{1}, {2}, {150}, {10, 200}, {MANY}], ids=str)
    @asynchronous(seconds=60)
    async def test_messages(
        self, place: tuple[str, int], which: set[int], ids: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with topic(place, "messages") as broker:
            broker._connection.answer_within = 0.2
            monkeypatch.setattr(broker._connection, "send", losing(broker._connection.send, which))
            done = await broker.publish("messages", new(MANY, ids=ids))
            assert await values(broker, "messages") == list(range(MANY))
            assert [each.offset for each in done] == list(range(1, MANY + 1))
            assert not any(each.repeated for each in done)

    @pytest.mark.parametrize("ids", [True, False])
    @asynchronous(seconds=60)
    async def test_answers(self, place: tuple[str, int], ids: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        async with topic(place, "answers") as broker:
            await broker.publish("answers", new(5, start=1_000))
            ask, asked = broker._connection.ask, 0

            async def forgetful(*arguments: Any) -> Msg:
                nonlocal asked
                answer = await ask(*arguments)
                asked += arguments[0].startswith("publishing.")
                if asked in (1, 2):
                    raise faults.NoAnswer("here", "it was lost")
                return answer

            monkeypatch.setattr(broker._connection, "ask", forgetful)
            done = await broker.publish("answers", new(MANY, ids=ids))
            assert (await values(broker, "answers"))[5:] == list(range(MANY))
            assert [each.offset for each in done] == list(range(6, MANY + 6))
            assert not any(each.repeated for each in done), "they were published by this very call"
            assert asked >= 3

    @asynchronous(seconds=60)
    async def test_all_answers(self, place: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
        async with topic(place, "silence") as broker:
            connection = broker._connection
            monkeypatch.setattr(connection, "address", connection.address._replace(patience=0.5))
            ask = connection.ask

            async def silent(*arguments: Any) -> Msg:
                await ask(*arguments)
                raise faults.NoAnswer("here", "it was lost")

            with monkeypatch.context() as while_silent:
                while_silent.setattr(connection, "ask", silent)
                with pytest.raises(AcknowledgementLost):
                    await broker.publish("silence", new(MANY))
            await broker.publish("silence", new(MANY))
            assert await values(broker, "silence") == list(range(MANY))


class TestOthers:
    @asynchronous(seconds=60)
    async def test_others_publish_in_between(self, place: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
        async with topic(place, "between") as broker, await NatsBroker.open(
            f"{place[0]}?namespace=publishing"
        ) as other:  # fmt: skip
            send, sent = broker._connection.send, 0

            async def interrupted(*arguments: Any) -> None:
                nonlocal sent
                sent += 1
                if sent in (2, 100, MANY, MANY + 50):
                    await other.publish("between", new(3, start=10_000 + 10 * sent))
                await send(*arguments)

            monkeypatch.setattr(broker._connection, "send", interrupted)
            done = await broker.publish("between", new(MANY))
            found = await values(broker, "between")
            assert [each for each in found if each < 10_000] == list(range(MANY))
            assert [found[each.offset - 1] for each in done] == list(range(MANY))
            assert not any(each.repeated for each in done)

    @asynchronous(seconds=60)
    async def test_many_at_the_same_time(self, place: tuple[str, int]) -> None:
        async with topic(place, "crowd") as one, await NatsBroker.open(f"{place[0]}?namespace=publishing") as other:

            async def publish(broker: NatsBroker, who: int) -> None:
                for start in range(0, 200, 20):
                    await broker.publish("crowd", new(20, ids=False, start=who * 1_000 + start))

            async with asyncio.TaskGroup() as group:
                for who in range(6):
                    group.create_task(publish((one, other)[who % 2], who))
            found = await values(one, "crowd")
            for who in range(6):
                mine = [each for each in found if each // 1_000 == who]
                assert mine == list(range(who * 1_000, who * 1_000 + 200))

    @asynchronous(seconds=60)
    async def test_two_publish_the_same(self, place: tuple[str, int]) -> None:
        """As two relays do for a moment, when one takes over from the other."""
        async with topic(place, "same") as one, await NatsBroker.open(f"{place[0]}?namespace=publishing") as other:
            outcomes = await asyncio.gather(*(broker.publish("same", new(MANY)) for broker in (one, other, one)))
            assert await values(one, "same") == list(range(MANY))
            assert [[each.offset for each in done] for done in outcomes] == [list(range(1, MANY + 1))] * 3

    @asynchronous(seconds=60)
    async def test_a_part_was_published_before(self, place: tuple[str, int]) -> None:
        async with topic(place, "part") as one, await NatsBroker.open(f"{place[0]}?namespace=publishing") as other:
            await other.publish("part", new(MANY // 2))
            done = await one.publish("part", new(MANY))
            assert await values(one, "part") == list(range(MANY))
            assert [each.repeated for each in done] == [n < MANY // 2 for n in range(MANY)]


class TestLimits:
    @asynchronous(seconds=60)
    async def test_more_than_goes_at_once(self, place: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lane, "CHUNK", 100)
        monkeypatch.setattr(lane, "CHUNK_BYTES", 20_000)
        async with topic(place, "chunks") as broker:
            wide = [NewRecord(b"%0500d" % n, "key") for n in range(MANY)]
            await broker.publish("chunks", wide)
            assert await values(broker, "chunks") == list(range(MANY))

    @asynchronous(seconds=60)
    async def test_what_the_server_would_not_take(self, place: tuple[str, int]) -> None:
        async with topic(place, "limits") as broker:
            limit = broker._connection.max_payload
            with pytest.raises(RecordTooLarge):
                await broker.publish("limits", [*new(1), NewRecord(bytes(limit), "key")])
            with pytest.raises(BadInput):
                await broker.publish("limits", [*new(1), NewRecord(b"", headers={"a": "\N{ROCKET}" * 8_000})])
            await broker.publish("limits", [NewRecord(bytes(limit - 2_000), "key", headers={"a": "b"})])
            assert len(await broker.read("limits", 0)) == 1

    @asynchronous(seconds=60)
    async def test_a_topic_made_anew_with_other_partitions(self, place: tuple[str, int]) -> None:
        async with topic(place, "anew") as one, await NatsBroker.open(f"{place[0]}?namespace=publishing") as other:
            await other.publish("anew", new(5))
            await one.remove_topic("anew")
            with pytest.raises(UnknownType):
                await other.publish("anew", new(5))
            await one.create_topic(Topic("anew", partitions=1, replicas=place[1]))
            await other.publish("anew", new(5))
            await one.remove_topic("anew")
            await one.create_topic(Topic("anew", partitions=3, replicas=place[1]))
            done = await other.publish("anew", [NewRecord(b"", f"k{n}") for n in range(20)])
            assert {each.partition for each in done} == {0, 1, 2}
