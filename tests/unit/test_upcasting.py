"""Upcasters: chains that are checked when they are declared, and what they make of stored events."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater import event
from headwater.codec import BatchDecoder, EventCatalog, UnknownEvent
from headwater.errors import DeclarationError, MalformedData, UnknownType
from headwater.messages import Batch, Envelope, Kind
from headwater.upcasting import Chains, Upcaster, derived, dropped, renamed, retired, split, upcast, with_default


@event("order.placed", version=4)
class Placed:
    id: str
    total: Decimal
    currency: str
    lines: int = 0


@event("order.shipped")
class Shipped:
    id: str


@event("order.billed", version=2)
class Billed:
    id: str
    amount: Decimal


def both(data: dict[str, Any]) -> list[tuple[Kind, dict[str, Any]]]:
    shipped = Kind("order.shipped", 1), {"id": data["id"]}
    return [shipped, (Kind("order.billed", 1), {"id": data["id"], "pence": data["pence"]})]


HISTORY = [
    upcast("order.placed", 1, renamed("sum", "total")),
    upcast("order.placed", 2, with_default("currency", "GBP"), dropped("internal")),
    upcast("order.placed", 3, derived("lines", lambda data: len(data.pop("items", ())))),
    upcast("order.billed", 1, derived("amount", lambda data: data.pop("pence") / 100)),
    split("order.done", 1, into=[Kind("order.shipped", 1), Kind("order.billed", 1)], change=both),
    upcast("shop.order_placed", 1, to=Kind("order.placed", 1)),
    *retired("order.flagged", 1, 2),
]
CATALOG = EventCatalog([Placed, Shipped, Billed], HISTORY)

STORED = [
    (Kind("order.placed", 4), b'{"id":"1","total":"1.50","currency":"EUR"}', [Placed("1", Decimal("1.50"), "EUR")]),
    (
        Kind("order.placed", 3),
        b'{"id":"1","total":"2","currency":"EUR","items":[1,2]}',
        [Placed("1", Decimal(2), "EUR", 2)],
    ),
    (Kind("order.placed", 2), b'{"id":"1","total":"2","internal":1}', [Placed("1", Decimal(2), "GBP")]),
    (Kind("order.placed", 1), b'{"id":"1","sum":"2"}', [Placed("1", Decimal(2), "GBP")]),
    (Kind("shop.order_placed", 1), b'{"id":"1","sum":"2"}', [Placed("1", Decimal(2), "GBP")]),
    (Kind("order.done", 1), b'{"id":"1","pence":50}', [Shipped("1"), Billed("1", Decimal("0.5"))]),
    (Kind("order.flagged", 2), b'{"any":"thing"}', []),
]


@pytest.mark.parametrize(("kind", "data", "events"), STORED, ids=lambda value: str(value)[:40])
def test_every_version_is_read_as_what_it_is_today(kind: Kind, data: bytes, events: list[Any]) -> None:
    assert CATALOG.decode_data(kind, data) == events
    modern = [one for end, changed in CATALOG.modern(kind, data) for one in CATALOG.decode_data(end, changed)]
    assert modern == events, "what is passed on reads the same"
    assert all(end in CATALOG.types for end, _ in CATALOG.modern(kind, data))


def test_a_batch_is_read_in_order() -> None:
    kinds = [kind for kind, _, _ in STORED]
    json = b"[" + b",".join(b"[%d,%s]" % (n, data) for n, (_, data, _) in enumerate(STORED)) + b"]"
    expected = [event for _, _, events in STORED for event in events]
    assert BatchDecoder[Any](CATALOG).decode(Batch(json, kinds, len(STORED), 0)) == expected
    shipped = BatchDecoder[Any](CATALOG, classes=[Placed, Shipped])
    assert shipped.decode(Batch(json, kinds, len(STORED), 0)) == [
        each for each in expected if not isinstance(each, Billed)
    ]


def test_what_is_split_keeps_its_place_and_each_part_has_an_id() -> None:
    done = Envelope(7, "order-1", 3, "e-7", "order.done", 1, b'{"id":"1","pence":50}', 10, ("red",))
    first, second = CATALOG.envelopes(done)
    assert (first.id, first.type, first.type_version, first.position, first.tags) == (
        "e-7",
        "order.shipped",
        1,
        7,
        ("red",),
    )
    assert (second.id, second.type, second.type_version, second.stream_version) == ("e-7/1", "order.billed", 2, 3)
    placed = Envelope(1, "order-1", 1, "e-1", "order.placed", 4, b"{}", 10)
    assert CATALOG.envelopes(placed) == [placed]


def test_what_may_become_an_event_is_asked_for_with_it() -> None:
    assert set(CATALOG.sources([Placed])) == {"order.placed", "shop.order_placed"}
    assert set(CATALOG.sources([Billed])) == {"order.billed", "order.done"}
    assert CATALOG.chains.ends(Kind("order.done", 1)) == {Kind("order.shipped", 1), Kind("order.billed", 2)}
    assert CATALOG.chains.ends(Kind("order.flagged", 1)) == frozenset()


def test_what_nobody_knows_is_kept_where_that_is_asked_for() -> None:
    batch = Batch(b'[[0,{"id":"1"}],[1,{"new":true}]]', [Kind("order.shipped", 1), Kind("order.shipped", 2)], 2, 0)
    with pytest.raises(UnknownType, match=r"order\.shipped \(version 2\)"):
        BatchDecoder[Any](CATALOG).decode(batch)
    kept = BatchDecoder[Any](CATALOG, keep_unknown=True).decode(batch)
    assert kept == [Shipped("1"), UnknownEvent(Kind("order.shipped", 2), b'{"new":true}')]


FINE = [upcast("order", 1), upcast("order", 2)]


def _to(type: str, version: int) -> list[tuple[Kind, dict[str, Any]]]:
    return [(Kind(type, version), {})]


@pytest.mark.parametrize(
    ("upcasters", "complaint"),
    [
        ([upcast("order", 1)], "lead nowhere: order 1 → order 2; nothing declares"),
        ([upcast("order", 2)], r"'order' is declared in versions 2, 3: what became of version 1\?"),
        ([upcast("order", n) for n in (1, 2, 3)], "'order' version 3 has a class and an upcaster"),
        (
            [*FINE, upcast("a", 1, to=Kind("b", 1)), upcast("b", 1, to=Kind("c", 1))],
            "a 1 → b 1 → c 1; nothing declares",
        ),
        ([*FINE, upcast("a", 1, to=Kind("b", 1)), upcast("b", 1, to=Kind("a", 1))], "a circle: a 1 → b 1 → a 1"),
        ([*FINE, upcast("a", 1, to=Kind("a", 1))], "a circle: a 1 → a 1"),
        ([*FINE, upcast("order", 1)], "'order' version 1 has two upcasters"),
        ([*FINE, split("a", 1, into=[Kind("order", 3), Kind("b", 1)], change=both)], "lead nowhere: a 1 → b 1"),
        ([*FINE, *retired("flagged", 2)], r"'flagged' is declared in versions 2: what became of version 1\?"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_chain_is_refused_and_shown(upcasters: list[Upcaster], complaint: str) -> None:
    with pytest.raises(DeclarationError, match=complaint):
        Chains([Kind("order", 3)], upcasters)


@pytest.mark.parametrize(
    ("kind", "data", "complaint"),
    [
        (Kind("order.done", 1), b'{"id":"1"}', "its upcaster failed: KeyError: 'pence'"),
        (Kind("order.billed", 1), b'{"id":"1"}', "on its way to event 'order.billed' version 2: KeyError: 'pence'"),
        (Kind("order.placed", 1), b'{"id":"1"}', "upcast to 'order.placed' version 4: Object missing"),
        (Kind("order.placed", 1), b'{"id":', "Input data was truncated"),
        (Kind("order.placed", 1), b"[1]", "Expected `object`"),
    ],
)
def test_an_event_that_cannot_be_upcast_is_named_with_its_version(kind: Kind, data: bytes, complaint: str) -> None:
    with pytest.raises(MalformedData, match=complaint) as caught:
        CATALOG.decode_data(kind, data)
    assert caught.value.what == f"event {kind.type!r} version {kind.version}"
    batch = Batch(b"[[0,%s]]" % data, [kind], 1, 0)
    if data.endswith(b"}"):
        with pytest.raises(MalformedData, match=complaint):
            BatchDecoder[Any](CATALOG).decode(batch)


def test_an_upcaster_that_makes_what_it_did_not_declare_is_refused() -> None:
    liar = split("a", 1, into=[Kind("order.shipped", 1)], change=lambda _: _to("order.billed", 2))
    with pytest.raises(MalformedData, match=r"made event 'order\.billed' version 2, which is not in its `into`"):
        EventCatalog([Shipped, Billed], [liar, *retired("order.billed", 1)]).decode_data(Kind("a", 1), b"{}")


names = st.sampled_from("abcd")
kinds = st.builds(Kind, names, st.integers(1, 3))


@given(st.frozensets(kinds, max_size=4), st.dictionaries(kinds, st.lists(kinds, max_size=3), max_size=8))
def test_chains_that_are_accepted_end_in_what_is_declared(
    current: frozenset[Kind], ways: dict[Kind, list[Kind]]
) -> None:
    """Whatever is declared is refused, or every stored kind leads to kinds of today."""

    def upcaster(kind: Kind, into: list[Kind]) -> Upcaster:
        return split(kind.type, kind.version, into=into, change=lambda _: [(end, {}) for end in into])

    try:
        chains = Chains(current, [upcaster(kind, into) for kind, into in ways.items()])
    except DeclarationError:
        assert _refusable(current, ways)
        return
    assert not _refusable(current, ways)
    for kind in ways:
        ends = {end for end, _ in chains.apply(kind, {})}
        assert ends == chains.ends(kind) <= current
        assert all(kind.type in chains.sources([end.type]) for end in ends)


def _refusable(current: frozenset[Kind], ways: dict[Kind, list[Kind]]) -> bool:
    """The same judgement by plain reasoning: kinds that surely end are found step by step, until no more are."""
    ended = set(current)
    while more := {kind for kind, into in ways.items() if set(into) <= ended} - ended:
        ended |= more
    known = current | ways.keys()
    gaps = any(Kind(kind.type, version) not in known for kind in known for version in range(1, kind.version))
    return bool(gaps or current & ways.keys() or ways.keys() - ended)
