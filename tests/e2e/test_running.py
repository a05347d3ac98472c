"""`headwater shop` from the outside: it fills itself, finds a port, tells what it did, and ends cleanly."""

import http.client
import json
import socket
import subprocess
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from real_shop import HEADWATER, headwater, running

from headwater_shop.seed import write_csv


def test_a_new_shop_fills_itself_and_remembers(tmp_path: Path) -> None:
    with running("--port", "0", cwd=tmp_path) as (url, _process):
        assert _get(url, "/").count('class="tile"') >= 8
    store = f"sqlite:///{tmp_path / 'var' / 'shop.db'}"
    first = headwater("shop", "report", "--json", "--store", store)
    assert json.loads(first)["orders"] > 500
    with running("--port", "0", cwd=tmp_path) as (url, _process):
        _get(url, "/report")
    assert headwater("shop", "report", "--json", "--store", store) == first
    assert sorted(each.name for each in (tmp_path / "var").iterdir()) == ["shop-topics.db", "shop.db"]


def test_a_port_that_is_taken_makes_way_for_the_next(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with running("--store", "memory:", "--port", str(taken), cwd=tmp_path) as (url, _process):
            port = urlsplit(url).port
            assert port is not None
            assert taken < port <= taken + 50


def test_it_ends_at_once_while_someone_watches_an_order(tmp_path: Path) -> None:
    line = {"stock_code": "x", "name": "X", "quantity": 1, "unit_price": "1"}
    moment = {"at": "2026-01-01T00:00:00Z"}
    with running("--store", "memory:", "--port", "0", "--payment-delay", "600", cwd=tmp_path) as (url, _process):
        _post(
            url, "product.list", {"stock_code": "x", "name": "X", "category": "", "price": "1", "on_hand": 5, **moment}
        )
        order = {"order_id": "waiting", "customer_id": "c", "customer_name": "C", "address": {}, "lines": [line]}
        _post(url, "order.place", {**order, **moment})
        watching = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        answer = _ask(watching, "/orders/waiting/live")
        while answer.status == 404:  # the view has not got to the order yet
            answer.read()
            answer = _ask(watching, "/orders/waiting/live")
        assert answer.status == 200
        while b"data-status" not in answer.readline():
            pass
    assert answer.read().endswith(b"\n")  # the stream was ended, not cut off
    watching.close()


def test_an_import_tells_what_it_found_and_what_it_refused(tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "month.csv", orders=60, start=date(2024, 3, 1), days=31)
    with (tmp_path / "month.csv").open("a") as file:
        file.write("700999,85123A,Broken,many,2024-03-01 10:00,2.55,17850,United Kingdom\n")
    store = ["--store", f"sqlite:///{tmp_path / 'shop.db'}"]
    first = json.loads(headwater("shop", "import", str(tmp_path / "month.csv"), *store, "--json"))
    assert (first["rows"], first["skipped_as_known"]) == (rows + 1, 0)
    again = json.loads(headwater("shop", "import", str(tmp_path / "month.csv"), *store, "--json"))
    assert again["skipped_as_known"] == again["rows"]
    refused = json.loads(headwater("shop", "rejected", *store, "--json"))
    assert len(refused) == first["rejected"]
    assert refused[-1]["line"] == rows + 2
    assert "'many' is no whole number" in refused[-1]["reason"]
    assert "by month" in headwater("shop", *store, "report")


def test_what_is_not_there_is_an_error_in_one_line(tmp_path: Path) -> None:
    for arguments in (
        ["report", "--store", "sqlite:///none.db"],
        ["import", "none.csv", "--store", "memory:"],
        ["work", "--store", "sqlite:///none.db"],
        ["work", "--store", "memory:", "--only", "nobody"],
    ):
        done = subprocess.run([HEADWATER, "shop", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1, done.stderr
    assert list(tmp_path.iterdir()) == []


def _get(url: str, path: str) -> str:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200
    text = answer.read().decode()
    connection.close()
    return text


def _post(url: str, command: str, fields: dict[str, object]) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("POST", f"/api/commands/{command}", json.dumps(fields), {"content-type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()


def _ask(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
    connection.request("GET", path)
    return connection.getresponse()
