"""Laws: whatever is done to a topic, in whatever order, it does what plain lists do."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from headwater.messages import NewRecord, Record
from headwater.streaming.port import Broker, Member
from headwater.streaming.records import Confirmed, Progress, partition_of
from headwater.testing.streaming.harness import (
    OpenBroker,
    everything,
    fetch,
    new_topic,
    nothing,
    share_out,
    standing,
)

T = TypeVar("T")

PARTITIONS = 2
keys = st.sampled_from((None, None, "", "a", "b", "c", "d"))
ids_with_keys = st.sampled_from((("1", None), ("2", ""), ("3", "a"), ("4", "b"), ("5", "c")))
"""An id belongs to a key: under another one, brokers may or may not know it."""


def _identified(value: bytes, id_with_key: tuple[str, str | None]) -> NewRecord:
    id, key = id_with_key
    return NewRecord(value, key, id)


values = st.binary(max_size=20)
records = st.lists(st.builds(NewRecord, values, keys) | st.builds(_identified, values, ids_with_keys), max_size=6)
shares = st.floats(0, 1)


class TopicMachine(RuleBasedStateMachine):
    """Does things to a topic, with one member of one group, and compares with what plain lists say."""

    def __init__(self, runner: asyncio.Runner, open_broker: OpenBroker) -> None:
        super().__init__()
        self.runner, self.open_broker = runner, open_broker
        self.broker: Broker = self.run(self._open())
        self.topic = self.run(new_topic(self.broker, PARTITIONS))
        self.lists: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        self.ids: dict[str, Confirmed] = {}
        self.worked_off = [0] * PARTITIONS  # how many of each list
        self.fetched = [0] * PARTITIONS
        self.member: Member
        self._join()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(main)

    async def _open(self) -> Broker:
        return await self.open_broker("laws")

    def _join(self) -> None:
        self.member = self.run(self.broker.join(self.topic, "workers"))
        self.fetched = list(self.worked_off)
        self._take(self.run(share_out(PARTITIONS, self.member)))

    def teardown(self) -> None:
        self.run(self.broker.close())

    # -- publishing

    @rule(new=records)
    def publish(self, new: list[NewRecord]) -> None:
        done = self.run(self.broker.publish(self.topic, new))
        added = defaultdict(list)
        for record, place in zip(new, done, strict=True):
            known = self.ids.get(record.id)
            assert place.repeated == bool(known and self.broker.capabilities.deduplicates)
            if place.repeated and known:
                assert place[:2] == known[:2]
                continue
            if record.key is not None or record.id:
                assert place.partition == partition_of(record, PARTITIONS, 0)
            if record.id:
                self.ids[record.id] = place
            added[place.partition].append((place.offset, record))
        for partition, more in added.items():
            self._add(partition, more)

    def _add(self, partition: int, more: list[tuple[int, NewRecord]]) -> None:
        listed = self.lists[partition]
        start = listed[-1].offset + 1 if listed else 0
        found = self.run(self.broker.read(self.topic, partition, start=start))
        expected = [(offset, new.key, new.value, new.id) for offset, new in sorted(more, key=lambda each: each[0])]
        assert [(record.offset, record.key, record.value, record.id) for record in found] == expected
        in_order = [new for _, new in sorted(more, key=lambda each: each[0])]
        for key in {new.key for _, new in more if new.key is not None}:
            assert [new for new in in_order if new.key == key] == [new for _, new in more if new.key == key]
        listed += found

    # -- reading

    @rule(partition=st.integers(0, PARTITIONS - 1), share=shares, limit=st.sampled_from((1, 2, 5, 100)))
    def read(self, partition: int, share: float, limit: int) -> None:
        listed = self.lists[partition]
        index = int(len(listed) * share)
        start = listed[index].offset if index < len(listed) else (listed[-1].offset + 1 if listed else 0)
        found = self.run(self.broker.read(self.topic, partition, start=start, limit=limit))
        assert found == listed[index : index + limit]

    @rule()
    def read_everything(self) -> None:
        whole = self.run(everything(self.broker, self.topic))
        assert whole == [record for listed in self.lists for record in listed]

    # -- the member

    def _left(self) -> int:
        return sum(len(listed) - n for listed, n in zip(self.lists, self.fetched, strict=True))

    def _take(self, found: list[Record]) -> None:
        for record in found:
            assert record == self.lists[record.partition][self.fetched[record.partition]], "the next of its partition"
            self.fetched[record.partition] += 1

    @rule(share=shares)
    def fetch(self, share: float) -> None:
        wanted = round(self._left() * share)
        self._take(self.run(fetch(self.member, wanted)))

    @precondition(lambda self: not self._left())
    @rule()
    def there_is_nothing_more(self) -> None:
        self.run(nothing(self.member, 0.02))

    @rule(partition=st.integers(0, PARTITIONS - 1), share=shares)
    def commit(self, partition: int, share: float) -> None:
        count = int(self.fetched[partition] * share)
        if count:
            reached = Progress(self.lists[partition][count - 1].offset + 1)
            self.run(self.member.commit({partition: reached}))
            self.worked_off[partition] = max(self.worked_off[partition], count)

    @rule()
    def the_group_is_behind(self) -> None:
        group = self.run(standing(self.broker, self.topic, "workers"))
        expected = [len(listed) - n for listed, n in zip(self.lists, self.worked_off, strict=True)]
        assert [lag.records for lag in group.lags] == expected

    @rule(partition=st.integers(0, PARTITIONS - 1))
    def release(self, partition: int) -> None:
        self.run(self.member.release([partition]))
        self.fetched[partition] = self.worked_off[partition]
        self._take(self.run(share_out(PARTITIONS, self.member)))

    @rule()
    def another_takes_over(self) -> None:
        self.run(self.member.leave())
        self._join()

    @precondition(lambda self: self.broker.capabilities.durable)
    @rule()
    def reopen(self) -> None:
        self.run(self.broker.close())
        self.broker = self.run(self._open())
        self._join()


class TestLaws:
    """A machine that does what comes to its mind."""

    def test_a_topic_does_what_lists_do(self, open_broker: OpenBroker) -> None:
        with asyncio.Runner() as runner:

            class Machine(TopicMachine):
                def __init__(self) -> None:
                    super().__init__(runner, open_broker)

            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=8,
                    stateful_step_count=20,
                    deadline=None,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
                ),
            )
