"""The generated shop: the same for a seed anywhere, shaped like the real one, dirty where it should be."""

import csv
import gzip
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import amount, oracle

from headwater_shop.seed import HEADER, Row, catalogue, figures, generate, picture, write_csv
from headwater_shop.seed.emblems import _DRAW
from headwater_shop.seed.motifs import ABSTRACT, ORNAMENTS, PAIRS, THINGS
from headwater_shop.seed.palettes import PALETTES
from headwater_shop.seed.picture import _page, motif
from headwater_shop.seed.spoil import MALFORMED, SPOILS
from headwater_shop.seed.svg import Emblem

REAL = Path(__file__).parents[3] / "shared/data/online-retail-2010-12_2011-02.csv.gz"

HAND_MADE = '''\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,A,Apple,2,2010-12-01 08:26:00,1.5,17850.0,United Kingdom
1, a ,Apple,1,2010-12-01 08:26,0.125,17850, United Kingdom
2,B,"Bun, ""sweet""",+3,2011-01-02 10:00:00,1,,
C3,A,Apple,-1,2011-01-03 10:00:00,1.5,17851.0,France
C4,D,Discount,1,2011-01-03 10:00:00,2,,France
5,A,,-7,2011-01-04 10:00:00,0.0,,Spain
A6,B,Adjust bad debt,1,2011-01-05 10:00:00,-10.00,,Spain
c7,A,Apple,1,2011-01-05 10:00:00,4,18,Spain
,A,Apple,1,2011-01-05 10:00:00,4,18,Italy
8, ,Apple,1,2011-01-05 10:00:00,4,18,Italy
9,A,Apple,1.0,2011-01-05 10:00:00,4,18,Italy
9,A,Apple,1,2011-02-30 10:00:00,4,18,Italy
9,A,Apple,1,2011-01-05T10:00:00,4,18,Italy
9,A,Apple,1,2011-01-05 10:00:00,.5,18,Italy
9,A,Apple,1,2011-01-05 10:00:00,1e3,18,Italy
'''

BY_HAND = {
    "rows": 15,
    "rejected": 7,
    "orders": 2,
    "returns": 2,
    "adjustment_rows": 3,
    "customers": 2,
    "products": 3,
    "gross": "6.125",
    "returned": "-0.50",
    "adjusted": "-6.00",
    "net": "0.625",
    "by_month": {"2010-12": "3.125", "2011-01": "-2.50"},
    "by_country": {"France": "0.50", "Spain": "-6.00", "United Kingdom": "3.125", "Unspecified": "3.00"},
    "top_products": [
        {"stock_code": "A", "quantity": 2, "revenue": "3.00"},
        {"stock_code": "B", "quantity": 3, "revenue": "3.00"},
        {"stock_code": "a", "quantity": 1, "revenue": "0.125"},
    ],
}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(generate())


@pytest.fixture(scope="module")
def goods(rows: list[Row]) -> list[Row]:
    """The tidy sale rows of products."""
    known = {item.stock_code for item in catalogue()}
    tidy = [r for r in rows if r.stock_code in known and r.quantity.isdigit() and r.unit_price > "0.0"]
    return [r for r in tidy if r.invoice_no.isdigit()]


@pytest.mark.parametrize("name", ["hand.csv", "hand.csv.gz"])
def test_oracle_agrees_with_a_report_made_by_hand(tmp_path: Path, name: str) -> None:
    text = HAND_MADE.encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    assert oracle(tmp_path / name) == BY_HAND


def test_oracle_of_a_file_without_rows(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text(HAND_MADE.splitlines(keepends=True)[0])
    report = oracle(tmp_path / "empty.csv")
    assert (report["rows"], report["net"], report["by_month"], report["top_products"]) == (0, "0.00", {}, [])


@pytest.mark.skipif(not REAL.exists(), reason="the real three months are not in the repository")
def test_oracle_of_the_real_three_months_adds_up() -> None:
    report = oracle(REAL)
    assert (report["rows"], report["rejected"], report["returns"], report["adjustment_rows"]) == (105335, 0, 805, 540)
    assert report["net"] == "1807019.93"
    for key in ("by_month", "by_country"):
        assert sum(map(Decimal, report[key].values())) == Decimal(report["net"])


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**12), max_value=10**12))
def test_amounts_are_written_exactly(value: Decimal) -> None:
    text = amount(value)
    assert Decimal(text) == value
    assert len(text.partition(".")[2]) >= 2
    assert "E" not in text


