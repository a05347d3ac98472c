"""Ids, queries and the shapes of messages."""

import subprocess
import sys
import uuid
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.clock import to_micros
from headwater.messages import ALL, Envelope, Metadata, NewEvent, Query, QueryItem, new_id, query

NOW = to_micros(datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC))
words = st.sampled_from(("a", "b", "c"))
items = st.builds(QueryItem, st.lists(words).map(tuple), st.lists(words).map(tuple))


@given(st.integers(0, 1 << 52))
def test_an_id_is_a_uuid_of_version_7_with_its_time(now: int) -> None:
    id = new_id(now)
    parsed = uuid.UUID(id)
    assert str(parsed) == id
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == now // 1000


def test_ids_are_unique() -> None:
    assert len({new_id(NOW) for _ in range(100_000)}) == 100_000


@given(st.lists(st.integers(0, 1 << 50), min_size=2))
def test_ids_sort_by_time(times: list[int]) -> None:
    by_id = sorted((new_id(now), now // 1000) for now in times)
    assert [millis for _, millis in by_id] == sorted(now // 1000 for now in times)


def test_a_forked_process_makes_other_ids() -> None:
    code = "import os; from headwater.messages import new_id; os.fork(); os.write(1, new_id(0).encode() + b'\\n')"
    ids = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert len(set(ids)) == len(ids) == 2


@given(st.lists(items, max_size=3), words, st.lists(words))
def test_a_query_matches_when_any_item_does(all: list[QueryItem], type: str, tags: list[str]) -> None:
    def matches(item: QueryItem) -> bool:
        return (type in item.types if item.types else True) and set(item.tags) <= set(tags)

    expected = any(map(matches, all)) if all else True
    assert Query(tuple(all)).matches(type, tags) == expected


def test_query_makes_one_item_or_asks_for_all() -> None:
    assert query() is ALL
    assert query("a", "b", tags=["x"]) == Query((QueryItem(("a", "b"), ("x",)),))
    assert query(tags=["x"]) == Query((QueryItem((), ("x",)),))


def test_an_envelope_tells_when_it_was_recorded() -> None:
    envelope = Envelope(1, "s", 1, "id", "type", 1, b"{}", NOW)
    assert envelope.recorded_at == datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_messages_are_frozen() -> None:
    for message, field in ((NewEvent("a", b"{}"), "data"), (Metadata(), "actor"), (ALL, "items")):
        with pytest.raises(AttributeError):
            setattr(message, field, "changed")


def test_metadata_says_only_what_it_knows() -> None:
    assert msgspec.json.encode(Metadata()) == b"{}"
    assert msgspec.json.encode(Metadata(actor="ann")) == b'{"actor":"ann"}'
