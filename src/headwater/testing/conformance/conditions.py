"""Conditions: a dynamic consistency boundary over types and tags, wherever the events are."""

import pytest

from headwater.errors import ConditionFailed, Conflict, WrongExpectedVersion
from headwater.messages import ALL, Condition, NewEvent, Query, QueryItem, Write, query
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import counted, everything, named, on_store

COUNTED, NAMED = "conformance.counted", "conformance.named"


async def holds(store: EventStore, wanted: Query, after: int = 0) -> bool:
    """Whether an append under this condition goes through; one that does not must change nothing."""
    head = await store.head()
    try:
        await store.append(Write("asked", [NewEvent("asked", b"{}")]), condition=Condition(wanted, after))
    except ConditionFailed as error:
        failed = error
    else:
        return True
    assert after < failed.position <= head
    assert failed.after == after
    assert await store.head() == head
    return False


class TestConditions:
    """An append with a condition holds only if no event after its position matches its query."""

    @on_store
    async def test_an_empty_store_meets_any(self, store: EventStore) -> None:
        assert await holds(store, ALL)

    @on_store
    async def test_it_names_the_first_event_that_is_in_the_way(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0, "x"), counted(1, "y"), counted(2, "x"), counted(3, "x")]))
        places = [event.position for event in await everything(store)]
        with pytest.raises(ConditionFailed) as caught:
            await store.append(Write("b", [counted(9)]), condition=Condition(query(tags=["x"]), places[0]))
        assert (caught.value.position, caught.value.after) == (places[2], places[0])
        assert isinstance(caught.value, Conflict)
        assert len(await everything(store)) == 4

    @on_store
    async def test_all_events_count_without_a_query(self, store: EventStore) -> None:
        done = await store.append(Write("a", [counted(0)]))
        assert not await holds(store, ALL, done.last - 1)
        assert await holds(store, ALL, done.last)

    @on_store
    async def test_only_events_after_its_position_count(self, store: EventStore) -> None:
        done = await store.append(Write("a", [counted(0, "x")]))
        assert not await holds(store, query(tags=["x"]), done.last - 1)
        assert await holds(store, query(tags=["x"]), done.last)

    @on_store
    async def test_by_type(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0)]))
        assert not await holds(store, query(COUNTED))
        assert not await holds(store, query(NAMED, COUNTED)), "types are alternatives"
        assert await holds(store, query(NAMED))
        assert await holds(store, query("never.heard_of"))

    @on_store
    async def test_every_version_of_a_type_counts(self, store: EventStore) -> None:
        await store.append(Write("a", [NewEvent("grown", b"{}", type_version=1)]))
        await store.append(Write("a", [NewEvent("other", b"{}")]))
        done = await store.append(Write("a", [NewEvent("grown", b"{}", type_version=2)]))
        assert not await holds(store, query("grown"), done.last - 1)

    @on_store
    async def test_by_tag_wherever_the_event_is(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0, "x", "y")]))
        assert not await holds(store, query(tags=["x"]))
        assert not await holds(store, query(tags=["y"]))
        assert await holds(store, query(tags=["z"]))

    @on_store
    async def test_all_tags_of_an_item_must_be_borne(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0, "x", "y"), counted(1, "z")]))
        assert not await holds(store, query(tags=["y", "x"]))
        assert await holds(store, query(tags=["x", "z"])), "no single event bears both"
        assert not await holds(store, query(tags=["x", "x"])), "twice the same is that one"

    @on_store
    async def test_type_and_tags_must_both_match(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0, "x"), named("n", "y")]))
        assert not await holds(store, query(COUNTED, tags=["x"]))
        assert await holds(store, query(COUNTED, tags=["y"]))
        assert not await holds(store, query(NAMED, COUNTED, tags=["y"]))

    @on_store
    async def test_items_are_alternatives(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0, "x")]))
        no, yes = QueryItem((NAMED,)), QueryItem((COUNTED,), ("x",))
        assert not await holds(store, Query((no, yes)))
        assert not await holds(store, Query((yes, no)))
        assert await holds(store, Query((no, QueryItem((), ("y",)))))

    @on_store
    async def test_an_item_that_asks_nothing_matches_all(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0)]))
        assert not await holds(store, Query((QueryItem(),)))
        assert not await holds(store, Query((QueryItem((NAMED,)), QueryItem())))

    @on_store
    async def test_an_append_does_not_stand_in_its_own_way(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0, "x")]), condition=Condition(query(tags=["x"]), 0))
        with pytest.raises(ConditionFailed):
            await store.append(Write("b", [counted(1, "x")]), condition=Condition(query(tags=["x"]), 0))

    @on_store
    async def test_tags_are_whole_words(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0, "order:12")]))
        for tag in ("order:1", "order:", "ORDER:12", "order:12 3", "%", "order:__"):
            assert await holds(store, query(tags=[tag])), tag

    @on_store
    async def test_condition_and_expected_version_must_both_hold(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0, "x")]))
        free, taken = Condition(query(tags=["y"]), 0), Condition(query(tags=["x"]), 0)
        with pytest.raises(WrongExpectedVersion):
            await store.append(Write("a", [counted(1)], expected=0), condition=free)
        with pytest.raises(ConditionFailed):
            await store.append(Write("a", [counted(1)], expected=1), condition=taken)
        assert (await store.append(Write("a", [counted(1)], expected=1), condition=free)).versions == (2,)
