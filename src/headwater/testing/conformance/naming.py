"""Odd but allowed: names and data from all over Unicode come out as they went in."""

import json

import pytest

from headwater.messages import Condition, Metadata, NewEvent, Write, query
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import counted, on_store

ODD = [
    "a", "order-1", "order 1", "Ünïcödé", "Ωμέγα", "注文-1", "طلب", "🛒", "a'b\"c`d", "100%", "a_b", "a*b?[c]",
    "--", "; DROP TABLE event", "\\n", "a\\", "$stream", "a/b/../c", "NULL", "0", "\u00e9", "e\u0301", "{}",
    "a,b", "ﬁ", "𝒳",
]  # fmt: skip
DATA = [
    b"{}", b"[]", b"null", b"0", b"-1.5e300", b'""', b"true", b' { "a" : [ 1 , 2 ] } ', b'{"a":1,"a":2}', b'"],[0,{"',
    '{"é":"日本語 🛒 \\u0000 \\ud83d\\uded2 \\" \\\\ \\n"}'.encode(), b'"\x7f\xc2\x80"',
    b"12345678901234567890123456789",
]  # fmt: skip


class TestOddNames:
    """Names are kept to the letter: none is like another."""

    @on_store
    async def test_streams(self, store: EventStore) -> None:
        for n, name in enumerate(ODD):
            done = await store.append(Write(name, [counted(n)], expected=0))
            assert done.versions == (1,), name
        for n, name in enumerate(ODD):
            (event,) = await store.read_stream(name)
            assert (event.stream, event.data) == (name, counted(n).data)
            assert (await store.load(name)).count == 1

    @on_store
    async def test_tags(self, store: EventStore) -> None:
        for n, tag in enumerate(ODD):
            await store.append(Write("a", [counted(n, tag)]), condition=Condition(query(tags=[tag]), 0))
        for n, tag in enumerate(ODD):
            (event,) = (await store.read(query(tags=[tag]))).events
            assert (event.tags, event.data) == ((tag,), counted(n).data)
        await store.append(Write("all", [counted(-1, *ODD, *ODD)]))
        (event,) = await store.read_stream("all")
        assert event.tags == (*ODD, *ODD), "repeated tags are harmless"
        assert len((await store.read(query(tags=ODD))).events) == 1

    @on_store
    async def test_types_ids_and_metadata(self, store: EventStore) -> None:
        for odd in ODD:
            new = NewEvent(odd, b"{}", 1, (), Metadata(odd, odd, odd, odd), f"id of {odd}")
            await store.append(Write("a", [new]), id=odd, fingerprint=odd)
            (event,) = (await store.read(query(odd))).events
            assert (event.type, event.metadata, event.id) == (odd, new.metadata, new.id)
            assert await store.find_append(odd, odd)


class TestOddData:
    """Data is kept to the byte."""

    @pytest.mark.parametrize("data", DATA, ids=ascii)
    @on_store
    async def test_data(self, store: EventStore, data: bytes) -> None:
        await store.append(Write("a", [NewEvent("odd", data), NewEvent("odd", b'"next"')]))
        assert [event.data for event in (await store.read()).events] == [data, b'"next"']
        assert [event.data for event in await store.read_stream("a")] == [data, b'"next"']
        for batch in (await store.load("a"), await store.scan()):
            pairs = json.loads(batch.json)
            assert [batch.kinds[number].type for number, _ in pairs] == ["odd", "odd"]
            assert [value for _, value in pairs] == [json.loads(data), "next"]