def test_a_seed_gives_the_same_rows_in_another_process(tmp_path: Path) -> None:
    code = "import sys; from headwater_shop.seed import write_csv; write_csv(sys.argv[1], seed=7, orders=60)"
    env = {**os.environ, "PYTHONHASHSEED": "99"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.csv")], check=True, env=env)
    count = write_csv(tmp_path / "b.csv", seed=7, orders=60)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "b.csv").open(newline="", encoding="utf-8") as file:
        written = [tuple(row) for row in csv.reader(file)]
    assert written == [HEADER, *generate(seed=7, orders=60)]
    assert count == len(written) - 1
    assert list(islice(generate(seed=8, orders=60), 50)) != written[1:51]


def test_the_default_file_is_a_year_of_some_20_000_rows(rows: list[Row]) -> None:
    assert 20_000 <= len(rows) <= 26_000
    months = {r.invoice_date[:7] for r in rows}
    assert {f"2024-{m:02d}" for m in range(1, 13)} <= months


def test_invoices_come_in_time_order_on_working_days(rows: list[Row]) -> None:
    dated = [r.invoice_date for r in rows if r.invoice_date not in ("yesterday", "2024-02-30 10:15:00")]
    times = [datetime.fromisoformat(text) for text in dated]
    backwards = [b for a, b in pairwise(times) if b < a]
    assert len(backwards) <= len(rows) // 1000  # rows a minute late within their invoice are planted
    assert not any(t.weekday() == 5 for t in times)
    assert max(times) < datetime(2025, 1, 1)


def test_the_shape_follows_the_figures(rows: list[Row], goods: list[Row]) -> None:
    orders = {r.invoice_no: r for r in goods}
    returns = {r.invoice_no for r in rows if r.invoice_no.startswith("C")}
    home = sum(r.country == figures.HOME for r in orders.values()) / len(orders)
    adjusted = sum(r.unit_price == "0.0" for r in rows) / len(rows)
    assert sum(not r.customer_id for r in goods) / len(goods) == pytest.approx(figures.ANONYMOUS_ROWS, abs=0.1)
    assert home == pytest.approx(figures.HOME_SHARE, abs=0.05)
    assert len(returns) / len(orders) == pytest.approx(figures.RETURNS, abs=0.05)
    assert adjusted == pytest.approx(figures.ADJUSTMENT_ROWS, abs=0.008)
    assert 0.005 < sum(r.invoice_no.startswith("C") for r in rows) / len(rows) < 0.035


