"""Bad input: each refused with a typed error that says what was wrong, and nothing written."""

import pytest

from headwater.errors import BadInput, EventTooLarge, InvalidName, MalformedData
from headwater.messages import Condition, NewEvent, Write, query
from headwater.store.port import MAX_EVENT_BYTES, EventStore
from headwater.testing.conformance.harness import OpenStore, counted, fill, named, on_store, several, with_places

BAD_NAMES = ["", " ", " a", "a ", "\ta", "a\n", "a\x00b", "a\x1bb", "\u202ea", "\ud800", "x" * 256]
NOT_JSON = [b"", b"{", b"}", b"nul", b"{}{}", b"1],[0,2", b"{'a':1}", b'"\x00"', b"\x00", b"NaN", b"\xef\xbb\xbf{}"]
NOT_UTF8 = [b'"\xff"', b'"\xc3"', b'{"name":"\xed\xa0\x80"}']


async def refused(store: EventStore, *writes: Write, error: type[BadInput], id: str = "") -> BadInput:
    """The error of an append that must be refused and leave no trace."""
    head = await store.head()
    with pytest.raises(error) as caught:
        await store.append(*writes, id=id)
    assert await store.head() == head
    return caught.value


class TestNothing:
    """An append of nothing."""

    @on_store
    async def test_no_writes(self, store: EventStore) -> None:
        await refused(store, error=BadInput)

    @on_store
    async def test_writes_without_events(self, store: EventStore) -> None:
        await refused(store, Write("a", []), Write("b", [], expected=0), error=BadInput)

    @on_store
    async def test_the_same_stream_twice(self, store: EventStore) -> None:
        error = await refused(store, Write("a", several(1)), Write("b", several(1)), Write("a", []), error=BadInput)
        assert "'a'" in str(error)


class TestNames:
    """Names of streams, tags and ids."""

    @pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
    @on_store
    async def test_a_bad_stream_name_is_refused(self, store: EventStore, name: str) -> None:
        error = await refused(store, Write("good", several(1)), Write(name, several(1)), error=InvalidName)
        assert isinstance(error, InvalidName)
        assert (error.what, error.name) == ("stream name", name)
        for read in (store.load, store.read_stream):
            with pytest.raises(InvalidName):
                await read(name)

    @pytest.mark.parametrize("tag", BAD_NAMES, ids=ascii)
    @on_store
    async def test_a_bad_tag_is_refused(self, store: EventStore, tag: str) -> None:
        error = await refused(store, Write("a", [counted(1, "good"), counted(2, "good", tag)]), error=InvalidName)
        assert isinstance(error, InvalidName)
        assert (error.what, error.name) == ("tag", tag)

    @pytest.mark.parametrize("type", ["", "x" * 256, "a\x00b", "\ud800"], ids=ascii)
    @on_store
    async def test_a_bad_type_is_refused(self, store: EventStore, type: str) -> None:
        await refused(store, Write("a", [NewEvent(type, b"{}")]), error=InvalidName)

    @pytest.mark.parametrize("version", [0, -1])
    @on_store
    async def test_a_bad_type_version_is_refused(self, store: EventStore, version: int) -> None:
        await refused(store, Write("a", [NewEvent("good", b"{}", version)]), error=BadInput)

    @pytest.mark.parametrize("id", BAD_NAMES[1:], ids=ascii)
    @on_store
    async def test_a_bad_append_id_is_refused(self, store: EventStore, id: str) -> None:
        await refused(store, Write("a", several(1)), error=InvalidName, id=id)

    @on_store
    async def test_the_longest_names_are_taken(self, store: EventStore) -> None:
        name = "x" * 255
        await store.append(Write(name, [counted(1, name)]), id=name)
        assert len(await store.read_stream(name)) == 1
        assert len((await store.read(query(tags=[name]))).events) == 1
        assert await store.find_append(name)


