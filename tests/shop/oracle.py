"""What the shop's report must say about a transactions file, computed by DuckDB straight from the CSV.

It shares no code with the importer. The rules, which the importer follows too:

* A field is taken without surrounding whitespace (whatever `str.strip` calls whitespace); a missing field is empty.
  A line with nothing on it at all is not a row.
* A row is *rejected* when InvoiceNo or StockCode is empty, Quantity is not `[+-]?[0-9]+`, UnitPrice is not
  `[+-]?[0-9]+(.[0-9]+)?`, or InvoiceDate is not a real `YYYY-MM-DD HH:MM[:SS]` (years 0001 to 9999).
* Otherwise it is a *return* when InvoiceNo starts with a capital C, whatever its quantity and price; a *sale* when
  InvoiceNo is all digits (0 to 9), Quantity > 0 and UnitPrice > 0; and an *adjustment* in every other case.
* A CustomerID is compared without a trailing ".0"; stock codes and countries are compared as written; an empty
  Country is "Unspecified".
* Months and countries are listed when any row that is not rejected falls in them, even if their net is nothing.
* Top products rank by gross revenue, equal ones by stock code in byte order.
* Amounts are plain decimals with two fraction digits, or as many more as they need.

Limits, which raise instead of giving a wrong sum: 14 digits of quantity, 14 + 8 of price.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

FIELDS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")

# str.strip's whitespace, spelt for RE2: \p{Z} holds every kind of space and line separator.
_SPACE = r"[\t-\r\x1c-\x1f\x{85}\p{Z}]+"

_READ = """
CREATE TABLE raw AS SELECT {fields} FROM read_csv(
    $path, auto_detect=false, header=true, delim=',', quote='"', escape='"', columns={columns},
    null_padding=true, parallel=false, compression=$compression)
"""

_CHECK = r"""
CREATE TABLE checked AS SELECT *,
    InvoiceNo <> '' AND StockCode <> ''
    AND regexp_full_match(Quantity, '[+-]?[0-9]+')
    AND regexp_full_match(UnitPrice, '[+-]?[0-9]+(\.[0-9]+)?')
    AND regexp_full_match(InvoiceDate, '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2})?')
    AND InvoiceDate[1:4] <> '0000'
    AND coalesce(try_strptime(InvoiceDate, ['%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M'])) IS NOT NULL AS ok
FROM raw
"""

_TYPE = """
CREATE TABLE typed AS SELECT
    InvoiceNo AS invoice, StockCode AS stock_code, regexp_replace(CustomerID, '[.]0$', '') AS customer,
    InvoiceDate[1:7] AS month, if(Country = '', 'Unspecified', Country) AS country,
    CAST(Quantity AS DECIMAL(14, 0)) AS quantity, CAST(UnitPrice AS DECIMAL(22, 8)) AS price,
    len(split_part(UnitPrice, '.', 2)) AS places
FROM checked WHERE ok
"""

_KIND = """
CREATE TABLE facts AS SELECT *, CAST(quantity * price AS DECIMAL(38, 8)) AS amount,
    CASE WHEN starts_with(invoice, 'C') THEN 'return'
         WHEN regexp_full_match(invoice, '[0-9]+') AND quantity > 0 AND price > 0 THEN 'sale'
         ELSE 'adjustment' END AS kind
FROM typed
"""

_COUNTS = """
SELECT count(DISTINCT invoice) FILTER (kind = 'sale'), count(DISTINCT invoice) FILTER (kind = 'return'),
    count(*) FILTER (kind = 'adjustment'),
    count(DISTINCT customer) FILTER (kind <> 'adjustment' AND customer <> ''),
    count(DISTINCT stock_code) FILTER (kind = 'sale')
FROM facts
"""

_SUMS = """
SELECT coalesce(sum(amount) FILTER (kind = 'sale'), 0), coalesce(sum(-amount) FILTER (kind = 'return'), 0),
    coalesce(sum(amount) FILTER (kind = 'adjustment'), 0), coalesce(sum(amount), 0)
FROM facts
"""

_TOP = """
SELECT stock_code, sum(quantity), sum(amount) AS revenue FROM facts WHERE kind = 'sale'
GROUP BY stock_code ORDER BY revenue DESC, stock_code LIMIT 10
"""


def oracle(csv_path: str | Path) -> dict[str, Any]:
    """Return the report over the file (plain, or gzip when its name ends in .gz), as the rules above define it."""
    with duckdb.connect() as db:
        _load(db, str(csv_path))
        return _report(db)


def amount(value: Decimal | int) -> str:
    """Write an exact amount without exponent, with two fraction digits or as many more as it needs."""
    whole, _, fraction = f"{Decimal(value):f}".partition(".")
    text = f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
    return "0.00" if text == "-0.00" else text


def _load(db: duckdb.DuckDBPyConnection, path: str) -> None:
    fields = ", ".join(f"regexp_replace(coalesce({f}, ''), '^{_SPACE}|{_SPACE}$', '', 'g') AS {f}" for f in FIELDS)
    read = _READ.format(fields=fields, columns=dict.fromkeys(FIELDS, "VARCHAR"))
    db.execute(read, {"path": path, "compression": "gzip" if path.endswith(".gz") else "none"})
    db.execute(_CHECK)
    db.execute(_TYPE)
    if _one(db, "SELECT count(*) FROM typed WHERE places > 8")[0]:
        raise ValueError(f"{path}: a price has more than 8 fraction digits; the oracle would round it")
    db.execute(_KIND)


def _report(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    rows, rejected = _one(db, "SELECT count(*), count(*) FILTER (NOT ok) FROM checked")
    orders, returns, adjustment_rows, customers, products = _one(db, _COUNTS)
    gross, returned, adjusted, net = map(amount, _one(db, _SUMS))
    return {
        "rows": rows,
        "rejected": rejected,
        "orders": orders,
        "returns": returns,
        "adjustment_rows": adjustment_rows,
        "customers": customers,
        "products": products,
        "gross": gross,
        "returned": returned,
        "adjusted": adjusted,
        "net": net,
        "by_month": _net_by(db, "month"),
        "by_country": _net_by(db, "country"),
        "top_products": _top_products(db),
    }


def _net_by(db: duckdb.DuckDBPyConnection, key: str) -> dict[str, str]:
    found = db.execute(f"SELECT {key}, sum(amount) FROM facts GROUP BY {key} ORDER BY {key}").fetchall()
    return {k: amount(net) for k, net in found}


def _top_products(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    found = db.execute(_TOP).fetchall()
    return [{"stock_code": code, "quantity": int(n), "revenue": amount(revenue)} for code, n, revenue in found]


def _one(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = db.execute(sql).fetchone()
    assert row is not None
    return row
