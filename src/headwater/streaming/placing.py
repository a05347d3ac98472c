"""What adapters that keep records themselves do alike with a publish: shares by partition, ids that came before."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import attrgetter

from headwater.fold import Topic
from headwater.messages import NewRecord, Offset
from headwater.streaming.records import Confirmed, split

Append = Callable[[int, Sequence[NewRecord]], Offset]
"""Adds records to a partition; the offset of the first, after which the others follow without gaps."""

_ID = attrgetter("id")
_new: Callable[[type[Confirmed], tuple[int, Offset, bool]], Confirmed] = tuple.__new__


def has_ids(records: Sequence[NewRecord]) -> bool:
    """Whether any of them has an id."""
    return any(map(_ID, records))


def place(topic: Topic, records: Sequence[NewRecord], turn: int, append: Append) -> list[Confirmed]:
    """Add each record to its partition; where they lie."""
    if topic.partitions == 1 and records:
        return list(_places(0, append(0, records), len(records)))
    done: list[Confirmed] = [Confirmed(0, 0)] * len(records)
    for partition, indexes in split(topic, records, turn).items():
        start = append(partition, [records[index] for index in indexes])
        for index, confirmed in zip(indexes, _places(partition, start, len(indexes)), strict=True):
            done[index] = confirmed
    return done


def _places(partition: int, start: Offset, count: int) -> Iterator[Confirmed]:
    """Made without a step of the interpreter for each: one of the costs of every record."""
    return map(_new, repeat(Confirmed), zip(repeat(partition), range(start, start + count), repeat(False)))


def place_once(
    records: Sequence[NewRecord],
    known: Mapping[str, tuple[int, Offset]],
    place: Callable[[Sequence[NewRecord]], list[Confirmed]],
) -> tuple[list[Confirmed], dict[str, tuple[int, Offset]]]:
    """`place` those whose id is not `known` and comes first here; where all lie, and where the new ids do."""
    fresh: dict[str | int, NewRecord] = {}
    for index, record in enumerate(records):
        if record.id not in known:
            fresh.setdefault(record.id or index, record)
    placed = dict(zip(fresh, place(list(fresh.values())), strict=True))
    new = {name: (lies.partition, lies.offset) for name, lies in placed.items() if isinstance(name, str)}
    done = [
        placed.pop(name) if (name := record.id or index) in placed else _repeated(record.id, new, known)
        for index, record in enumerate(records)
    ]
    return done, new


def _repeated(id: str, new: Mapping[str, tuple[int, Offset]], known: Mapping[str, tuple[int, Offset]]) -> Confirmed:
    partition, offset = new[id] if id in new else known[id]
    return Confirmed(partition, offset, repeated=True)
