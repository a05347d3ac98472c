"""Sealed events: what is stored says nothing, reads as it was, and as forgotten once its key is gone."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater import Personal, Subject, event
from headwater.codec import BatchDecoder, EventCatalog
from headwater.errors import BadInput, DeclarationError, KeysNeeded, MalformedData, SubjectForgotten, WrongKeys
from headwater.keys.fetching import with_keys
from headwater.keys.memory import MemoryKeys
from headwater.keys.ring import Ring
from headwater.messages import Batch, Kind
from headwater.sealing import MARK
from headwater.testing.running import asynchronous, run
from headwater.upcasting import Upcaster, derived, dropped, renamed, retired, split, upcast, with_default

Text = Annotated[str, Personal()]


class Address(msgspec.Struct, frozen=True):
    street: Text
    country: str = ""


class Guest(msgspec.Struct, frozen=True):
    guest: Annotated[str, Subject()]
    name: Text


@event("booked", version=3)
class Booked:
    customer: Annotated[str, Subject()]
    name: Text
    email: Annotated[str | None, Personal()] = None
    address: Address | None = None
    guests: list[Guest] = []  # noqa: RUF012
    rooms: dict[str, Guest] = {}  # noqa: RUF012
    note: Annotated[dict[str, Any], Personal(forgotten={})] = {}  # noqa: RUF012
    total: int = 0


@event("cancelled")
class Cancelled:
    customer: str
    reason: str = ""


HISTORY = [
    upcast("booked", 1, renamed("person", "customer"), renamed("mail", "email"), dropped("fax")),
    upcast("booked", 2, derived("name", lambda data: data.pop("names").upper()), with_default("total", 1)),
    split(
        "trip", 1, into=[Kind("booked", 2), Kind("cancelled", 1)],
        change=lambda data: [
            (Kind("booked", 2), {"customer": data["who"], "names": data["title"]}),
            (Kind("cancelled", 1), {"customer": data["who"]}),
        ],
    ),
]  # fmt: skip
CATALOG = EventCatalog([Booked, Cancelled], HISTORY)
BOOKED = Kind("booked", 3)
FULL = Booked(
    "ann", "Ann MARK", "MARK@example.org", Address("MARK Street", "GB"),
    [Guest("bob", "Bob MARK"), Guest("cid", "MARK")],
    {"1": Guest("bob", "MARK B.")}, {"diet": ["MARK", 1.5, None]}, 7,
)  # fmt: skip


class Keys:
    """A catalog with keys that nobody else has."""

    def __init__(self, types: Sequence[type] = (Booked, Cancelled), upcasters: Sequence[Upcaster] = HISTORY) -> None:
        self.store = MemoryKeys()
        self.ring = Ring(self.store, lease=1e9)
        self.catalog = EventCatalog(types, upcasters).with_sealer(self.ring)

    async def encode(self, happened: object) -> bytes:
        return (await with_keys(lambda: self.catalog.encode(happened))).data

    async def decode(self, data: bytes, kind: Kind = BOOKED) -> list[Any]:
        return await with_keys(lambda: self.catalog.decode_data(kind, data))

    async def forget(self, subject: str) -> None:
        assert await self.store.destroy(subject, "me")
        self.ring.clear()


@asynchronous
async def test_what_is_stored_says_nothing_and_reads_as_it_was() -> None:
    keys = Keys()
    data = await keys.encode(FULL)
    assert b"MARK" not in data
    assert b"GB" in data
    assert data.count(MARK) == 7
    assert await keys.decode(data) == [FULL]
    assert await keys.encode(FULL) != data, "nobody can tell that it is the same"


@asynchronous
async def test_each_subject_is_forgotten_on_its_own() -> None:
    keys = Keys()
    data = await keys.encode(FULL)
    await keys.forget("bob")
    (seen,) = await keys.decode(data)
    gone = "[forgotten]"
    assert seen.guests == [Guest("bob", gone), Guest("cid", "MARK")]
    assert seen.rooms == {"1": Guest("bob", gone)}
    assert (seen.name, seen.note) == (FULL.name, FULL.note)
    await keys.forget("ann")
    (seen,) = await keys.decode(data)
    assert (seen.name, seen.email, seen.address, seen.note) == (gone, None, Address(gone, "GB"), {})
    assert seen.guests[1].name == "MARK"


@asynchronous
async def test_nothing_more_is_recorded_of_the_forgotten_but_what_says_nothing() -> None:
    keys = Keys()
    await keys.encode(FULL)
    await keys.forget("ann")
    for happened in (
        Booked("ann", "A"),
        Booked("ann", "[forgotten]", "a@b"),
        Booked("x", "X", guests=[Guest("ann", "A")]),
    ):
        with pytest.raises(SubjectForgotten) as refused:
            await keys.encode(happened)
        assert (refused.value.subject, refused.value.type) == ("ann", "booked")
    nothing = Booked("ann", "[forgotten]", None, Address("[forgotten]"))
    assert await keys.decode(await keys.encode(nothing)) == [nothing]
    assert await keys.encode(Cancelled("ann")) == b'{"customer":"ann","reason":""}'


@asynchronous
async def test_values_cannot_be_moved_or_changed() -> None:
    keys = Keys()
    data = await keys.encode(Booked("ann", "Ann", "ann@example.org"))
    other = await keys.encode(Booked("bob", "Bob", "bob@example.org"))
    sealed = re.findall(rb'"\$personal":"([^"]+)"', data)
    theirs = re.findall(rb'"\$personal":"([^"]+)"', other)
    flipped = sealed[0][:-6] + bytes([sealed[0][-6] ^ 1]) + sealed[0][-5:]
    wrong: dict[str, Callable[[], bytes]] = {
        "another field": lambda: data.replace(sealed[1], sealed[0]),
        "another event": lambda: data.replace(sealed[0], theirs[0]),
        "another subject": lambda: data.replace(b'"ann"', b'"bob"'),
        "changed": lambda: data.replace(sealed[0], flipped),
        "short": lambda: data.replace(sealed[0], sealed[0][:20]),
        "no key": lambda: data.replace(sealed[0], b"00" + sealed[0][2:]),
    }
    for what, made in wrong.items():
        with pytest.raises(WrongKeys):
            raise AssertionError((what, await keys.decode(made())))
    another = EventCatalog([Moved]).with_sealer(keys.ring)
    with pytest.raises(WrongKeys):
        await with_keys(lambda: another.decode_data(Kind("moved", 1), data))


@event("moved")
class Moved:
    customer: Annotated[str, Subject()]
    name: Text
    email: Annotated[str | None, Personal()] = None


@asynchronous
async def test_the_keys_of_another_store_are_told_from_forgotten_ones() -> None:
    data = await Keys().encode(FULL)
    with pytest.raises(WrongKeys, match="no key") as wrong:
        await Keys().decode(data)
    assert wrong.value.keys == "memory:"


def test_without_keys_it_is_said_what_is_missing() -> None:
    with pytest.raises(DeclarationError, match="keys="):
        CATALOG.encode(Booked("ann", "Ann"))
    with pytest.raises(DeclarationError, match="keys="):
        CATALOG.decode_data(BOOKED, run(Keys().encode(FULL)))
    with pytest.raises(DeclarationError, match="keys="):
        EventCatalog([Cancelled]).encode(Booked("ann", "Ann"))
    assert CATALOG.encode(Cancelled("ann")).data


@asynchronous
async def test_what_looks_sealed_is_not_taken() -> None:
    keys = Keys()
    for happened in (Booked("ann", "Ann", note={"$personal": "x:y"}), Cancelled('"$personal":')):
        if isinstance(happened, Cancelled):
            assert await keys.decode(await keys.encode(happened), Kind("cancelled", 1)) == [happened]
        else:
            with pytest.raises(BadInput, match="reserved"):
                await keys.encode(happened)
    with pytest.raises(BadInput, match="empty"):
        await keys.encode(Booked("", "Ann"))


@asynchronous
async def test_what_was_recorded_before_a_field_was_personal_reads_as_it_is() -> None:
    keys = Keys()
    assert await keys.decode(b'{"customer":"ann","name":"Ann"}') == [Booked("ann", "Ann")]
    with pytest.raises(MalformedData):
        await keys.decode(b'{"customer":"ann","name":{"$personal":5}}')


@asynchronous
async def test_a_field_that_is_personal_no_more_is_still_read() -> None:
    @event("booked", version=3)
    class Later:
        customer: str
        name: str
        email: Annotated[str | None, Personal()] = None
        id: Annotated[str, Subject()] = ""

    keys = Keys()
    data = await keys.encode(Booked("ann", "Ann"))
    catalog = EventCatalog([Later], retired("booked", 1, 2)).with_sealer(keys.ring)
    assert (await with_keys(lambda: catalog.decode_data(BOOKED, data)))[0].name == "Ann"
    batch = Batch(b"[[0,%b]]" % data, [BOOKED], 1, 1)
    assert BatchDecoder[Any](catalog).decode(batch)[0].name == "Ann"


# -- batches


@asynchronous
async def test_a_batch_asks_for_all_its_keys_at_once() -> None:
    keys = Keys()
    events: list[Any] = [Booked(f"s{n}", f"N{n}") if n % 3 else Cancelled(f"s{n}") for n in range(100)]
    datas = [await keys.encode(each) for each in events]
    kinds = [BOOKED, Kind("cancelled", 1)]
    pairs = [b"[%d,%b]" % (isinstance(each, Cancelled), data) for each, data in zip(events, datas, strict=True)]
    batch = Batch(b"[%b]" % b",".join(pairs), kinds, len(events), len(events))
    small = Ring(keys.store, bound=3)
    decoder: BatchDecoder[Any] = BatchDecoder(keys.catalog.with_sealer(small))
    with pytest.raises(KeysNeeded) as needed:
        decoder.decode(batch)
    assert len(needed.value.ids) == sum(isinstance(each, Booked) for each in events)
    await needed.value.fetch()
    assert decoder.decode(batch) == events
    with pytest.raises(KeysNeeded) as missing:
        keys.catalog.with_sealer(Ring(keys.store)).encode(FULL)
    assert missing.value.subjects == {"ann", "bob", "cid"}


# -- upcasting


@event("booked")
class First:
    person: Annotated[str, Subject()]
    names: Text
    mail: Annotated[str | None, Personal()]
    fax: Text


@event("trip")
class Trip:
    who: Annotated[str, Subject()]
    title: Annotated[str, Personal(forgotten="nobody")]


@asynchronous
async def test_it_is_opened_then_upcast_and_sealed_again_where_it_is_passed_on() -> None:
    before, keys = Keys([First, Trip], []), Keys()
    before.catalog = before.catalog.with_sealer(keys.ring)
    old = await before.encode(First("ann", "Ann MARK", "MARK@x", "MARK"))
    trip = await before.encode(Trip("ann", "Ann MARK"))
    now = Booked("ann", "ANN MARK", "MARK@x", total=1)
    assert b"MARK" not in old + trip
    assert await keys.decode(old, Kind("booked", 1)) == [now]
    assert await keys.decode(trip, Kind("trip", 1)) == [Booked("ann", "ANN MARK", total=1), Cancelled("ann")]
    for data, kind in ((old, Kind("booked", 1)), (trip, Kind("trip", 1))):
        ((end, modern), *_) = await with_keys(lambda d=data, k=kind: keys.catalog.modern(k, d))  # type: ignore[misc]
        assert (end, b"MARK" in modern) == (BOOKED, False)
        assert (await keys.decode(modern))[0].name == "ANN MARK"
    batch = Batch(b"[[0,%b],[1,%b]]" % (old, trip), [Kind("booked", 1), Kind("trip", 1)], 2, 2)
    assert BatchDecoder[Any](keys.catalog).decode(batch)[0] == now
    await keys.forget("ann")
    gone = await keys.decode(old, Kind("booked", 1)), await keys.decode(trip, Kind("trip", 1))
    assert gone == ([Booked("ann", "[FORGOTTEN]", None, total=1)], [Booked("ann", "NOBODY", total=1), Cancelled("ann")])
    ((_, modern),) = await with_keys(lambda: keys.catalog.modern(Kind("booked", 1), old))
    assert await keys.decode(modern) == [Booked("ann", "[forgotten]", None, total=1)]


# -- laws

texts = st.text(max_size=20)
guests = st.builds(Guest, st.text(min_size=1, max_size=5), texts)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
bookings = st.builds(
    Booked, st.text(min_size=1, max_size=5), texts, st.none() | texts, st.none() | st.builds(Address, texts, texts),
    st.lists(guests, max_size=4), st.dictionaries(texts, guests, max_size=3),
    st.dictionaries(texts, values, max_size=3),
)  # fmt: skip


@given(st.lists(bookings, max_size=5))
def test_whatever_it_is_it_reads_as_it_was(events: list[Any]) -> None:
    async def check() -> None:
        keys = Keys()
        datas = [await keys.encode(each) for each in events]
        assert [await keys.decode(data) for data in datas] == [[each] for each in events]
        batch = Batch(b"[%b]" % b",".join(b"[0,%b]" % data for data in datas), [BOOKED], len(datas), 1)
        assert BatchDecoder[Any](keys.catalog).decode(batch) == events

    run(check())