def test_customers_come_back_and_products_sell_unevenly(goods: list[Row]) -> None:
    customers = Counter(c for _, c in {(r.invoice_no, r.customer_id) for r in goods} if c)
    once = sum(n == 1 for n in customers.values()) / len(customers)
    sold = sorted(Counter(r.stock_code for r in goods).values(), reverse=True)
    assert once == pytest.approx(0.6, abs=0.12)
    assert max(customers.values()) >= 8
    assert 0.2 < sum(sold[: len(sold) // 10]) / sum(sold) < 0.5


def test_quantities_are_those_of_a_wholesaler(goods: list[Row]) -> None:
    trade = Counter(r.quantity for r in goods if r.customer_id)
    web = Counter(r.quantity for r in goods if not r.customer_id)
    assert {q for q, _ in trade.most_common(6)} >= {"1", "2", "12", "6"}
    assert web["1"] / web.total() == pytest.approx(0.55, abs=0.06)


@pytest.mark.parametrize("code", ["POST", "DOT", "M", "B"])
def test_special_codes_are_there(rows: list[Row], code: str) -> None:
    assert any(r.stock_code == code for r in rows)


def test_dirt_is_there_and_the_malformed_rows_are_rejected(tmp_path: Path, rows: list[Row]) -> None:
    write_csv(tmp_path / "seed.csv.gz")
    report = oracle(tmp_path / "seed.csv.gz")
    assert report["rows"] == len(rows)
    assert report["rejected"] >= 2 * len(MALFORMED)
    assert Decimal(report["adjusted"]) < 0
    assert "Unspecified" in report["by_country"]
    spoilt = (
        lambda r: r.stock_code == "", lambda r: r.invoice_no == "", lambda r: r.description == "",
        lambda r: r.stock_code != r.stock_code.strip(), lambda r: r.stock_code != r.stock_code.upper(),
        lambda r: "£" in r.unit_price, lambda r: r.quantity == "a dozen", lambda r: r.invoice_date == "yesterday",
        lambda r: '"' in r.description, lambda r: r.description != r.description.strip(),
    )  # fmt: skip
    for check in spoilt:
        assert any(map(check, rows))


def test_every_slip_makes_a_row_refused_or_not_as_it_says(tmp_path: Path) -> None:
    tidy = Row("700001", "91001A", "LANTERN", "6", "2024-03-01 10:00:00", "2.55", "20001.0", "France")
    for spoil in SPOILS:
        with (tmp_path / "one.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEADER, spoil(tidy)])
        assert oracle(tmp_path / "one.csv")["rejected"] == (spoil in MALFORMED)


def test_odd_periods() -> None:
    assert list(generate(orders=0)) == []
    with pytest.raises(ValueError, match="no trading day"):
        list(generate(orders=1, start=date(2024, 12, 28), days=1))
    short = list(generate(orders=20, start=date(2024, 5, 6), days=1))
    assert {r.invoice_date[:10] for r in short if r.invoice_date.startswith("2024-0")} <= {"2024-05-06", "2024-02-30"}


def test_the_catalogue_is_large_unique_and_priced_like_the_real_one() -> None:
    items = catalogue()
    assert len(items) >= 300
    assert len({i.stock_code for i in items}) == len({i.name for i in items}) == len(items)
    prices = sorted(i.price for i in items)
    assert prices[len(prices) // 2] == pytest.approx(Decimal("2.46"), abs=Decimal("0.3"))
    assert all(p > 0 and p == p.quantize(Decimal("0.01")) for p in prices)
    assert len({i.category for i in items}) >= 8


def test_every_product_has_a_picture_of_what_it_is() -> None:
    for item in catalogue():
        check_picture(picture(item.stock_code, item.name))
        assert motif(item.name.lower().split()) is not ABSTRACT


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "tealight"),
        ("SET OF 3 CAKE TINS PANTRY DESIGN", "tin"),
        ("JAM MAKING SET WITH JARS", "jar"),
        ("KNITTED UNION FLAG HOT WATER BOTTLE", "hot_water_bottle"),
        ("HEART OF WICKER SMALL", "basket"),
        ("ASSORTED COLOUR BIRD ORNAMENT", "bauble"),
        ("POSTAGE", "parcel"),
        ("", "pattern"),
    ],
)
def test_pictures_follow_the_names(name: str, drawn: str) -> None:
    words = name.lower().replace("-", " ").split()
    assert motif(words).__name__ == drawn


@given(st.text(max_size=20), st.text(max_size=60))
def test_any_product_has_a_picture(code: str, name: str) -> None:
    svg = picture(code, name)
    check_picture(svg)
    assert svg == picture(code, name)


def test_every_motif_stays_small_with_every_ornament() -> None:
    motifs = {*THINGS.values(), *ORNAMENTS.values(), *PAIRS.values(), ABSTRACT}
    p = PALETTES["navy"]
    for draw in _DRAW.values():
        ornament = Emblem(draw("#fffaf0", p.accent), draw(p.dark, p.accent))
        for drawn in motifs:
            check_picture(_page(p, drawn(p, ornament)))


def check_picture(svg: str) -> None:
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 400 400"
    assert len(svg.encode()) < 5_000
    assert "href" not in svg
    assert "url(" not in svg
