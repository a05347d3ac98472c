"""/openapi.json is exact: a fuzzer that believes it finds nothing that it does not say."""

import asyncio
import dataclasses
import sys
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from http_support import CancelOrder, Order, OrderEvent, PlaceOrder, Served, app, decide, orders, over_http, summaries

from headwater.app import Runtime
from headwater.fold import App
from headwater.http import http_app, serving


def _without_bugs(command: PlaceOrder | CancelOrder, order: Order) -> list[OrderEvent]:
    return decide(command, order)


# A rejection is a fine answer to what the schema allows; so is 409 to a position that is not there yet. Which names a
# stream may have (no control characters) is more than a pattern can say that every tool understands.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "409", "422"]

[[operations]]
include-operation-id = "stream"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400"]
"""


def test_a_fuzzer_finds_nothing(tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    fine = App("tiny", deciders=[dataclasses.replace(orders, decide=_without_bugs)], views=[summaries])

    async def main() -> None:
        async with Runtime.open(fine) as runtime, serving(http_app(runtime)) as address:
            for number in range(3):
                await runtime.execute(PlaceOrder(f"o{number}", "c1"))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run",
                f"{address.url}/openapi.json", "--max-examples", "6", "--seed", "1", "--no-color",
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
            )  # fmt: skip
            out, _ = await process.communicate()
            assert process.returncode == 0, out.decode()
            assert "Operations:       8 selected / 8 total" in out.decode()

    asyncio.run(asyncio.wait_for(main(), 120))


def _schema(document: dict[str, Any], path: str, method: str, status: int) -> dict[str, Any]:
    (content,) = document["paths"][path][method]["responses"][str(status)]["content"].values()
    return {**content["schema"], "components": document["components"]}


@over_http
async def test_the_document_names_everything(server: Served) -> None:
    document = (await server.client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/"}]
    assert set(document["paths"]) == {
        "/commands/order.place", "/commands/order.cancel", "/commands/order.break", "/views/order_summary/{key}",
        "/views/order_summary", "/events", "/streams/{stream}", "/health", "/ready", "/openapi.json",
    }  # fmt: skip
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert "200" in operation["responses"], path
    names = {each["name"] for each in document["paths"]["/views/order_summary"]["get"]["parameters"]}
    assert names == {"order_id", "customer_id", "status", "total", "changes", "big", "placed_at", "weight",
                     "order_by", "limit", "offset", "after", "timeout"}  # fmt: skip


@over_http
async def test_answers_are_as_the_document_says(server: Served) -> None:
    document = (await server.client.get("/openapi.json")).json()
    answers: list[tuple[str, str, httpx.Response]] = [
        ("/commands/order.place", "post", await server.place("o1", total="1E+3")),
        ("/commands/order.place", "post", await server.place("o1")),
        ("/commands/order.break", "post", await server.post("order.break", {"order_id": "x"})),
        ("/views/order_summary/{key}", "get", await server.client.get("/views/order_summary/o1?after=1")),
        ("/views/order_summary/{key}", "get", await server.client.get("/views/order_summary/o2")),
        ("/views/order_summary", "get", await server.client.get("/views/order_summary")),
        ("/views/order_summary", "get", await server.client.get("/views/order_summary?x=1")),
        ("/ready", "get", await server.client.get("/ready")),
        ("/health", "get", await server.client.get("/health")),
    ]
    for path, method, answer in answers:
        schema = _schema(document, path, method, answer.status_code)
        jsonschema_rs.Draft202012Validator(schema).validate(answer.json())
    schema = _schema(document, "/commands/order.place", "post", 200)
    with pytest.raises(jsonschema_rs.ValidationError):  # the schema can tell
        jsonschema_rs.Draft202012Validator(schema).validate({"id": "x"})


@over_http
async def test_the_actor_header_is_told_only_where_it_counts(server: Served) -> None:
    def headers(document: dict[str, Any]) -> set[str]:
        return {each["name"] for each in document["paths"]["/commands/order.place"]["post"]["parameters"]}

    assert headers((await server.client.get("/openapi.json")).json()) == {
        "Idempotency-Key", "X-Correlation-ID", "traceparent",
    }  # fmt: skip
    async with serving(http_app(server.runtime, actor_header="X-User")) as address:
        document = (await server.client.get(f"{address.url}/openapi.json")).json()
        assert "X-User" in headers(document)
    assert app.name == document["info"]["title"]
