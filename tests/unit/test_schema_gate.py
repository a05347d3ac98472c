"""The gate: an application against its snapshot, what it says and whom it names."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from headwater import App, Consumer, Decider, SqlView, Topic, command, event
from headwater.errors import MalformedData
from headwater.schemas.comparing import Direction
from headwater.schemas.gate import Finding, check
from headwater.schemas.modes import Mode
from headwater.schemas.snapshot import Compatibility, Snapshot, dump, load
from headwater.schemas.taking import joined, taken
from headwater.upcasting import Upcaster, derived, renamed, retired, upcast


@command("order.place")
class Place:
    id: str


def placed(version: int = 1, name: str = "order.placed", **fields: Any) -> type:
    """An event class with those fields; a field given as a pair has a default."""
    made = [
        (each, *(said if isinstance(said, tuple) else (said, msgspec.field())))
        for each, said in sorted(fields.items(), key=lambda item: isinstance(item[1], tuple))
    ]
    return event(name, version=version, owner="sales")(msgspec.defstruct("Placed", made))


def app(
    *classes: type, name: str = "shop", topic: bool = False, upcasters: Sequence[Upcaster | Sequence[Upcaster]] = ()
) -> App:
    """An application that decides and views events of these classes."""

    def evolve(state: int, event: Any) -> int:
        return state

    def show(event: Any) -> list[tuple[str, list[str]]]:
        return []

    def decide(command: Place, state: int) -> list[Any]:
        return []

    union: Any = classes[0]
    for cls in classes[1:]:
        union |= cls
    evolve.__annotations__["event"] = show.__annotations__["event"] = union
    orders = Decider("orders", int, decide, evolve, lambda command: command.id)
    topics = [Topic("orders", events=classes)] if topic else []
    return App(name, [orders], [SqlView("sales", {}, show)], topics=topics, upcasters=upcasters)


def snapshot(*apps: App) -> Snapshot:
    return Snapshot(apps={each.name: taken(each) for each in apps})


def said(found: list[Finding]) -> list[str]:
    return [f"{each.direction.value} {each.type} {each.version} {each.field} {each.rule.value}" for each in found]


OLD = {"id": str, "sum": int}


def test_nothing_breaks_where_nothing_changed() -> None:
    assert check(app(placed(**OLD), topic=True), snapshot(app(placed(**OLD), topic=True))) == []
    assert check(app(placed(**OLD)), Snapshot()) == []


def test_a_renamed_field_breaks_and_an_upcaster_mends_it() -> None:
    before = snapshot(app(placed(**OLD)))
    [found] = check(app(placed(id=str, total=int)), before)
    assert found.message == (
        "order.placed: field `total` is needed now, and events of version 1 that are stored do not have it"
    )
    assert found.mend == "raise the version to 2 and add upcast('order.placed', 1, renamed('sum', 'total'))"
    assert found.consumers == ("decider orders", "view sales")
    assert found.example == {"id": "", "sum": 0}
    mended = app(placed(2, id=str, total=int), upcasters=[upcast("order.placed", 1, renamed("sum", "total"))])
    assert check(mended, before) == []
    wrong = app(placed(2, id=str, total=int), upcasters=[upcast("order.placed", 1, renamed("amount", "total"))])
    [found] = check(wrong, before)
    assert found.mend.startswith("change the upcaster of version 1")


def test_an_upcaster_with_a_function_is_tried_out() -> None:
    before = snapshot(app(placed(**OLD)))
    fine = app(
        placed(2, id=str, total=int), upcasters=[upcast("order.placed", 1, derived("total", lambda d: d["sum"]))]
    )
    assert check(fine, before) == []
    fails = app(placed(2, id=str, total=int), upcasters=[upcast("order.placed", 1, derived("total", lambda d: d["x"]))])
    [found] = check(fails, before)
    assert "KeyError: 'x'" in found.message
    assert found.example == {"id": "", "sum": 0}


def test_what_is_gone_is_missed_until_it_is_said_to_be_retired() -> None:
    other = placed(name="order.shipped", id=str)
    before = snapshot(app(placed(**OLD), other))
    [found] = check(app(other), before)
    assert (
        found.message == "order.placed: events of version 1 that are stored are known to nothing in the code any more"
    )
    assert "retired('order.placed', 1)" in found.mend
    assert check(app(other, upcasters=[retired("order.placed", 1)]), before) == []


def test_a_new_field_needs_a_default() -> None:
    before = snapshot(app(placed(**OLD)))
    assert check(app(placed(**OLD, note=(str, ""))), before) == []
    [found] = check(app(placed(**OLD, note=str)), before)
    assert found.mend.startswith("give it a default, or raise the version to 2 and add upcast('order.placed', 1, with_")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.BACKWARD, ["backward order.placed 1 total missing"]),
        (Mode.FORWARD, ["forward order.placed 1 sum missing"]),
        (Mode.FULL, ["backward order.placed 1 total missing", "forward order.placed 1 sum missing"]),
        (Mode.NONE, []),
    ],
)
def test_a_mode_says_who_reads_what(mode: Mode, expected: list[str]) -> None:
    before = snapshot(app(placed(**OLD)))
    assert said(check(app(placed(id=str, total=int)), before, Compatibility(stored=mode))) == expected
    single = Compatibility(types={"order.placed": mode})
    assert said(check(app(placed(id=str, total=int)), before, single)) == expected


def test_what_topics_carry_is_read_both_ways() -> None:
    before = snapshot(app(placed(**OLD), topic=True))
    assert check(app(placed(**OLD, note=(str, "")), topic=True), before) == []
    [lost] = check(app(placed(id=str, sum=(int, 0)), topic=True), before)
    assert (lost.direction, lost.mode, lost.field) == (Direction.FORWARD, Mode.FULL_TRANSITIVE, "sum")
    raised = app(
        placed(2, id=str, total=int), topic=True, upcasters=[upcast("order.placed", 1, renamed("sum", "total"))]
    )
    [found] = check(raised, before)
    assert found.message == "order.placed: version 2 is new, and those who know version 1 cannot read it"


def test_transitive_modes_remember_what_a_version_was() -> None:
    first = app(placed(**OLD))
    second = app(placed(**OLD, note=(str, "")))
    third = app(placed(**OLD, note=str))
    history = Snapshot(apps={"shop": joined(taken(first), taken(second))})
    last = Snapshot(apps={"shop": taken(second)})
    assert said(check(third, history)) == ["backward order.placed 1 note missing"]
    assert len(history.apps["shop"].events["order.placed"].versions[1].earlier) == 1
    again = joined(history.apps["shop"], taken(second))
    assert again == history.apps["shop"], "the same again adds nothing"
    gone = app(placed(**OLD, note=(int, 0)))
    without = joined(joined(taken(second), taken(first)), taken(first))
    assert said(check(gone, Snapshot(apps={"shop": without}))) == ["backward order.placed 1 note value"]
    assert check(gone, Snapshot(apps={"shop": without}), Compatibility(stored=Mode.BACKWARD)) == []
    assert said(check(third, last)) == ["backward order.placed 1 note missing"], "who publishes may leave it out"


def test_consumers_of_other_applications_are_named_if_they_read_what_breaks() -> None:
    def consume(name: str, cls: type) -> App:
        def do(event: Any) -> None: ...

        do.__annotations__["event"] = cls
        return App(name, consumers=[Consumer("orders", "book", do)])

    billing, shipping = consume("billing", placed(sum=int)), consume("shipping", placed(id=str))
    before = snapshot(app(placed(**OLD), topic=True), billing, shipping)
    found = check(app(placed(id=str, sum=(int, 0)), topic=True), before)
    assert [each.consumers for each in found] == [("decider orders", "view sales"), ("billing: consumer book",)]
    wants_more = consume("billing", placed(sum=int, tax=int))
    [missed] = check(wants_more, before, Compatibility(published=Mode.BACKWARD))[-1:]
    assert (missed.field, missed.consumers) == ("tax", ("consumer book",))


def test_the_file_is_the_same_whatever_the_order_and_reads_back() -> None:
    one, other = placed(**OLD), placed(name="order.shipped", id=str)
    file = dump(snapshot(app(one, other)))
    assert file == dump(snapshot(app(other, one)))
    assert dump(load(file)) == file
    assert load(file).apps["shop"].commands["order.place"].decider == "orders"
    assert load(file).apps["shop"].events["order.placed"].owner == "sales"
    for wrong in (b"[]", b'{"format":"another"}', b"\xff"):
        with pytest.raises(MalformedData):
            load(wrong)


def test_versions_that_only_upcasters_know_are_in_it_too() -> None:
    history = [upcast("order.placed", 1, renamed("sum", "total")), upcast("order.placed", 2, derived("x", len))]
    versions = taken(app(placed(3, id=str, total=int), upcasters=history)).events["order.placed"].versions
    assert {number: each.becomes for number, each in versions.items()} == {
        1: ("order.placed 3",), 2: ("order.placed 3",), 3: None,
    }  # fmt: skip
    assert versions[2].schema is None
    plain = taken(app(placed(2, id=str, total=int), upcasters=history[:1])).events["order.placed"].versions[1]
    assert plain.schema is not None
    assert list(plain.schema["properties"]) == ["id", "sum"]
