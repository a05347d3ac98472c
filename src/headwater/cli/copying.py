"""A store into another one, of whichever kind: events, receipts, and what reactions keep; verified at the end.

Views are not copied: an application folds them again when it runs on the copy.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import zip_longest

from headwater.app import Stores, open_stores
from headwater.cli.output import progress
from headwater.cli.pages import pages
from headwater.errors import Conflict
from headwater.messages import Position
from headwater.reactions.port import ReactionStore, Timer
from headwater.store.marks import all_marks
from headwater.store.port import EventStore

FOR_EVER = 1 << 62
ALL_TIMERS = 10_000_000
PAGE = 1_000


@dataclass
class Copied:
    """What a copy did: events and receipts in the source, and how many events were there from an earlier attempt."""

    events: int = 0
    present: int = 0
    receipts: int = 0
    checkpoints: int = 0
    timers: int = 0


async def copy(source: str, target: str) -> Copied:
    """Copy the store at one address to another, from where an earlier copy stopped; the source may have run on since,
    but must stand still meanwhile.

    Raises Conflict where the target holds another history, or differs in the end; StoreError.
    """
    async with opened_stores(source, create=False) as old, opened_stores(target, create=True) as new:
        done = Copied()
        await _check_same_history(old.events, new.events)
        checkpoints = await old.reactions.checkpoints()
        await check_not_in_use(checkpoints, new.reactions, new.events.address)
        await copy_marks(old.events, new.events)
        await _copy_events(old.events, new.events, done)
        await _copy_receipts(old.events, new.events, done)
        done.checkpoints, done.timers = await copy_reactions(checkpoints, old.reactions, new.reactions)
        await _compare(old.events, new.events)
        await compare_reactions(checkpoints, old.reactions, new.reactions, new.events.address)
        return done


@asynccontextmanager
async def opened_stores(url: str, *, create: bool) -> AsyncIterator[Stores]:
    """All that is at an address."""
    stores = await open_stores(url, create=create)
    async with stores.events:
        try:
            yield stores
        finally:
            await stores.views.close()


async def _copy_events(old: EventStore, new: EventStore, done: Copied) -> None:
    head, there = await old.head(), await new.head()
    done.present = (await new.size()).events
    done.events = done.present
    with progress("copying", head) as show:
        async for page in pages(old, there):
            await new.restore(page.events)
            done.events += len(page.events)
            show(page.position)


async def copy_marks(old: EventStore, new: EventStore) -> None:
    """Before the events: a stream that has lost its first ones begins later."""
    async for page in all_marks(old):
        await new.mark(page)


async def _check_same_history(old: EventStore, new: EventStore) -> None:
    """What the target ends with must be the source's as well."""
    there = await new.head()
    after = max(there - PAGE, 0)
    ours = [event for event in (await old.read(after=after)).events if event.position <= there]
    if list((await new.read(after=after)).events) != ours:
        raise Conflict(
            f"{new.address} holds other events up to position {there}: these are two histories; copy to an empty store"
        )


async def _copy_receipts(old: EventStore, new: EventStore, done: Copied) -> None:
    after = ""
    while page := await old.receipts(after, limit=PAGE):
        await new.restore((), page)
        done.receipts += len(page)
        after = page[-1].id


Checkpoints = Mapping[str, Position]
"""How far reactions are to have come in the target."""


async def check_not_in_use(checkpoints: Checkpoints, new: ReactionStore, where: str) -> None:
    """The target's reactions must not have gone further: what they did and scheduled would be undone."""
    for name, position in (await new.checkpoints()).items():
        if position > checkpoints.get(name, 0):
            raise Conflict(f"reaction {name!r} has gone further in {where}: it is in use; copy to an empty store")


async def copy_reactions(checkpoints: Checkpoints, old: ReactionStore, new: ReactionStore) -> tuple[int, int]:
    """Without these, reactions would act on everything once more. Timers that an earlier copy left and that the source
    does not have any longer have fired: they go. How many checkpoints and timers there are."""
    for name, position in checkpoints.items():
        await new.move(name, position)
    ours = await _timers(old)
    for key in (await _timers(new)).keys() - ours.keys():
        await new.remove_timer(key)
    for timer in ours.values():
        await new.put_timer(timer)
    return len(checkpoints), len(ours)


async def _timers(store: ReactionStore) -> dict[str, Timer]:
    return {timer.key: timer for timer in await store.due_timers(FOR_EVER, ALL_TIMERS)}


async def _compare(old: EventStore, new: EventStore) -> None:
    """Read both again, and compare everything."""
    position, head = 0, await old.head()
    with progress("verifying", head) as show:
        while position < head or position < await new.head():
            ours, theirs = await old.read(after=position, limit=PAGE), await new.read(after=position, limit=PAGE)
            _same(ours.events, theirs.events, new.address)
            position = max(ours.position, theirs.position)
            show(position)
    await compare_marks(old, new)
    after = ""
    while (receipts := await old.receipts(after, limit=PAGE)) or await new.receipts(after, limit=PAGE):
        _same(receipts, await new.receipts(after, limit=PAGE), new.address)
        after = receipts[-1].id


async def compare_marks(old: EventStore, new: EventStore) -> None:
    """Raises Conflict where the target remembers something else of streams."""
    after = ""
    while (marks := await old.marks(after, limit=PAGE)) or await new.marks(after, limit=PAGE):
        _same(marks, await new.marks(after, limit=PAGE), new.address)
        after = marks[-1].stream


async def compare_reactions(checkpoints: Checkpoints, old: ReactionStore, new: ReactionStore, where: str) -> None:
    """Raises Conflict where the target keeps something else of reactions."""
    _same(sorted(checkpoints.items()), sorted((await new.checkpoints()).items()), where)
    ours, theirs = await _timers(old), await _timers(new)
    _same([ours[key] for key in sorted(ours)], [theirs[key] for key in sorted(theirs)], where)


def _same(ours: Sequence[object], theirs: Sequence[object], where: str) -> None:
    for one, other in zip_longest(ours, theirs):
        if one != other:
            raise Conflict(
                f"the copy differs: there is {one} in the source and {other} in {where}; copy to an empty store"
            )
