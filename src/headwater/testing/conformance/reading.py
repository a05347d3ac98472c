"""Reading: all events, those of a query, those of one stream, page by page."""

from headwater.messages import NewEvent, Query, QueryItem, Write, query
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import counted, everything, fill, named, on_store, several, values

COUNTED, NAMED = "conformance.counted", "conformance.named"


async def mixed(store: EventStore) -> None:
    """Thirty events: every third is Named, every second bears `even`, every fifth `five`."""
    for n in range(30):
        tags = [tag for tag, every in (("even", 2), ("five", 5)) if n % every == 0]
        new = named(str(n), *tags) if n % 3 == 0 else counted(n, *tags)
        await store.append(Write(f"s-{n % 4}", [new]))


async def numbers(store: EventStore, wanted: Query, limit: int = 1000) -> list[int]:
    """Which of the mixed events match."""
    return [int(value) for value in values(await everything(store, wanted, limit=limit))]


class TestPages:
    """Reading goes page by page, and the pages make up the whole."""

    @on_store
    async def test_a_page_has_at_most_its_limit(self, store: EventStore) -> None:
        await fill(store, 10)
        page = await store.read(limit=4)
        assert values(page.events) == [0, 1, 2, 3]
        assert page.position == page.events[-1].position
        assert page.head == await store.head()

    @on_store
    async def test_the_last_page_reaches_the_head(self, store: EventStore) -> None:
        await fill(store, 10)
        for limit in (10, 11, 1000):
            page = await store.read(limit=limit)
            assert len(page.events) == 10
            assert page.position == page.head == await store.head()

    @on_store
    async def test_pages_of_any_size_make_up_the_whole(self, store: EventStore) -> None:
        await mixed(store)
        whole = await everything(store)
        for limit in (1, 2, 3, 7, 29, 30, 31):
            assert await everything(store, limit=limit) == whole

    @on_store
    async def test_reading_goes_on_after_a_position(self, store: EventStore) -> None:
        await fill(store, 10)
        whole = await everything(store)
        for index, event in enumerate(whole):
            assert await everything(store, after=event.position) == whole[index + 1 :]

    @on_store
    async def test_after_the_last_event_there_is_nothing(self, store: EventStore) -> None:
        await fill(store, 3)
        head = await store.head()
        for after in (head, head + 1, head + 1_000_000):
            page = await store.read(after=after)
            assert (list(page.events), page.position, page.head) == ([], after, head)

    @on_store
    async def test_a_position_before_the_first_is_the_beginning(self, store: EventStore) -> None:
        await fill(store, 3)
        assert len(await everything(store, after=-5)) == 3

    @on_store
    async def test_an_empty_store_has_an_empty_page(self, store: EventStore) -> None:
        page = await store.read()
        assert (list(page.events), page.position, page.head) == ([], 0, 0)


