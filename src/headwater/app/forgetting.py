"""Forgetting a subject: its key is destroyed, and what was made of its data while there was one."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.codec import EventCatalog
from headwater.errors import HeadwaterError, UnknownType, ViewStopped
from headwater.fold import AnyView, App
from headwater.keys.port import Forgotten, KeyStore, SubjectKey
from headwater.messages import Metadata, Position, Write
from headwater.views.runner import Projecting

if TYPE_CHECKING:
    from headwater.app.opening import Stores
    from headwater.keys.ring import Ring

CATALOG = EventCatalog([Forgotten])
MARGIN = 0.1  # seconds that are waited longer than keys at hand may count


@dataclass(frozen=True)
class Forgot:
    """What forgetting a subject did: the id of the `key`, when it was `destroyed` (microseconds since 1970), where that
    was recorded, and the views that were built anew. `left`: what may hold data of the subject still, and is not ours
    to mend: views that the application does not declare, tables of its consumers."""

    subject: str
    key: str
    destroyed: int
    position: Position
    views: tuple[str, ...]
    left: tuple[str, ...]


class Forgetting:
    """Forgets subjects of an application.

    In order: the key is destroyed; nobody uses it any more once the lease of those who hold it is over; an event says
    so; snapshots of states that personal data may be in are dropped; every view of events with personal fields is built
    anew and replaces the old one; what was deleted is scrubbed from the store. Whatever interrupts that, doing it again
    does all of it, and records the event once.
    """

    def __init__(self, app: App, stores: "Stores", machine: Projecting, keys: KeyStore, ring: "Ring") -> None:
        self._app = app
        self._stores = stores
        self._machine = machine
        self._keys = keys
        self._ring = ring

    async def forget(self, subject: str, by: str) -> Forgot:
        """Raises UnknownType for one that has no key, StoreError; ViewStopped when a view could not be built anew, once
        all else is done."""
        key = await self._keys.destroy(subject, by)
        if key is None:
            raise UnknownType("subject (no personal data was ever recorded)", subject)
        self._ring.clear()
        await self._outlast()
        position = await self._record(key)
        await self._drop_snapshots()
        personal = self._app.events.protection.concerns
        affected = [view for view in self._app.views if personal(view.events)]
        stopped = [failed for view in affected if (failed := await self._rebuild(view))]
        await self._stores.scrub()
        if stopped:
            raise stopped[0]
        return Forgot(
            subject, key.id, key.destroyed, position, tuple(view.name for view in affected), await self._left()
        )

    async def _outlast(self) -> None:
        """Let others finish what they do with a key that they hold. Of the machine's time, as theirs is."""
        if self._keys.shared:
            await asyncio.sleep(self._ring.lease + MARGIN)

    async def _drop_snapshots(self) -> None:
        personal = self._app.events.protection.concerns
        if any(each.snapshots and personal(each.events) for each in self._app.deciders):
            await self._stores.snapshots.drop()
            await self._outlast()  # commands that began with one of them offer the next one when they are done
            await self._stores.snapshots.drop()

    async def _record(self, key: SubjectKey) -> Position:
        event = CATALOG.encode(Forgotten(key.subject, key.id, key.by), metadata=Metadata(actor=key.by))
        name = f"forgotten-{key.id}"
        return (await self._stores.events.append(Write(name, [event]), id=name)).last

    async def _rebuild(self, view: AnyView) -> ViewStopped | None:
        position = 0
        try:
            async with aclosing(self._machine.rebuild(view)) as steps:
                async for progress in steps:
                    position = progress.position
        except HeadwaterError:
            raise
        except Exception as error:  # its functions fail: that must not keep the others as they are
            stopped = ViewStopped(view.name, position, f"{type(error).__name__}: {error}")
            stopped.__cause__ = error
            return stopped
        return None

    async def _left(self) -> tuple[str, ...]:
        declared = {view.name for view in self._app.views}
        views = sorted({build.name for build in await self._stores.views.builds()} - declared)
        personal = self._app.events.protection.concerns
        consumers = [each for each in self._app.consumers if each.tables and personal(each.events)]
        return (
            *(f"view {name}, which this application does not declare" for name in views),
            *(f"table {table} of consumer {each.name}" for each in consumers for table in each.tables),
        )
