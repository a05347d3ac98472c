"""Documents made of declarations: schemas, AsyncAPI, the catalogue; and drift from what goes around."""

import json
import os
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import jsonschema_rs
import msgspec
import pytest
from msgspec import Meta, Struct

from headwater import App, SqlView, Topic, consumer, event
from headwater.errors import DeclarationError
from headwater.messages import Kind
from headwater.schemas.asyncapi import asyncapi
from headwater.schemas.catalogue import as_markdown, catalogue
from headwater.schemas.describing import schema_of
from headwater.schemas.drift import drift
from headwater.schemas.examples import example_of
from headwater.schemas.page import as_html
from headwater.schemas.taking import taken
from headwater.upcasting import renamed, upcast


class Personal:
    """As another part of the library marks what is personal."""


class Line(Struct, frozen=True):
    sku: str
    price: Decimal


EXAMPLE = {"id": "o-1", "email": "ada@example.org", "lines": [{"sku": "tea", "price": "9.90"}], "note": "<b>"}


@event("order.placed", version=2, owner="sales & co", example=EXAMPLE)
class Placed:
    """Somebody wants to buy."""

    id: Annotated[str, Meta(description="It begins with o.", min_length=1)]
    email: Annotated[str, Personal()]
    lines: tuple[Line, ...]
    note: Annotated[str | None, Meta(extra={"classification": "confidential"})] = None


@event("order.shipped")
class Shipped:
    id: str
    weights: tuple[int, Annotated[float, Meta(gt=0)]]


@consumer("orders", "letters")
def letters(event: Placed) -> None:
    """Write to the customer."""


def evolve(event: Placed | Shipped) -> list[tuple[str, list[str]]]:
    return []


APP = App(
    "shop",
    views=[SqlView("sales", {}, evolve)],
    topics=[Topic("orders", events=(Placed, Shipped)), Topic("clicks")],
    consumers=[letters],
    upcasters=[upcast("order.placed", 1, renamed("mail", "email"))],
)


def references(node: Any) -> Iterator[str]:
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(each)
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]


def resolved(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def test_asyncapi_tells_who_sends_and_who_receives_what() -> None:
    document = asyncapi(APP, "1.2")
    assert document["asyncapi"] == "3.0.0"
    assert document["channels"]["orders"]["messages"].keys() == {"order.placed.v2", "order.shipped.v1"}
    operations = document["operations"]
    assert {name: each["action"] for name, each in operations.items()} == {
        "send_orders": "send", "send_clicks": "send", "receive_letters": "receive",
    }  # fmt: skip
    assert operations["receive_letters"]["messages"] == [{"$ref": "#/channels/orders/messages/order.placed.v2"}]
    assert all(resolved(document, each) for each in references(document))


def test_asyncapi_payloads_hold_for_their_examples() -> None:
    document = asyncapi(APP)
    for message in document["components"]["messages"].values():
        [example] = message["examples"]
        for schema, value in ((message["payload"], example["payload"]), (message["headers"], example["headers"])):
            whole = {"components": document["components"], "allOf": [schema]}
            validator = jsonschema_rs.Draft7Validator(whole, validate_formats=True)
            validator.validate(value)
            assert not validator.is_valid({})
    assert document["components"]["messages"]["order.placed.v2"]["examples"][0]["payload"] == EXAMPLE


PARSER = os.environ.get("HEADWATER_ASYNCAPI", "")
"""A folder in which `npm install @asyncapi/parser` was run."""
_VALIDATE = """
import { createRequire } from 'node:module';
const { Parser } = createRequire(process.argv[1])('@asyncapi/parser');
let text = ''; for await (const part of process.stdin) text += part;
const found = await new Parser().validate(text);
console.log(JSON.stringify(found.filter(each => each.severity === 0)));
"""

if PARSER:

    def test_the_asyncapi_project_s_own_parser_finds_no_fault() -> None:
        command = ["node", "--input-type=module", "-e", _VALIDATE, str(Path(PARSER) / "x.js")]
        done = subprocess.run(command, input=json.dumps(asyncapi(APP)), capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == []


def test_an_example_that_is_none_is_refused() -> None:
    @event("order.lost", example={"id": 7})
    class Lost:
        id: str

    with pytest.raises(DeclarationError, match=r"the example of event 'order\.lost' is none: Expected `str`"):
        example_of(Lost)


@pytest.mark.parametrize("cls", [Placed, Shipped])
def test_an_example_that_is_made_up_is_one(cls: type) -> None:
    example = example_of(cls)
    assert example is not None
    assert example.declared == (cls is Placed)
    msgspec.json.decode(msgspec.json.encode(example.value), type=cls)
    jsonschema_rs.Draft202012Validator(schema_of(cls), validate_formats=True).validate(example.value)


def test_the_catalogue_tells_owners_makers_takers_and_who_may_see_it() -> None:
    placed, shipped = catalogue(APP)
    assert (placed.type, placed.version, placed.owner) == ("order.placed", 2, "sales & co")
    assert (placed.producers, placed.topics) == (["relay orders"], ["orders"])
    assert placed.consumers == ["view sales", "consumer letters"]
    assert placed.classifications == ["confidential", "personal"]
    assert placed.becomes == {"1": ["order.placed 2"]}
    assert [row.name for row in placed.fields] == ["id", "email", "lines", "lines[].sku", "lines[].price", "note"]
    assert placed.fields[0].description == "It begins with o."
    assert not shipped.example_declared
    assert taken(APP).events["order.placed"].versions[2].schema is not None
    text = as_markdown(APP, [placed, shipped])
    assert "| `email` | text | yes | personal |" in text
    page = as_html(APP, [placed, shipped])
    assert "sales &amp; co" in page
    assert "&lt;b&gt;" in page
    assert "http" not in page, "it needs nothing from elsewhere"


def test_drift_tells_what_differs_and_how_often() -> None:
    sound = Kind("order.placed", 2), json.dumps(EXAMPLE).encode()
    fields = {name: value for name, value in EXAMPLE.items() if name != "note"}
    assert drift(APP.events, [sound] * 2) == []
    observed = [
        (Kind("order.placed", 2), json.dumps({**fields, "coupon": "X"}).encode()),
        (Kind("order.placed", 2), json.dumps({**fields, "id": 7, "lines": [{"sku": "tea", "size": 1}]}).encode()),
        (Kind("order.placed", 1), b"{}"),
        (Kind("order.shipped", 1), b"no"),
        (Kind("stock.counted", 1), b"{}"),
    ]
    found = {(each.kind.type, each.field, each.what, each.count, each.of) for each in drift(APP.events, observed)}
    assert found == {
        ("order.placed", "", "older version", 1, 1),
        ("order.placed", "coupon", "unknown field", 1, 2),
        ("order.placed", "id", "another form", 1, 2),
        ("order.placed", "lines[].price", "missing", 1, 2),
        ("order.placed", "lines[].size", "unknown field", 1, 2),
        ("order.placed", "note", "never seen", 2, 2),
        ("order.shipped", "", "not JSON", 1, 1),
        ("stock.counted", "", "unknown type", 1, 1),
    }
