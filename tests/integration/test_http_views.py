"""GET /views over a real server: by key, by fields, as of a position."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from http_support import Served, app, over_http, served

from headwater import errors
from headwater.http import Limits, http_app
from headwater.http.problems import RULES, problem_of


async def _ids(server: Served, question: str) -> list[str]:
    answer = await server.client.get(f"/views/order_summary?after={await server.runtime.store.head()}&{question}")
    assert answer.status_code == 200, answer.text
    return [row["order_id"] for row in answer.json()]


@over_http
async def test_a_row_as_of_the_position_that_a_command_returned(server: Served) -> None:
    placed = await server.place("o1", total="200.00")
    position = placed.headers["headwater-position"]
    answer = await server.client.get("/views/order_summary/o1", params={"after": position})
    assert answer.status_code == 200
    assert int(answer.headers["headwater-position"]) >= int(position)
    assert answer.json() == {
        "order_id": "o1", "customer_id": "c1", "status": "placed", "total": "200.00", "changes": 1, "big": True,
        "placed_at": "2024-01-01T00:00:00Z", "history": ["placed"], "weight": None,
    }  # fmt: skip


@over_http
async def test_no_such_row_and_no_such_view(server: Served) -> None:
    answer = await server.client.get("/views/order_summary/nobody%2Fhere")
    assert (answer.status_code, answer.json()["key"]) == (404, "nobody/here")
    answer = await server.client.get("/views/nothing")
    assert (answer.status_code, answer.json()["known"]) == (404, ["order_summary"])


@over_http
async def test_rows_by_their_fields(server: Served) -> None:
    for number, customer in enumerate(["c1", "c2", "c1", "c3"]):
        await server.place(f"o{number}", customer, total=f"{number * 50}.00")
    await server.post("order.cancel", {"order_id": "o0"})
    assert await _ids(server, "customer_id=c1&order_by=order_id") == ["o0", "o2"]
    assert await _ids(server, "customer_id=c2&customer_id=c3&order_by=-order_id") == ["o3", "o1"]
    assert await _ids(server, "status=cancelled") == ["o0"]
    assert await _ids(server, "big=true&order_by=order_id") == ["o2", "o3"]
    assert await _ids(server, "changes=2") == ["o0"]
    assert await _ids(server, "total=50.00") == ["o1"]
    assert await _ids(server, "weight=null&order_by=order_id&limit=2&offset=1") == ["o1", "o2"]
    assert await _ids(server, "order_by=-customer_id,-order_id") == ["o3", "o1", "o2", "o0"]
    at = datetime(2024, 1, 1, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    assert len(await _ids(server, f"placed_at={at}")) == 4


WRONG = {
    "colour=red": "unknown-parameter",
    "history=x": "unknown-parameter",
    "changes=many": "malformed-data",
    "changes=99999999999999999999": "malformed-data",
    "status=eaten": "malformed-data",
    "big=perhaps": "malformed-data",
    "total=cheap": "malformed-data",
    "placed_at=yesterday": "malformed-data",
    "order_by=colour": "malformed-data",
    "order_by=history": "malformed-data",
    "order_by=": "malformed-data",
    "limit=0": "malformed-data",
    "limit=1001": "malformed-data",
    "limit=1&limit=2": "malformed-data",
    "limit=1_0": "malformed-data",
    "offset=-1": "malformed-data",
    "after=x": "malformed-data",
    "timeout=nan": "malformed-data",
    "timeout=31": "malformed-data",
    "&".join(f"x{i}=1" for i in range(1001)): "malformed-data",
    "&".join(["order_id=x"] * 101): "malformed-data",
}


def test_what_cannot_be_asked_is_a_400() -> None:
    async def main() -> None:
        async with served() as server:
            for question, problem in WRONG.items():
                answer = await server.client.get(f"/views/order_summary?{question}")
                assert answer.status_code == 400, question
                assert answer.json()["type"] == f"urn:headwater:problem:{problem}", question
            assert "changes" in (await server.client.get("/views/order_summary?colour=red")).json()["known"]

    asyncio.run(main())


@over_http
async def test_a_position_that_nobody_was_given_is_not_waited_for(server: Served) -> None:
    for path in ("/views/order_summary/o1", "/views/order_summary"):
        answer = await server.client.get(path, params={"after": 99})
        assert (answer.status_code, answer.json()["head"]) == (409, 0)


@over_http
async def test_a_view_that_lags_is_a_503_to_come_again(server: Served) -> None:
    await server.place("o1")

    async def lags(*_args: Any, **_more: Any) -> None:
        raise errors.NotYetVisible("order_summary", 1, 0)

    server.runtime.get = lags  # type: ignore[method-assign]
    answer = await server.client.get("/views/order_summary/o1?after=1&timeout=0.5")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:headwater:problem:not-yet-visible")
    assert (answer.json()["position"], answer.json()["reached"]) == (1, 0)
    assert answer.headers["retry-after"] == "1"


CASES: list[tuple[Exception, int, dict[str, Any]]] = [
    (errors.MalformedData("x", "y"), 400, {"what": "x", "why": "y"}),
    (errors.InvalidName("stream name", " ", "no"), 400, {"what": "stream name"}),
    (errors.UnknownType("command", "x", ("y",)), 404, {"name": "x", "known": ["y"]}),
    (errors.EventTooLarge("e", 2, 1), 413, {"size": 2, "limit": 1, "event_type": "e"}),
    (errors.BadInput("no"), 400, {"detail": "no"}),
    (errors.Rejected("no", "full", left=0), 422, {"code": "full", "facts": {"left": 0}}),
    (errors.WrongExpectedVersion("s", 1, 2), 409, {"stream": "s", "expected": 1, "actual": 2}),
    (errors.ConditionFailed(2, 1), 409, {"position": 2, "after": 1}),
    (errors.IdReused("i"), 422, {"id": "i"}),
    (errors.Overloaded("queue", 5, 2.5), 503, {"bound": 5}),
    (errors.Fenced("v"), 503, {}),
    (errors.StoreFull("/secret.db"), 507, {}),
    (errors.StoreLocked("/secret.db"), 503, {}),
    (errors.StoreReadOnly("/secret.db"), 503, {}),
    (errors.StoreCorrupt("/secret.db"), 503, {}),
    (errors.StoreTooNew("/secret.db"), 503, {}),
    (errors.StoreClosed("/secret.db"), 503, {}),
    (errors.UnknownType("event type", "old (version 1)"), 500, {}),
    (errors.MalformedData("event 'old' version 1", "/secret"), 500, {}),
    (errors.DeclarationError("/secret"), 500, {}),
    (ValueError("/secret"), 500, {}),
]


@pytest.mark.parametrize(("error", "status", "facts"), CASES, ids=lambda each: type(each).__name__)
def test_every_error_is_a_problem(error: Exception, status: int, facts: dict[str, Any]) -> None:
    made = problem_of(error)
    body = msgspec.json.decode(made.body)
    assert (made.status, body["status"]) == (status, status)
    assert body["type"].startswith("urn:headwater:problem:")
    assert body.items() >= facts.items()
    assert b"secret" not in made.body
    assert HTTPStatus(status)


def test_overload_says_when_to_come_again() -> None:
    assert (b"retry-after", b"3") in problem_of(errors.Overloaded("queue", 5, 2.5)).headers


def test_no_rule_hides_behind_another() -> None:
    for number, rule in enumerate(RULES):
        assert not any(issubclass(rule.error, before.error) for before in RULES[:number]), rule.slug


def test_facts_that_json_cannot_say_are_told_as_they_print() -> None:
    made = problem_of(errors.Rejected("no", "odd", what=object))
    assert msgspec.json.decode(made.body)["facts"]["what"].startswith("<class")


@over_http
async def test_it_lives_and_is_ready(server: Served) -> None:
    assert (await server.client.get("/health")).json() == {"status": "ok"}
    await server.place("o1")
    assert (await server.client.get("/ready")).json() == {"status": "ready", "head": 1}
    await server.runtime.store.close()
    assert (await server.client.get("/health")).status_code == 200
    closed = await server.client.get("/ready")
    assert (closed.status_code, closed.json()["type"]) == (503, "urn:headwater:problem:store-closed")


def test_limits_are_checked() -> None:
    for wrong in ({"max_body_bytes": 0}, {"max_wait": 60.0}, {"page": 5000}):
        with pytest.raises(errors.DeclarationError):
            Limits(**wrong)  # type: ignore[arg-type]


def test_the_app_needs_no_server_of_ours() -> None:
    assert http_app.__doc__
    assert app.name == "tiny"
