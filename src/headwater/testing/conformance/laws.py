"""Laws: whatever is done to a store, in whatever order, it does what the model does."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from headwater.codec import BatchDecoder, EventCatalog
from headwater.errors import Conflict, HeadwaterError, IdReused, StreamClosed, StreamTruncated
from headwater.messages import Appended, Condition, Envelope, NewEvent, Query, QueryItem, Write
from headwater.store.port import EventStore
from headwater.store.removal import CATALOG as REMOVED
from headwater.store.removal import REMOVALS, Cut, StreamMark
from headwater.store.subscription import subscribe
from headwater.testing.conformance.harness import CATALOG, OpenStore, counted, everything, named
from headwater.testing.conformance.model import Append, Model
from headwater.upcasting import retired

T = TypeVar("T")

KNOWN = EventCatalog([*CATALOG.types.values(), *REMOVED.types.values()], retired("conformance.named", 1))
READ: BatchDecoder[Any] = BatchDecoder(KNOWN)
STREAMS, TAGS, IDS = ("a", "b", "c"), ("x", "y", "z"), ("", "", "", "1", "2", "3")
TYPES = ("conformance.counted", "conformance.named", "never.used")

tags = st.lists(st.sampled_from(TAGS), max_size=2)
events = st.builds(lambda n, found: counted(n, *found), st.integers(0, 99), tags) | st.builds(
    lambda n, found: named(f"name {n}", *found), st.integers(0, 99), tags
)
items = st.builds(QueryItem, st.lists(st.sampled_from(TYPES), max_size=2).map(tuple), tags.map(tuple))
queries = st.builds(Query, st.lists(items, max_size=3).map(tuple))
limits = st.sampled_from((1, 2, 3, 10, 1000))
places = st.floats(0, 1.1)
"""How far into the events, as a share of them."""

Wanted = tuple[list[tuple[str, list[NewEvent], int | None]], tuple[Query, float] | None, str, str]
expectations = st.sampled_from((None, None, 0, 0, 0, -1, 1))
"""What is expected of a stream's version: nothing, or the right one plus so many."""
wanted_appends = st.tuples(
    st.lists(
        st.tuples(st.sampled_from(STREAMS), st.lists(events, max_size=3), expectations),
        min_size=1, max_size=3, unique_by=lambda write: write[0],
    ).filter(lambda writes: any(new for _, new, _ in writes)),
    st.none() | st.tuples(queries, places),
    st.sampled_from(IDS),
    st.sampled_from(("", "f", "g")),
)  # fmt: skip