class TestData:
    """What is in an event must be JSON, or everyone who reads it would stumble."""

    @pytest.mark.parametrize("data", NOT_JSON, ids=ascii)
    @on_store
    async def test_what_is_no_json_is_refused(self, store: EventStore, data: bytes) -> None:
        await refused(store, Write("a", [counted(1), NewEvent("bad", data)]), error=MalformedData)

    @pytest.mark.parametrize("data", NOT_UTF8, ids=ascii)
    @on_store
    async def test_what_is_no_utf8_is_refused(self, store: EventStore, data: bytes) -> None:
        await refused(store, Write("a", [counted(1), NewEvent("bad", data)]), error=MalformedData)

    @on_store
    async def test_deeply_nested_data_is_taken_or_refused(self, store: EventStore) -> None:
        for depth in (10, 100, 1000, 10_000, 100_000):
            data = b"[" * depth + b"]" * depth
            try:
                await store.append(Write("a", [NewEvent("deep", data)]))
            except MalformedData:
                assert depth > 100
        assert len(await store.read_stream("a")) >= 2
        assert (await store.load("a")).count >= 2

    @on_store
    async def test_the_error_names_the_type_and_the_reason(self, store: EventStore) -> None:
        error = await refused(store, Write("a", [NewEvent("order.placed", b'{"a":1,}')]), error=MalformedData)
        assert isinstance(error, MalformedData)
        assert "order.placed" in error.what
        assert error.why


class TestSizes:
    """The limit on an event's size."""

    @with_places
    async def test_an_event_above_the_limit_is_refused(self, open_store: OpenStore) -> None:
        async with await open_store("main", max_event_bytes=100) as store:
            fits, larger = NewEvent("text", b'"%98s"' % b"x"), NewEvent("text", b'"%99s"' % b"x")
            await store.append(Write("a", [fits]))
            error = await refused(store, Write("a", [fits, larger]), error=EventTooLarge)
            assert isinstance(error, EventTooLarge)
            assert (error.type, error.size, error.limit) == ("text", 101, 100)
            assert [event.data for event in (await store.read()).events] == [fits.data]

    @on_store
    async def test_the_limit_is_a_mebibyte_unless_told(self, store: EventStore) -> None:
        largest = NewEvent("text", b'"%*s"' % (MAX_EVENT_BYTES - 2, b"x"))
        await store.append(Write("a", [largest]))
        assert (await store.read()).events[0].data == largest.data
        await refused(store, Write("a", [NewEvent("text", largest.data + b" ")]), error=EventTooLarge)

    @with_places
    async def test_it_can_be_raised(self, open_store: OpenStore) -> None:
        async with await open_store("main", max_event_bytes=8 * MAX_EVENT_BYTES) as store:
            large = NewEvent("conformance.named", b'{"name":"%*s"}' % (4 * MAX_EVENT_BYTES, b"x"), type_version=2)
            await store.append(Write("a", [large, large]))
            assert [event.data for event in (await store.read()).events] == [large.data] * 2
            assert len((await store.load("a")).json) > 8 * MAX_EVENT_BYTES


class TestAfterwards:
    """A refusal harms nobody else."""

    @on_store
    async def test_the_store_goes_on(self, store: EventStore) -> None:
        await fill(store, 2)
        await refused(store, Write("numbers", [NewEvent("bad", b"{")]), error=BadInput, id="once")
        await refused(store, Write("", several(1)), error=BadInput, id="once")
        done = await store.append(Write("numbers", [named("x")], expected=2), id="once")
        assert (done.versions, done.repeated) == ((3,), False)

    @on_store
    async def test_a_condition_may_ask_for_anything(self, store: EventStore) -> None:
        await fill(store, 2)
        for odd in ("", " ", "a\x00b", "x" * 1000, "'; DROP TABLE event; --"):
            for wanted in (query(odd), query(tags=[odd])):
                await store.append(Write("a", several(1)), condition=Condition(wanted, 0))
                assert list((await store.read(wanted)).events) == []
