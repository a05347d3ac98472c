"""Imported history: every row once, however often and in whatever files it comes."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headwater.testing.specification import spec
from headwater_shop.domain import invoice as invoice_module
from headwater_shop.domain.invoice import (
    AdjustmentImported,
    ImportInvoice,
    Invoice,
    InvoiceEvent,
    Kind,
    OrderImported,
    ReturnImported,
    Section,
    invoices,
)
from headwater_shop.domain.rejection import RejectedRow, RejectRows, RowRejected, bucket_of, rejections
from headwater_shop.domain.shared import Line, stream_part

AT = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
LATER = datetime(2010, 12, 1, 8, 27, tzinfo=UTC)
HEART, LANTERN = Line("85123A", "HEART", 6, Decimal("2.55")), Line("71053", "LANTERN", 2, Decimal("3.39"))


def section(*lines: Line, kind: Kind = Kind.SALE, customer: str = "17850", at: datetime = AT) -> Section:
    return Section(kind, customer, "France", lines, at)


def sale(*lines: Line, total: str, at: datetime = AT) -> OrderImported:
    return OrderImported("536365", "17850", "France", lines, Decimal(total), at)


def bring(*sections: Section) -> ImportInvoice:
    return ImportInvoice("536365", sections)


def test_each_kind_of_row_becomes_its_own_event() -> None:
    lost = Line("71053", "lost", -3, Decimal(0))
    spec(invoices).when(
        bring(section(HEART, LANTERN), section(lost, kind=Kind.ADJUSTMENT), section(lost, kind=Kind.RETURN))
    ).then(
        sale(HEART, LANTERN, total="22.08"),
        AdjustmentImported("536365", "17850", "France", (lost,), Decimal(0), AT),
        ReturnImported("536365", "17850", "France", (lost,), Decimal(0), AT),
    )


def test_rows_of_two_minutes_stay_apart() -> None:
    spec(invoices).when(bring(section(HEART), section(LANTERN, at=LATER))).then(
        sale(HEART, total="15.30"), sale(LANTERN, total="6.78", at=LATER)
    )


def test_known_rows_are_not_recorded_again() -> None:
    known = spec(invoices).given(sale(HEART, HEART, total="30.60"))
    known.when(bring(section(HEART, HEART))).then_nothing()
    known.when(bring(section(HEART))).then_nothing()
    known.when(bring(section(HEART, HEART, HEART))).then(sale(HEART, total="15.30"))
    known.when(bring(section(HEART, LANTERN))).then(sale(LANTERN, total="6.78"))


def test_a_row_is_the_same_only_in_everything_it_says() -> None:
    known = spec(invoices).given(sale(HEART, total="15.30"))
    known.when(bring(section(HEART, at=LATER))).then(sale(HEART, total="15.30", at=LATER))
    for other in ("name", "stock_code"):
        line = msgspec.structs.replace(HEART, **{other: "other"})
        known.when(bring(section(line))).then(sale(line, total="15.30"))
    same = msgspec.structs.replace(HEART, unit_price=Decimal("2.550"))
    known.when(bring(section(same))).then_nothing()


def test_huge_invoices_are_split_below_the_limit_of_an_event() -> None:
    lines = tuple(Line(f"{n:05}", "x" * 500, 1, Decimal(1)) for n in range(2500))
    outcome = spec(invoices).when(bring(section(*lines)))
    assert sum((event.lines for event in outcome.events), ()) == lines
    for event in outcome.events:
        assert len(event.lines) <= invoice_module.MAX_LINES
        assert len(msgspec.json.encode(event)) < 1024 * 1024 / 2


rows = st.builds(Line, st.sampled_from("ab"), st.just(""), st.integers(1, 2), st.just(Decimal(1)))
files = st.lists(st.lists(rows, max_size=6), max_size=5)


@given(files)
def test_importing_files_in_any_order_and_number_keeps_the_largest_count_of_each_row(parts: list[list[Line]]) -> None:
    state, recorded = Invoice(), list[InvoiceEvent]()
    for part in [*parts, *reversed(parts)]:
        events = invoices.decide(bring(section(*part)), state)
        state = reduce(invoices.evolve, events, state)
        recorded += events
    expected: Counter[Line] = reduce(lambda a, b: a | b, map(Counter, parts), Counter())
    assert Counter(line for event in recorded for line in event.lines) == expected


def rejected(nth: int, line: int = 7) -> RejectedRow:
    return RejectedRow("ab", nth, line, "Quantity 'x' is no whole number", "1,2,x")


def recorded(nth: int, line: int = 7) -> RowRejected:
    return RowRejected("ab", nth, "a.csv", line, "Quantity 'x' is no whole number", "1,2,x")


def test_rejected_rows_are_kept_once_each() -> None:
    both = RejectRows("b", "a.csv", (rejected(1), rejected(2, line=9)))
    spec(rejections).when(both).then(recorded(1), recorded(2, line=9))
    spec(rejections).given(recorded(1), recorded(2, line=9)).when(both).then_nothing()
    spec(rejections).given(recorded(1)).when(both).then(recorded(2, line=9))


def test_buckets_and_stream_names_are_valid_whatever_the_content() -> None:
    assert bucket_of("0102") == "002"
    assert stream_part("536365") == "536365"
    for odd in ("", " a", "a\x00b", "x" * 300):
        assert stream_part(odd).startswith("sha256-")
        assert len(stream_part(odd)) < 100
