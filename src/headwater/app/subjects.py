"""What is kept of a subject, for a person who asks: events that hold personal data of theirs, and rows of views."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from headwater.errors import UnknownType
from headwater.fold import App, SqlView, View
from headwater.keys.fetching import with_keys
from headwater.keys.port import KeyStore
from headwater.messages import Envelope, Kind
from headwater.sealing import Where, open_sealed
from headwater.store.port import EventStore
from headwater.views.port import ViewStore
from headwater.views.queries import Queries

if TYPE_CHECKING:
    from headwater.keys.ring import Ring

PAGE = 500
OTHERS = b'"[of another subject]"'
SHORT = 3  # characters: shorter texts are looked for as a whole value, not within others


class HeldEvent(msgspec.Struct, frozen=True):
    """A recorded event that holds personal data of the subject, at the `places` named; data of others is left out."""

    position: int
    stream: str
    type: str
    type_version: int
    recorded_at: str
    places: Sequence[str]
    data: msgspec.Raw


class HeldRow(msgspec.Struct, frozen=True):
    """A row of a view in which a value of the subject's stands."""

    view: str
    row: dict[str, Any]


class SubjectReport:
    """Tells what is kept of a subject. It reads every event there is."""

    def __init__(
        self, app: App, store: EventStore, views: ViewStore, queries: Queries, keys: KeyStore, ring: "Ring"
    ) -> None:
        self._app = app
        self._store = store
        self._views = views
        self._queries = queries
        self._keys = keys
        self._ring = ring

    async def of(self, subject: str) -> AsyncGenerator[HeldEvent | HeldRow, None]:
        """The events in order, then the rows. Of a subject that was forgotten there is nothing. Raises UnknownType for
        one that has no key, WrongKeys, StoreError."""
        key = await self._keys.look_up(subject)
        if key is None:
            raise UnknownType("subject (no personal data was ever recorded)", subject)
        values: set[Any] = set()
        touched: dict[str, set[str]] = {view.name: set() for view in self._app.views}
        after, head = 0, 0 if key.destroyed else await self._store.head()
        while after < head:
            page = await self._store.read(after=after, limit=PAGE)
            after = page.position
            for envelope in page.events:
                if f'"{key.id}:'.encode() in envelope.data:
                    yield await self._event(envelope, key.id, values)
                    await self._touch(envelope, touched)
        for view in self._app.views:
            rows = self._rows(view, touched[view.name]) if isinstance(view, View) else self._rows_of_sql(view)
            async for row in rows:
                if _holds(row.row.values(), values):
                    yield row

    async def _event(self, envelope: Envelope, key: str, values: set[Any]) -> HeldEvent:
        places: list[str] = []

        def opener(text: str, subject: str | None, where: Where) -> bytes | None:
            if text.partition(":")[0] != key:
                return OTHERS
            value = self._ring.open(text, subject, where)
            if value is not None:
                places.append(".".join(where[1:]))
                values.update(_leaves(msgspec.json.decode(value)))
            return value

        def opened() -> bytes:
            places.clear()
            return open_sealed(Kind(envelope.type, envelope.type_version), envelope.data, None, opener)

        data = msgspec.Raw(await with_keys(opened))
        at = envelope.recorded_at.isoformat()
        return HeldEvent(envelope.position, envelope.stream, envelope.type, envelope.type_version, at, places, data)

    async def _touch(self, envelope: Envelope, touched: dict[str, set[str]]) -> None:
        """Note the keys of the rows that the event is folded into."""
        if Kind(envelope.type, envelope.type_version) not in self._app.events:
            return
        for event in await with_keys(lambda: self._app.events.decode(envelope)):
            for view in self._app.views:
                if isinstance(view, View) and event.__class__ in view.events:
                    keys = view.key(event)
                    touched[view.name].update([keys] if isinstance(keys, str) else keys or ())

    async def _rows(self, view: View[Any, Any], keys: Iterable[str]) -> AsyncIterator[HeldRow]:
        for key in sorted(keys):
            row = await self._queries.get(view, key)
            if row is not None:
                yield HeldRow(view.name, msgspec.to_builtins(row))

    async def _rows_of_sql(self, view: SqlView[Any]) -> AsyncIterator[HeldRow]:
        for table in view.tables if self._app.events.protection.concerns(view.events) else ():
            for row in await self._views.select(f'SELECT * FROM "{table}"', ()):
                yield HeldRow(view.name, row)


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in _leaves(each)]
    return () if value is None or isinstance(value, bool) or value == "" else (value,)


def _holds(cells: Iterable[Any], values: Collection[Any]) -> bool:
    """Whether a value stands in a cell: a text also within another one, whatever its case."""
    for cell in cells:
        for leaf in _leaves(cell):
            text = leaf.casefold() if isinstance(leaf, str) else None
            for value in values:
                if leaf == value or (
                    text and isinstance(value, str) and len(value) >= SHORT and value.casefold() in text
                ):
                    return True
    return False
