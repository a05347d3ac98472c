"""A store into another one, of whichever kind: events, receipts, and what reactions keep; verified at the end.

Views are not copied: an application folds them again when it runs on the copy.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import zip_longest

from headwater.app import Stores, open_stores
from headwater.cli.output import progress
from headwater.cli.pages import pages
from headwater.errors import Conflict
from headwater.reactions.port import ReactionStore, Timer
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
    async with _opened(source, create=False) as old, _opened(target, create=True) as new:
        done = Copied()
        await _check_same_history(old.events, new.events)
        await _check_not_in_use(old.reactions, new.reactions, new.events.address)
        await _copy_events(old.events, new.events, done)
        await _copy_receipts(old.events, new.events, done)
        await _copy_reactions(old.reactions, new.reactions, done)
        await _compare(old.events, new.events)
        await _compare_reactions(old.reactions, new.reactions, new.events.address)
        return done


@asynccontextmanager
async def _opened(url: str, *, create: bool) -> AsyncIterator[Stores]:
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


async def _check_not_in_use(old: ReactionStore, new: ReactionStore, where: str) -> None:
    """The target's reactions must not have gone further: what they did and scheduled would be undone."""
    known = await old.checkpoints()
    for name, position in (await new.checkpoints()).items():
        if position > known.get(name, 0):
            raise Conflict(f"reaction {name!r} has gone further in {where}: it is in use; copy to an empty store")


async def _copy_reactions(old: ReactionStore, new: ReactionStore, done: Copied) -> None:
    """Without these, reactions would act on everything once more. Timers that an earlier copy left and that the source
    does not have any longer have fired: they go."""
    for name, position in (await old.checkpoints()).items():
        await new.move(name, position)
        done.checkpoints += 1
    ours = await _timers(old)
    for key in (await _timers(new)).keys() - ours.keys():
        await new.remove_timer(key)
    for timer in ours.values():
        await new.put_timer(timer)
        done.timers += 1


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
    after = ""
    while (receipts := await old.receipts(after, limit=PAGE)) or await new.receipts(after, limit=PAGE):
        _same(receipts, await new.receipts(after, limit=PAGE), new.address)
        after = receipts[-1].id


async def _compare_reactions(old: ReactionStore, new: ReactionStore, where: str) -> None:
    _same(sorted((await old.checkpoints()).items()), sorted((await new.checkpoints()).items()), where)
    ours, theirs = await _timers(old), await _timers(new)
    _same([ours[key] for key in sorted(ours)], [theirs[key] for key in sorted(theirs)], where)


def _same(ours: Sequence[object], theirs: Sequence[object], where: str) -> None:
    for one, other in zip_longest(ours, theirs):
        if one != other:
            raise Conflict(
                f"the copy differs: there is {one} in the source and {other} in {where}; copy to an empty store"
            )
