"""Reading rows and files: what is a sale, a return, an adjustment, and what is refused with which reason."""

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from headwater.errors import MalformedData
from headwater_shop.domain.invoice import Kind
from headwater_shop.imports.categories import OTHER, category_of
from headwater_shop.imports.reader import TransactionsFile
from headwater_shop.imports.rows import HEADER, Malformed, Row, parse

GOOD = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": "HEART",
    "Quantity": "6",
    "InvoiceDate": "2010-12-01 08:26:00",
    "UnitPrice": "2.55",
    "CustomerID": "17850.0",
    "Country": "France",
}


def read(**changed: str) -> Row:
    return parse(list({**GOOD, **changed}.values()))


def test_a_row_is_read_without_the_space_around_its_fields() -> None:
    row = parse([f" {value}\t" for value in GOOD.values()])
    assert row == read()
    assert row[:5] == ("536365", Kind.SALE, "17850", "France", datetime(2010, 12, 1, 8, 26, tzinfo=UTC))
    assert (row.line.stock_code, row.line.quantity, row.line.unit_price) == ("85123A", 6, Decimal("2.55"))


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (Kind.SALE, {}),
        (Kind.SALE, {"Quantity": "+1", "UnitPrice": "+0.001"}),
        (Kind.RETURN, {"InvoiceNo": "C536365", "Quantity": "-6"}),
        (Kind.RETURN, {"InvoiceNo": "C536365"}),
        (Kind.RETURN, {"InvoiceNo": "C", "UnitPrice": "0"}),
        (Kind.ADJUSTMENT, {"InvoiceNo": "A536365"}),
        (Kind.ADJUSTMENT, {"InvoiceNo": "c536365"}),
        (Kind.ADJUSTMENT, {"InvoiceNo": "٣"}),
        (Kind.ADJUSTMENT, {"Quantity": "-6"}),
        (Kind.ADJUSTMENT, {"Quantity": "0"}),
        (Kind.ADJUSTMENT, {"UnitPrice": "0.0"}),
        (Kind.ADJUSTMENT, {"UnitPrice": "-11062.06"}),
    ],
)
def test_kinds(kind: Kind, changed: dict[str, str]) -> None:
    assert read(**changed).kind is kind


def test_what_may_be_missing() -> None:
    assert read(CustomerID="").customer_id == ""
    assert read(Country=" ").country == "Unspecified"
    assert read(InvoiceDate="2010-12-01 08:26") == read()
    assert parse(list(GOOD.values())[:6]) == read(CustomerID="", Country="")


@pytest.mark.parametrize(
    ("reason", "changed"),
    [
        ("InvoiceNo is empty", {"InvoiceNo": " "}),
        ("StockCode is empty", {"StockCode": ""}),
        ("Quantity", {"Quantity": ""}),
        ("Quantity", {"Quantity": "1.5"}),
        ("Quantity", {"Quantity": "1e3"}),
        ("Quantity", {"Quantity": "1_000"}),
        ("Quantity", {"Quantity": "٣"}),
        ("digits", {"Quantity": "9" * 16}),
        ("UnitPrice", {"UnitPrice": "1e3"}),
        ("UnitPrice", {"UnitPrice": "NaN"}),
        ("UnitPrice", {"UnitPrice": ".5"}),
        ("UnitPrice", {"UnitPrice": "5."}),
        ("UnitPrice", {"UnitPrice": "£5"}),
        ("digits", {"UnitPrice": "1." + "1" * 16}),
        ("InvoiceDate", {"InvoiceDate": "2010-12-01"}),
        ("InvoiceDate", {"InvoiceDate": "2010-12-01T08:26:00"}),
        ("InvoiceDate", {"InvoiceDate": "12/1/2010 8:26"}),
        ("no real time", {"InvoiceDate": "2010-02-30 08:26"}),
        ("no real time", {"InvoiceDate": "2010-02-03 24:00"}),
        ("no real time", {"InvoiceDate": "0000-02-03 08:26"}),
        ("characters", {"Description": "x" * 100_001}),
    ],
)
def test_what_is_refused(reason: str, changed: dict[str, str]) -> None:
    with pytest.raises(Malformed, match=reason):
        read(**changed)


def test_a_row_with_too_many_fields_is_refused() -> None:
    with pytest.raises(Malformed, match="9 fields"):
        parse([*GOOD.values(), ""])


def file(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_records_know_the_line_they_begin_at(tmp_path: Path) -> None:
    text = ",".join(HEADER) + '\r\n1,"two\nlines",x\n\n\n2,y\n'
    with TransactionsFile(file(tmp_path / "a.csv", text)) as opened:
        assert [(record.line, record.fields) for record in opened.records()] == [
            (2, ["1", "two\nlines", "x"]),
            (6, ["2", "y"]),
        ]
        assert opened.done == opened.size


def test_a_byte_order_mark_and_bytes_that_are_no_utf8_are_borne(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf" + ",".join(HEADER).encode() + b"\n1,\xa35\n")
    with TransactionsFile(path) as opened:
        assert [record.fields for record in opened.records()] == [["1", "�5"]]


def test_a_quote_that_never_ends_costs_rows_but_not_the_import(tmp_path: Path) -> None:
    text = ",".join(HEADER) + '\n1,"' + "x" * 200_000 + "\n2,y\n"
    with TransactionsFile(file(tmp_path / "a.csv", text)) as opened:
        broken, after = opened.records()
    assert (broken.line, broken.fields) == (2, [])
    assert "limit" in broken.error
    assert (after.line, after.fields) == (3, ["2", "y"])


@pytest.mark.parametrize("text", ["", "a,b,c\n", "InvoiceNo\n", "\n" + ",".join(HEADER) + "\n"])
def test_another_header_is_not_a_transactions_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(MalformedData, match="first line"):
        TransactionsFile(file(tmp_path / "a.csv", text))


def test_damaged_gzip_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress((",".join(HEADER) + "\n" + "1,2,3\n" * 100_000).encode())[:-200])
    with pytest.raises(MalformedData, match="damaged gzip"), TransactionsFile(path) as opened:
        list(opened.records())


def test_categories_come_from_the_last_telling_word() -> None:
    assert category_of("SET/6 RED SPOTTY PAPER PLATES") == "Dining"
    assert category_of("CHRISTMAS TREE MUG") == "Mugs & Teatime"
    assert category_of("FAWN BLUE") == OTHER
