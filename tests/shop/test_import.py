"""The import as a whole: its report equals the oracle's, whatever the dirt, the interruptions and the repetitions."""

import asyncio
import csv
import gzip
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import oracle

from headwater import Runtime
from headwater.errors import MalformedData
from headwater.testing.running import asynchronous, run
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.views import order_summary, product_card, rejected_row
from headwater_shop.imports import ImportResult, import_file
from headwater_shop.imports.rows import HEADER
from headwater_shop.report import report
from headwater_shop.seed import write_csv

ORDERS = 150


def shop(path: Path | None = None) -> AbstractAsyncContextManager[Runtime]:
    return Runtime.open(shop_app(), f"sqlite:///{path}" if path else "memory:")


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generated year, dirt included."""
    path = tmp_path_factory.mktemp("data") / "year.csv"
    write_csv(path, seed=7, orders=ORDERS)
    return path


def written(path: Path, rows: list[tuple[str, ...]]) -> Path:
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    path.write_text(text.getvalue())
    return path


def row(invoice: str, code: str = "22633", quantity: str = "1", price: str = "1.85", **more: str) -> tuple[str, ...]:
    date, customer = more.get("date", "2010-12-01 08:28"), more.get("customer", "17850.0")
    return invoice, code, f"THING {code}", quantity, date, price, customer, more.get("country", "France")


def zipped_copy(path: Path, to: Path, lost: int = 0) -> None:
    """The file gzipped, without the last `lost` bytes."""
    data = gzip.compress(path.read_bytes())
    to.write_bytes(data[: len(data) - lost])


def counted(result: ImportResult) -> dict[str, int]:
    return {name: getattr(result, name) for name in ("rows", "rejected", "orders", "returns", "adjustment_rows")}


def three_months() -> Iterator[Path]:
    """The retailer's own data, where it is there: named by HEADWATER_RETAIL_DATA, or beside the project."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("HEADWATER_RETAIL_DATA", beside))
    return folder.glob("online-retail-*.csv.gz")


@pytest.mark.parametrize("name", ["generated", *map(str, three_months())], ids=lambda name: Path(name).name)
def test_the_report_equals_the_oracle_and_again_changes_nothing(
    name: str, year: Path, kept_url: str, tmp_path: Path
) -> None:
    path = year if name == "generated" else Path(name)
    if name != "generated" and not kept_url.startswith("sqlite"):  # the whole of it takes a minute on a server
        path = beginning_of(path, tmp_path / "beginning.csv")
    run(imported_twice(path, kept_url), seconds=120)


def beginning_of(path: Path, to: Path, lines: int = 3_000) -> Path:
    """The first lines of a gzipped file."""
    with gzip.open(path, "rb") as whole, to.open("wb") as file:
        file.writelines(islice(whole, lines))
    return to


async def imported_twice(path: Path, url: str) -> None:
    expected = oracle(path)
    async with Runtime.open(shop_app(), url) as runtime:
        first = await import_file(runtime, path)
        assert await report(runtime) == expected
        assert counted(first) == {name: expected[name] for name in counted(first)}
        assert first.skipped_as_known == 0
        head = await runtime.store.head()
        again = await import_file(runtime, path)
        assert counted(again) == counted(first)
        assert again.skipped_as_known == first.rows
        assert (await runtime.store.head(), await report(runtime)) == (head, expected)