class TestQueries:
    """A query chooses by type and tag."""

    @on_store
    async def test_types_are_alternatives(self, store: EventStore) -> None:
        await mixed(store)
        assert await numbers(store, query(NAMED)) == list(range(0, 30, 3))
        assert await numbers(store, query(NAMED, COUNTED)) == list(range(30))
        assert await numbers(store, query("never.heard_of")) == []

    @on_store
    async def test_tags_must_all_be_borne(self, store: EventStore) -> None:
        await mixed(store)
        assert await numbers(store, query(tags=["even"])) == list(range(0, 30, 2))
        assert await numbers(store, query(tags=["even", "five"])) == [0, 10, 20]
        assert await numbers(store, query(tags=["five", "never"])) == []

    @on_store
    async def test_types_and_tags_narrow_each_other(self, store: EventStore) -> None:
        await mixed(store)
        assert await numbers(store, query(NAMED, tags=["even"])) == [0, 6, 12, 18, 24]
        assert await numbers(store, query(COUNTED, tags=["even", "five"])) == [10, 20]

    @on_store
    async def test_items_are_alternatives_and_an_event_comes_once(self, store: EventStore) -> None:
        await mixed(store)
        wanted = Query((QueryItem((NAMED,)), QueryItem((), ("five",)), QueryItem((), ("five", "even"))))
        assert await numbers(store, wanted) == [n for n in range(30) if n % 3 == 0 or n % 5 == 0]

    @on_store
    async def test_an_item_that_asks_nothing_matches_all(self, store: EventStore) -> None:
        await mixed(store)
        assert await numbers(store, Query((QueryItem(),))) == list(range(30))
        assert await numbers(store, Query((QueryItem((NAMED,)), QueryItem()))) == list(range(30))

    @on_store
    async def test_pages_of_any_size_make_up_the_whole(self, store: EventStore) -> None:
        await mixed(store)
        wanted = Query((QueryItem((NAMED,)), QueryItem((), ("five",))))
        whole = await numbers(store, wanted)
        for limit in (1, 2, 5, 100):
            assert await numbers(store, wanted, limit) == whole

    @on_store
    async def test_a_page_says_how_far_it_looked(self, store: EventStore) -> None:
        await mixed(store)
        page = await store.read(query(tags=["five"]))
        assert page.position == page.head > page.events[-1].position

    @on_store
    async def test_a_query_of_many_items(self, store: EventStore) -> None:
        await mixed(store)
        items = tuple(QueryItem((), (f"tag-{n}", "even")) for n in range(99))
        assert await numbers(store, Query((*items, QueryItem((), ("five",))))) == [0, 5, 10, 15, 20, 25]

    @on_store
    async def test_a_rare_event_is_found_among_many(self, store: EventStore) -> None:
        for start in range(0, 30_000, 10_000):
            await store.append(Write("many", several(10_000, start)))
        await store.append(Write("rare", [named("here", "rare")]))
        await store.append(Write("many", several(10)))
        for wanted in (query(NAMED), query(tags=["rare"]), query(NAMED, tags=["rare"])):
            assert values(await everything(store, wanted)) == ["here"]
            assert values(await everything(store, wanted, limit=1)) == ["here"]


class TestStreams:
    """Reading one stream."""

    @on_store
    async def test_it_has_its_own_events_only(self, store: EventStore) -> None:
        await mixed(store)
        for number in range(4):
            events = await store.read_stream(f"s-{number}")
            assert [int(value) for value in values(events)] == list(range(number, 30, 4))
            assert [event.stream_version for event in events] == list(range(1, len(events) + 1))
            assert {event.stream for event in events} == {f"s-{number}"}

    @on_store
    async def test_a_missing_stream_is_empty(self, store: EventStore) -> None:
        await fill(store, 3)
        assert list(await store.read_stream("nothing")) == []

    @on_store
    async def test_it_is_read_from_a_version_on(self, store: EventStore) -> None:
        await fill(store, 10)
        assert values(await store.read_stream("numbers", after=4)) == [4, 5, 6, 7, 8, 9]
        assert values(await store.read_stream("numbers", after=4, limit=2)) == [4, 5]
        assert values(await store.read_stream("numbers", limit=1)) == [0]
        assert list(await store.read_stream("numbers", after=10)) == []
        assert list(await store.read_stream("numbers", after=11)) == []

    @on_store
    async def test_both_ways_of_reading_tell_the_same(self, store: EventStore) -> None:
        await mixed(store)
        streams = [event for number in range(4) for event in await store.read_stream(f"s-{number}")]
        assert sorted(streams, key=lambda event: event.position) == await everything(store)

    @on_store
    async def test_several_types_and_versions_in_one_stream(self, store: EventStore) -> None:
        new = [NewEvent(f"type-{n % 3}", b"{}", type_version=1 + n % 2) for n in range(12)]
        await store.append(Write("a", new))
        found = await store.read_stream("a")
        assert [(event.type, event.type_version) for event in found] == [(e.type, e.type_version) for e in new]
