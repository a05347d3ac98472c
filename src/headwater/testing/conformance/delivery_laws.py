"""Laws: whatever is done, in whatever order, records and letters are where the model has them."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.clock import ManualClock
from headwater.delivery.port import Claim, Letters, Settled, Wish
from headwater.errors import Fenced
from headwater.testing.conformance.delivery_harness import Bench, OpenDelivery

LANES: Mapping[str, tuple[int, str | None]] = {"abcdefgh": (0, "k"), "ijk": (0, "l"), "mno": (0, None), "stu": (1, "k")}
RECORDS = {id: (partition, ord(id) // 2, key) for ids, (partition, key) in LANES.items() for id in ids}
"""Partition, offset (two have the same) and key of each id."""

LOOK_EVERY = 10  # steps

id_of_one = st.sampled_from(sorted(RECORDS))
ids_of_some = st.lists(id_of_one, min_size=1, max_size=9)
step = st.one_of(
    st.tuples(st.just("claim"), st.integers(0, 1)),
    st.tuples(st.just("settle"), st.lists(id_of_one, max_size=3)),
    *(st.tuples(st.just("rest"), id_of_one, st.booleans()) for _ in range(4)),
    *(st.tuples(st.just("redriven"), id_of_one, st.booleans()) for _ in range(3)),
    st.tuples(st.just("ask"), ids_of_some, st.booleans(), st.sampled_from(list(Wish)), st.integers(-9, 9)),
    st.tuples(st.just("forget"), st.integers(0, 9)),
    st.tuples(st.just("older"), id_of_one),
)


class Model:
    """Where everything should be. Its time is the clock's."""

    def __init__(self) -> None:
        self.settled: dict[str, tuple[int, bool]] = {}  # when, and whether it had rested
        self.letters: dict[str, tuple[bool, Wish, int]] = {}  # whether it failed, the wish, and when that is due
        self.tally: Counter[str] = Counter()

    def order(self) -> list[str]:
        """All letters, in order."""
        return sorted(self.letters, key=lambda id: (*RECORDS[id][:2], id))

    def lane(self, id: str) -> list[str]:
        """The letters that have its key, in order."""
        partition, _, key = RECORDS[id]
        return [each for each in self.order() if key is not None and RECORDS[each][::2] == (partition, key)]

    def due(self, now: int) -> list[str]:
        """Letters to be looked at."""
        asked = [id for id in self.order() if self.letters[id][1] is not Wish.NONE and self.letters[id][2] <= now]
        return [id for id in asked if self.lane(id)[:1] in ([], [id])]

    def settle(self, ids: Sequence[str], now: int) -> list[bool]:
        done: list[bool] = []
        for id in ids:
            done.append(id not in self.settled and id not in self.letters)
            if done[-1]:
                self.settled[id] = now, False
                self.tally[id] += 1
        return done

    def rest(self, id: str, failed: bool) -> bool:
        if id in self.settled:
            return False
        self.letters[id] = failed, Wish.NONE, 0
        return True

    def redriven(self, id: str, behind: bool, now: int) -> bool:
        if id not in self.letters:
            return self.settled.get(id, (0, False))[1] and bool(self.lane(id))
        del self.letters[id]
        self.settled[id] = now, True
        self.tally[id] += 1
        lane = self.lane(id)
        if lane and behind and self.letters[lane[0]][:2] == (False, Wish.NONE):
            self.letters[lane[0]] = False, Wish.REDRIVE, now
        return bool(lane)

    def ask(self, ids: Sequence[str], waiting: bool, wish: Wish, due: int) -> int:
        meant = [id for id, (failed, _, _) in self.letters.items() if id in ids and (waiting or failed)]
        for id in meant:
            self.letters[id] = self.letters[id][0], wish, due
        return len(meant)

    def forget(self, before: int) -> int:
        old = [id for id, (time, _) in self.settled.items() if time < before]
        for id in old:
            del self.settled[id]
        return len(old)