@asynchronous(seconds=60)
async def test_gzip_is_read_as_well_and_known_as_the_same(year: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "other name.csv.gz"
    zipped_copy(year, zipped)
    async with shop() as runtime:
        await import_file(runtime, zipped)
        head = await runtime.store.head()
        assert await report(runtime) == oracle(zipped)
        again = await import_file(runtime, year)
        assert again.skipped_as_known == again.rows
        assert await runtime.store.head() == head


def test_progress_rises_to_the_end(year: Path) -> None:
    seen: list[tuple[int, int]] = []

    async def imported() -> None:
        async with shop() as runtime:
            await import_file(runtime, year, lambda done, total: seen.append((done, total)))

    run(imported(), seconds=60)
    assert seen == sorted(seen)
    assert seen[-1] == (year.stat().st_size, year.stat().st_size)
    assert len(seen) > 3


@asynchronous(seconds=60)
async def test_a_cancelled_import_is_completed_by_the_next(year: Path, tmp_path: Path) -> None:
    async with shop(tmp_path / "shop.db") as runtime:
        for share in (0.2, 0.5, 0.8):
            with pytest.raises(asyncio.CancelledError):
                await cancelled_at(share, runtime, year)
        await import_file(runtime, year)
        assert await report(runtime) == oracle(year)


async def cancelled_at(share: float, runtime: Runtime, path: Path) -> None:
    def progress(done: int, total: int) -> None:
        if done >= share * total:
            task.cancel()

    task = asyncio.create_task(import_file(runtime, path, progress))
    await task


KILLED = """
import asyncio, sys
from headwater import Runtime
from headwater_shop.event_driven.app import shop_app
from headwater_shop.imports import import_file

async def main():
    async with Runtime.open(shop_app(), sys.argv[1]) as runtime:
        await import_file(runtime, sys.argv[2], lambda done, total: print(done, flush=True))

asyncio.run(main())
"""


def killed_at(done: float, store: Path, path: Path) -> None:
    """Import in a process of its own, which is killed as soon as it has got that far."""
    command = [sys.executable, "-c", KILLED, f"sqlite:///{store}", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= done:
                process.kill()
    assert process.returncode == -9


def test_an_import_killed_at_any_point_and_run_again_gives_the_same(year: Path, tmp_path: Path) -> None:
    store = tmp_path / "shop.db"
    for share in (0.15, 0.4, 0.7, 0.95):
        killed_at(share * year.stat().st_size, store, year)

    async def completed() -> dict[str, Any]:
        async with shop(store) as runtime:
            result = await import_file(runtime, year)
            assert 0 < result.skipped_as_known <= result.rows
            return await report(runtime)

    assert run(completed(), seconds=60) == oracle(year)


@asynchronous
async def test_scattered_rows_of_an_invoice_are_one_invoice(tmp_path: Path) -> None:
    scattered = written(
        tmp_path / "a.csv",
        [row("1"), row("2"), row("1"), row("C3", quantity="-1"), row("2", price="0"), row("1", code="POST")],
    )
    async with shop() as runtime:
        await import_file(runtime, scattered)
        assert await report(runtime) == oracle(scattered)
        one = await runtime.get(order_summary, "1")
        assert one is not None
        assert [line.stock_code for line in one.lines] == ["22633", "22633", "POST"]
        assert (one.status, one.kind, one.customer_id, str(one.total)) == ("imported", "order", "17850", "5.55")


@asynchronous
async def test_files_that_overlap_add_up_to_their_union(tmp_path: Path) -> None:
    january = [row("1"), row("1"), row("2"), row("x"), row("3", quantity="?")]
    february = [row("1"), row("2", quantity="5"), row("4"), row("3", quantity="?"), row("3", quantity="?")]
    union = [row("1"), row("1"), row("2"), row("2", quantity="5"), row("x"), row("4"), *[row("3", quantity="?")] * 2]
    async with shop() as runtime:
        await import_file(runtime, written(tmp_path / "january.csv", january))
        second = await import_file(runtime, written(tmp_path / "february.csv", february))
        assert second.skipped_as_known == 2
        assert await report(runtime) == oracle(written(tmp_path / "union.csv", union))


@asynchronous
async def test_rejected_rows_are_listed_with_line_and_reason(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", [row("1"), row("2", quantity="a dozen"), row("", code="x"), row("1", price="-")])
    async with shop() as runtime:
        await import_file(runtime, path)
        rejects = await runtime.find(rejected_row, order_by=("file", "line"))
    assert [(each.file, each.line, each.reason) for each in rejects] == [
        ("a.csv", 3, "Quantity 'a dozen' is no whole number"),
        ("a.csv", 4, "InvoiceNo is empty"),
        ("a.csv", 5, "UnitPrice '-' is no plain decimal number"),
    ]
    assert rejects[0].text == "2,22633,THING 22633,a dozen,2010-12-01 08:28,1.85,17850.0,France"


@asynchronous
async def test_goods_are_listed_for_sale_and_postage_is_not(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", [row("1", price="2.55"), row("2", price="9"), row("3", code="POST")])
    async with shop() as runtime:
        await import_file(runtime, path, opening_stock=12)
        goods, postage = await runtime.get(product_card, "22633"), await runtime.get(product_card, "POST")
    assert goods is not None
    assert postage is not None
    assert (goods.listed, goods.name, str(goods.price), goods.available) == (True, "THING 22633", "2.55", 12)
    assert (goods.sold, str(goods.revenue)) == (2, "11.55")
    assert (postage.listed, postage.sold, postage.available) == (False, 1, None)


@asynchronous
async def test_nothing_is_written_of_a_file_that_is_damaged_or_none(year: Path, tmp_path: Path) -> None:
    damaged, other = tmp_path / "a.csv.gz", tmp_path / "b.csv"
    zipped_copy(year, damaged, lost=1000)
    other.write_text("name,email\n")
    async with shop() as runtime:
        for path, error in ((damaged, MalformedData), (other, MalformedData), (tmp_path / "none", FileNotFoundError)):
            with pytest.raises(error):
                await import_file(runtime, path)
        assert await runtime.store.head() == 0


@asynchronous
async def test_a_file_without_rows_is_an_empty_report(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", [])
    async with shop() as runtime:
        await import_file(runtime, path)
        assert await report(runtime) == oracle(path)


dirty = st.tuples(
    st.sampled_from(["1", "2", " 2", "C1", "A1", "", "c1", "1x"]),
    st.sampled_from(["22633", "22633a", "POST", "", "é"]),
    st.sampled_from(["", "THING", "a, b", 'say "hi"', "two\nlines"]),
    st.sampled_from(["1", "-1", "0", "+12", " 7 ", "99999999999999", "x", "1.5", ""]),
    st.sampled_from(["2010-12-01 08:26", "2010-12-31 23:59:59", "2011-01-01 00:00:00", "2011-02-29 10:00", ""]),
    st.sampled_from(["1.85", "0", "-0.5", "+2.5", "0.00000001", "99999999999999.99999999", "1e3", ".5", "£1"]),
    st.sampled_from(["17850.0", "17850", "", "ada", "1.0.0"]),
    st.sampled_from(["France", "", " EIRE ", "france", "A|B"]),
)


@settings(max_examples=12, deadline=None)
@given(rows=st.lists(dirty, max_size=25), twice=st.booleans())
def test_any_dirt_gives_what_the_oracle_says(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], twice: bool
) -> None:
    path = written(tmp_path_factory.mktemp("dirt") / "a.csv", rows)

    async def imported() -> dict[str, Any]:
        async with shop() as runtime:
            for _ in range(1 + twice):
                await import_file(runtime, path)
            return await report(runtime)

    assert run(imported()) == oracle(path)