class StoreMachine(RuleBasedStateMachine):
    """Does things to a store and to the model, and compares."""

    def __init__(self, open_store: OpenStore, place: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.open_store, self.place = open_store, place
        self.model = Model()
        self.gone: list[Envelope] = []
        self.store: EventStore = self.run(self._open())

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(main)

    async def _open(self) -> EventStore:
        return await self.open_store(self.place)

    def teardown(self) -> None:
        try:
            self.run(self.store.close())
        finally:
            self.runner.close()

    # -- what is drawn becomes what is asked for

    def _position(self, share: float) -> int:
        return int(self.model.head * share)

    def _append(self, wanted: Wanted) -> Append:
        writes, condition, id, fingerprint = wanted
        made = (
            Write(name, new, None if plus is None else self.model.version(name) + plus) for name, new, plus in writes
        )
        asked = Condition(condition[0], self._position(condition[1])) if condition else None
        return Append(tuple(made), asked, id, fingerprint)

    async def _try(self, append: Append) -> Appended | HeadwaterError:
        try:
            return await self.store.append(
                *append.writes, condition=append.condition, id=append.id, fingerprint=append.fingerprint
            )
        except (Conflict, StreamClosed) as refused:
            return refused

    # -- writing

    @rule(wanted=wanted_appends)
    def append(self, wanted: Wanted) -> None:
        append = self._append(wanted)
        self._settle(append, self.run(self._try(append)))

    def _settle(self, append: Append, outcome: Appended | HeadwaterError) -> None:
        """Compare one outcome with what the model says at this point."""
        refusals, repeated = self.model.refusals(append), self.model.repeated(append)
        if isinstance(outcome, HeadwaterError):
            assert type(outcome) in refusals
        elif repeated:
            assert outcome == repeated
            assert not refusals
        else:
            assert not refusals
            self.model.record(append, outcome, self.run(self._between(outcome.first, outcome.last)))

    async def _between(self, first: int, last: int) -> list[Envelope]:
        return [event for event in await everything(self.store, after=first - 1) if event.position <= last]

    @rule(wanted=st.lists(wanted_appends, min_size=2, max_size=8))
    def append_at_once(self, wanted: list[Wanted]) -> None:
        """The outcomes of concurrent appends are those of some order, one after the other."""
        appends = [self._append(each) for each in wanted]

        async def all_at_once() -> list[Appended | HeadwaterError]:
            return await asyncio.gather(*map(self._try, appends))

        outcomes = list(zip(appends, self.run(all_at_once()), strict=True))
        through = [(a, o) for a, o in outcomes if isinstance(o, Appended) and not o.repeated]
        refused = [(a, o) for a, o in outcomes if isinstance(o, HeadwaterError)]
        for append, done in sorted(through, key=lambda pair: pair[1].first):
            refused = [pair for pair in refused if type(pair[1]) not in self.model.refusals(pair[0])]
            self._settle(append, done)
        for append, error in refused:
            assert type(error) in self.model.refusals(append), "refused at no point of that order"
        for append, outcome in outcomes:
            if isinstance(outcome, Appended) and outcome.repeated:
                assert outcome == self.model.repeated(append)

    # -- removing

    @rule(name=st.sampled_from(STREAMS), share=places)
    def remove(self, name: str, share: float) -> None:
        version = self.model.version(name)
        before = min(int(version * share) + 1, version + 1)
        if not version or before <= self.model.removed.get(name, 0) + 1:
            return
        done = self.run(self.store.remove(Cut(name, before)))
        self.gone += self.model.remove(name, before)
        self._recorded(done.position)

    @rule(count=st.integers(1, 8))
    def put_back(self, count: int) -> None:
        back = sorted(self.gone, key=lambda event: event.position)[-count:]
        if not back:
            return
        position = self.run(self.store.put_back(back))
        self.gone = [event for event in self.gone if event not in back]
        self.model.events = sorted([*self.model.events, *back], key=lambda event: event.position)
        for event in reversed(back):
            self.model.removed[event.stream] = event.stream_version - 1
        self._recorded(position)

    @precondition(lambda self: len(self.model.closed) < 2)
    @rule(name=st.sampled_from(STREAMS), rarely=st.integers(0, 4))
    def close_stream(self, name: str, rarely: int) -> None:
        if not rarely and self.model.version(name) and name not in self.model.closed:
            assert self.run(self.store.close_stream(name)) == self.model.version(name)
            self.model.closed.add(name)
            self._recorded(self.run(self.store.head()))

    def _recorded(self, position: int) -> None:
        """What the store records of it is one event more."""
        [event] = self.run(self._between(position, position))
        assert event.stream == REMOVALS
        assert event.position > self.model.head
        self.model.events.append(event)

    @invariant()
    def what_is_gone_and_closed_is_known(self) -> None:
        streams = [StreamMark(name, self.model.removed.get(name, 0), name in self.model.closed) for name in STREAMS]
        assert self.run(self.store.marks()) == [mark for mark in streams if mark.removed or mark.closed]

    @precondition(lambda self: self.store.capabilities.durable)
    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.store = self.run(self._open())

    # -- reading

    @invariant()
    def the_head_is_the_last_event(self) -> None:
        assert self.run(self.store.head()) == self.model.head

    @rule(wanted=queries, share=places, limit=limits)
    def pages_make_up_the_whole(self, wanted: Query, share: float, limit: int) -> None:
        after = self._position(share)
        assert self.run(everything(self.store, wanted, after=after, limit=limit)) == self.model.find(wanted, after)

    @rule(wanted=queries, share=places, limit=limits)
    def scanning_is_reading(self, wanted: Query, share: float, limit: int) -> None:
        after = self._position(share)
        page = self.run(self.store.read(wanted, after=after, limit=limit))
        batch = self.run(self.store.scan(wanted, after=after, limit=limit))
        assert READ.decode(batch) == [one for event in page.events for one in KNOWN.decode(event)]
        assert (batch.count, batch.position) == (len(page.events), page.position)

    @rule(name=st.sampled_from(STREAMS), after=st.integers(0, 12), limit=limits)
    def a_stream_is_read_and_loaded(self, name: str, after: int, limit: int) -> None:
        expected = [event for event in self.model.stream(name) if event.stream_version > after][:limit]
        assert list(self.run(self.store.read_stream(name, after=after, limit=limit))) == expected
        if after < self.model.removed.get(name, 0):
            with pytest.raises(StreamTruncated):
                self.run(self.store.load(name, after=after, limit=limit))
            return
        batch = self.run(self.store.load(name, after=after, limit=limit))
        assert READ.decode(batch) == [one for event in expected for one in KNOWN.decode(event)]
        assert batch.version == (expected[-1].stream_version if expected else after)

    @rule(wanted=queries, share=places, limit=limits)
    def a_subscription_sees_all_once_in_order(self, wanted: Query, share: float, limit: int) -> None:
        after = self._position(share)

        async def follow() -> list[Envelope]:
            seen: list[Envelope] = []
            async with aclosing(subscribe(self.store, wanted, after=after, limit=limit)) as pages:
                async for page in pages:
                    seen += page.events
                    if page.position >= page.head:
                        return seen
            raise AssertionError("a subscription does not end by itself")

        assert self.run(asyncio.wait_for(follow(), 10)) == self.model.find(wanted, after)

    @rule(id=st.sampled_from(IDS), fingerprint=st.sampled_from(("", "f", "g")))
    def an_append_is_found_by_its_id(self, id: str, fingerprint: str) -> None:
        asked = Append((), None, id, fingerprint)
        try:
            assert self.run(self.store.find_append(id, fingerprint)) == self.model.repeated(asked)
        except IdReused:
            assert self.model.refusals(asked) == {IdReused}
        else:
            assert not self.model.refusals(asked)


class TestLaws:
    """A machine that does what comes to its mind."""

    def test_the_store_does_what_the_model_does(self, open_store: OpenStore) -> None:
        number = count()

        class Machine(StoreMachine):
            def __init__(self) -> None:
                super().__init__(open_store, f"laws-{next(number)}")

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=12,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