class Both:
    """A store and the model, each taking the same steps."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.model = bench, Model()
        self.claims: dict[int, Claim] = {}
        self.fenced: dict[int, Claim] = {}

    async def compare(self, steps: Sequence[tuple[Any, ...]]) -> None:
        """Take the steps, and look around now and then; at the end, redrive what there is."""
        await self.bench.table()
        for partition in (0, 1, 0, 1):
            await self.claim(partition)
        for number, (name, *arguments) in enumerate(steps, 1):
            self.bench.clock.advance(1)
            await getattr(self, name)(*arguments)
            if number % LOOK_EVERY == 0:
                await self.look()
        await self.drain()

    async def claim(self, partition: int) -> None:
        self.fenced[partition] = self.claims.get(partition) or await self.bench.claim(partition)
        self.claims[partition] = await self.bench.claim(partition)

    def of(self, id: str) -> Claim:
        return self.claims[RECORDS[id][0]]

    async def settle(self, ids: Sequence[str]) -> None:
        settled = [Settled(self.of(id), id, [self.bench.counting(id)]) for id in ids]
        done = await self.bench.kept.settle(settled, self.bench.names)
        assert done == self.model.settle(ids, self.bench.clock.now())

    async def rest(self, id: str, failed: bool) -> None:
        partition, offset, key = RECORDS[id]
        letter = self.bench.letter(id, offset, key=key, failed=failed, partition=partition)
        assert await self.bench.kept.rest(self.of(id), letter) == self.model.rest(id, failed)

    async def redriven(self, id: str, behind: bool) -> None:
        more = await self.bench.redriven(self.of(id), id, self.bench.counting(id), behind=behind)
        assert more == self.model.redriven(id, behind, self.bench.clock.now())

    async def ask(self, ids: Sequence[str], waiting: bool, wish: Wish, later: int) -> None:
        due = self.bench.clock.now() + later * 1_000_000
        count = await self.bench.kept.ask(Letters(self.bench.consumer, ids=ids, waiting=waiting), wish, due)
        assert count == self.model.ask(ids, waiting, wish, due)

    async def forget(self, seconds: int) -> None:
        before = self.bench.clock.now() - seconds * 1_000_000
        count = await self.bench.kept.forget(self.bench.consumer, self.bench.topic, before)
        assert count == self.model.forget(before)

    async def older(self, id: str) -> None:
        claim = self.fenced[RECORDS[id][0]]
        for call in (
            self.bench.settle(claim, id, count=id),
            self.bench.kept.rest(claim, self.bench.letter(id)),
            self.bench.redriven(claim, id, self.bench.counting(id)),
        ):
            try:
                await call
            except Fenced:
                continue
            raise AssertionError("it had an older claim")

    async def drain(self) -> None:
        await self.ask(list(RECORDS), True, Wish.REDRIVE, 0)
        await self.look()
        while due := self.model.due(self.bench.clock.now()):
            assert await self.bench.due(*self.claims.values()) == "".join(due)
            for id in due[::2]:
                await self.redriven(id, False)
        await self.look()

    async def look(self) -> None:
        """Everything that can be asked for is as the model has it."""
        bench, model, now = self.bench, self.model, self.bench.clock.now()
        assert await bench.noted(*RECORDS) == model.settled.keys() | model.letters.keys()
        found = await bench.resting()
        assert [letter.id for letter in found] == model.order()
        assert {each.id: (not each.waits, each.wish, each.due) for each in found} == model.letters
        assert await bench.due(*self.claims.values()) == "".join(model.due(now))
        for partition in range(2):
            keys = {RECORDS[id][2] for id in model.letters if RECORDS[id][0] == partition}
            assert await bench.kept.blocked(bench.consumer, bench.topic, partition) == keys - {None}
        assert await bench.tally() == model.tally


class TestLaws:
    """A record counts once for as long as it is remembered, and letters leave in order."""

    def test_it_does_what_the_model_does(self, open_delivery: OpenDelivery) -> None:
        with asyncio.Runner() as runner:
            clock = ManualClock()
            opened = open_delivery(clock)
            kept = runner.run(opened.__aenter__())
            try:

                @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
                @given(st.lists(step, min_size=10, max_size=40))
                def compare(steps: Sequence[tuple[Any, ...]]) -> None:
                    runner.run(Both(Bench(open_delivery, kept, clock)).compare(steps))

                compare()
            finally:
                runner.run(opened.__aexit__(None, None, None))
