"""The law of snapshots: whatever the policy, and whatever comes in between, states and decisions are as without."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from itertools import count
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.clock import SystemClock
from headwater.codec import command, event
from headwater.commands.executor import Executor
from headwater.errors import Rejected
from headwater.fold import App, Decider, Snapshots
from headwater.messages import Write
from headwater.store.port import EventStore
from headwater.store.snapshots import Snapshot, SnapshotStore
from headwater.testing.running import run


@event("conformance.added")
class Added:
    """A number, and what was known when it was decided (None: nobody decided it)."""

    n: int
    known: list[int] | None = None


@command("conformance.add")
class Add:
    """A number for a stream. A negative one is refused."""

    to: str
    n: int


class Sum(msgspec.Struct):
    """A state that is changed in place: whoever shares one with another attempt is found out."""

    numbers: list[int] = []


def decide(wanted: Add, found: Sum) -> list[Added]:
    """Nothing follows from 0."""
    if wanted.n < 0:
        raise Rejected("not that")
    return [Added(wanted.n, list(found.numbers))] if wanted.n else []


def evolve(found: Sum, happened: Added) -> Sum:
    found.numbers.append(happened.n)
    return found


def app_of(snapshots: Snapshots | None) -> App:
    """One decider, with that policy."""
    return App("laws", [Decider("sum", Sum, decide, evolve, lambda wanted: wanted.to, snapshots=snapshots)])


policies = st.sampled_from(
    [Snapshots(every=every, version=version) for every in (1, 1, 2, 3) for version in (1, 2)]
    + [Snapshots(every=None, seconds=0.0)]
)
names = st.sampled_from(("a", "a", "b"))
numbers = st.sampled_from((1, 2, 3, 1, 2, 3, 0, -1))
damages = st.sampled_from((b"", b"{", b"[]", b'{"numbers":["x"]}'))
one = st.tuples(st.just("add"), names, numbers)
together = st.tuples(st.just("together"), st.lists(one, min_size=2, max_size=6), st.booleans())
taking = st.tuples(st.just("take"), st.none(), st.none())
others = (
    st.tuples(st.just("append"), names, st.integers(1, 3)),
    st.tuples(st.just("drop"), names, st.none()),
    st.tuples(st.just("spoil"), names, damages),
    st.tuples(st.just("run ahead"), names, st.integers(1, 5)),
    st.tuples(st.just("start again"), policies, st.none()),
)
# Much that makes snapshots and uses them for each thing that disturbs that.
steps = st.sampled_from((one, one, together, together, taking, taking, *others)).flatmap(lambda kind: kind)
Step = tuple[str, Any, Any]

_numbers = count()


class Trial:
    """One store, an executor with snapshots, and one without, whose word counts."""

    def __init__(self, store: EventStore, kept: SnapshotStore, policy: Snapshots) -> None:
        self._store, self._kept, self._clock = store, kept, SystemClock()
        self._prefix = f"{next(_numbers)}"
        self._plain = Executor(app_of(None), store, self._clock)
        self._start(policy)

    def _start(self, policy: Snapshots) -> None:
        self._policy = policy
        self._app = app_of(policy)
        self._executor = Executor(self._app, self._store, self._clock, self._kept)

    def _stream(self, name: str) -> str:
        return f"sum-{self._prefix}{name}"

    async def take(self, what: str, one: Any, two: Any) -> None:
        """One step."""
        if what == "add":
            with suppress(Rejected):
                await self._executor.execute(Add(f"{self._prefix}{one}", two))
        elif what == "together":
            taking = [self._executor.snapshots.drain()] if two else []
            await asyncio.gather(*(self.take(*each) for each in one), *taking)
        elif what == "append":
            await self._store.append(Write(self._stream(one), [self._app.events.encode(Added(two))]))
        elif what == "take":
            await self._executor.snapshots.drain()
        elif what == "drop":
            await self._kept.drop(self._stream(one))
        elif what == "start again":
            self._start(one)
        else:
            await self._put(self._stream(one), what, two)

    async def _put(self, stream: str, what: str, how: Any) -> None:
        events = await self._store.read_stream(stream)
        version, position, time = (
            (events[-1].stream_version, events[-1].position, events[-1].time) if events else (0, 0, 0)
        )
        ahead, data = (0, how) if what == "spoil" else (how, b'{"numbers":[13]}')
        key = stream, "sum", self._policy.version
        await self._kept.put(Snapshot(*key, version + ahead, position + ahead, time, data))

    async def check(self) -> None:
        """Compare both, and what was decided with what was there."""
        for name in ("a", "b"):
            stream = self._stream(name)
            found = await self._executor.load(self._app.deciders[0], stream)
            plain = await self._plain.load(self._app.deciders[0], stream)
            assert (found.state, found.version, found.position) == (plain.state, plain.version, plain.position)
            events = [each for one in await self._store.read_stream(stream) for each in self._app.events.decode(one)]
            for place, each in enumerate(events):
                assert each.known in (None, [before.n for before in events[:place]])


def obeys(open_snapshots: Callable[[], AbstractAsyncContextManager[tuple[EventStore, SnapshotStore]]]) -> None:
    """Raises AssertionError where anything is different."""

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(policies, st.lists(steps, min_size=5, max_size=20))
    def law(policy: Snapshots, wanted: list[Step]) -> None:
        async def main() -> None:
            async with open_snapshots() as (store, kept):
                trial = Trial(store, kept, policy)
                for step in wanted:
                    await trial.take(*step)
                    await trial.check()

        run(main(), seconds=60)

    law()
