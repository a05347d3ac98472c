"""GET /openapi.json: what an application's declarations mean over HTTP, as an OpenAPI 3.1 document."""

from functools import partial
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from headwater.app import Runtime
from headwater.cloudevents import CloudEvent
from headwater.codec import command_name, kind_of
from headwater.fold import Decider, View
from headwater.http import describe as say
from headwater.http.commands import ID_PATTERN, KEY_PATTERN, MAX_CHARS, Done
from headwater.http.describe import Json
from headwater.http.describe_topics import TopicOperations
from headwater.http.limits import Limits
from headwater.http.params import MAX_INT, MAX_TAGS, MAX_VALUES
from headwater.http.schemas import ProblemDetails, Schemas
from headwater.http.views import DEFAULT_WAIT, fields_of, filters, keyed_views
from headwater.http.wire import JSON, JSON_BATCH, respond

_MEDIA = "application/json"
_TAG = {"type": "string", "pattern": "^[^,]+$"}
_SSE = "text/event-stream"


class Document:
    """The endpoint that serves the document; it is made once, for where the app is mounted."""

    def __init__(self, runtime: Runtime, limits: Limits, actor_header: str) -> None:
        self._parts = document(runtime, limits, actor_header)
        self._made: tuple[str, bytes] = ("", self._encoded(""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        if self._made[0] != root:
            self._made = (root, self._encoded(root))
        await respond(send, 200, self._made[1], JSON)

    def _encoded(self, root: str) -> bytes:
        return msgspec.json.encode(self._parts | {"servers": [{"url": root or "/"}]})


def document(runtime: Runtime, limits: Limits, actor_header: str = "") -> Json:
    """The document, but for `servers`."""
    app, schemas = runtime.app, Schemas()
    make = _Operations(schemas, limits, actor_header)
    paths: Json = {}
    for decider in app.deciders:
        for command in decider.commands:
            paths[f"/commands/{command_name(command)}"] = {"post": make.command(decider, command)}
    for view in keyed_views(runtime).values():
        paths[f"/views/{view.name}/{{key}}"] = {"get": make.row(view)}
        paths[f"/views/{view.name}"] = {"get": make.rows(view)}
    types = sorted({kind.type for kind in app.events.types})
    paths |= make.events(types) | TopicOperations(schemas, actor_header).paths(list(app.topics)) | make.others()
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": app.name, "version": "1", "description": say.ABOUT},
        "paths": paths,
        "components": {"schemas": schemas.components()},
    }


class _Operations:
    """Makes the operations; every status that can occur is among their responses."""

    def __init__(self, schemas: Schemas, limits: Limits, actor_header: str) -> None:
        self._ref = schemas.ref
        self._limits = limits
        self._actor = actor_header
        self._failures = partial(say.failures, schemas.ref(ProblemDetails))

    def command(self, decider: Decider[Any, Any, Any], command: type) -> Json:
        name = command_name(command)
        happened = [self._happened(cls) for cls in decider.events]
        answer = {"allOf": [self._ref(Done), {"properties": {"events": {"items": {"anyOf": happened}}}}]}
        headers = [
            say.header("Idempotency-Key", say.KEY, pattern=KEY_PATTERN, maxLength=MAX_CHARS),
            say.header("X-Correlation-ID", say.CORRELATION, pattern=ID_PATTERN, maxLength=MAX_CHARS),
            say.header("traceparent", say.TRACE),
        ]
        if self._actor:
            headers.append(say.header(self._actor, say.ACTOR, pattern=ID_PATTERN, maxLength=MAX_CHARS))
        return {
            "operationId": f"command.{name}",
            "summary": (command.__doc__ or name).strip().split("\n")[0],
            "tags": [decider.name],
            "parameters": headers,
            "requestBody": {"required": True, "content": {_MEDIA: {"schema": self._ref(command)}}},
            "responses": {
                "200": say.answer(say.DONE, answer, position=say.POSITION_OF_COMMAND),
                **self._failures(400, 408, 409, 413, 415, 422, 500, 503, 507),
            },
        }

    def _happened(self, event: type) -> Json:
        kind = kind_of(event)
        properties = {"type": {"const": kind.type}, "version": {"const": kind.version}, "data": self._ref(event)}
        return {"type": "object", "required": list(properties), "properties": properties}

    def row(self, view: View[Any, Any]) -> Json:
        key = {"name": "key", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        return {
            "operationId": f"view.{view.name}.get",
            "summary": f"One row of {view.name} by its key",
            "tags": [view.name],
            "parameters": [key, *self._as_of()],
            "responses": {
                "200": say.answer("The row.", self._ref(view.row), position=say.POSITION_OF_VIEW),
                **self._failures(400, 404, 409, 500, 503),
            },
        }

    def rows(self, view: View[Any, Any]) -> Json:
        fields = fields_of(view)
        order = [sign + name for name in fields for sign in ("", "-")]
        parameters = [self._filter(name, fields[name]) for name in filters(fields)]
        parameters += [
            say.words("order_by", say.ORDER, {"type": "string", "enum": order}),
            say.whole("limit", "Rows at most.", low=1, high=self._limits.max_page, default=self._limits.page),
            say.whole("offset", "Rows to leave out.", high=self._limits.max_offset, default=0),
            *self._as_of(),
        ]
        rows = {"type": "array", "items": self._ref(view.row), "maxItems": self._limits.max_page}
        return {
            "operationId": f"view.{view.name}.find",
            "summary": f"Rows of {view.name} by the values of their fields",
            "tags": [view.name],
            "parameters": parameters,
            "responses": {
                "200": say.answer("The rows.", rows, position=say.POSITION_OF_VIEW),
                **self._failures(400, 409, 500, 503),
            },
        }

    def _filter(self, name: str, type: Any) -> Json:
        schema = {"type": "array", "items": self._ref(type, query=True), "minItems": 1, "maxItems": MAX_VALUES}
        return {"name": name, "in": "query", "description": say.FILTER, "schema": schema}

    def _as_of(self) -> list[Json]:
        high = self._limits.max_wait
        wait = {"type": "number", "minimum": 0, "maximum": high, "default": min(DEFAULT_WAIT, high)}
        return [
            say.whole("after", say.AFTER_OF_VIEW, high=MAX_INT, default=0),
            {"name": "timeout", "in": "query", "description": say.TIMEOUT, "schema": wait},
        ]

    def events(self, types: list[str]) -> Json:
        of_all = [
            say.words("types", "Only events of these types.", {"type": "string", "enum": types}),
            say.words("tags", "Only events that bear all of these tags.", _TAG, MAX_TAGS),
        ]
        name = {"type": "string", "minLength": 1, "maxLength": MAX_CHARS}
        stream = {"name": "stream", "in": "path", "required": True, "schema": name}
        return {
            "/events": {"get": self._recorded("events", "All events", say.AFTER_POSITION, of_all, page=True)},
            "/streams/{stream}": {"get": self._recorded("stream", "Events of a stream", say.AFTER_VERSION, [stream])},
        }

    def _recorded(self, id: str, summary: str, after: str, parameters: list[Json], *, page: bool = False) -> Json:
        limits = self._limits
        last = {"name": "Last-Event-ID", "in": "header", "description": say.LAST_EVENT_ID}
        parameters = [
            *parameters,
            say.whole("after", after, high=MAX_INT, default=0),
            say.whole("limit", "Events at most (not of SSE).", low=1, high=limits.max_page, default=limits.page),
            last | {"schema": {"type": "integer", "minimum": 0, "maximum": MAX_INT}},
        ]
        found = {"type": "array", "items": self._ref(CloudEvent), "maxItems": limits.max_page}
        answer = say.answer(say.EVENTS, found)
        answer["content"] |= {JSON_BATCH.decode(): {"schema": found}, _SSE: {"schema": {"type": "string"}}}
        if page:
            answer["headers"] = say.PAGE_HEADERS
        return {
            "operationId": id,
            "summary": summary,
            "tags": ["events"],
            "parameters": parameters,
            "responses": {"200": answer, **self._failures(400, 500, 503)},
        }

    def others(self) -> Json:
        ok = say.closed({"status": {"const": "ok"}})
        ready = say.closed({"status": {"const": "ready"}, "head": {"type": "integer", "minimum": 0}})
        return {
            "/health": {"get": self._plain("health", "Whether the process lives", ok)},
            "/ready": {"get": self._plain("ready", "Whether it can work", ready, 500, 503)},
            "/openapi.json": {"get": self._plain("openapi", "This document", {"type": "object"})},
        }

    def _plain(self, id: str, summary: str, schema: Json, *failures: int) -> Json:
        responses = {"200": say.answer("It is so.", schema), **self._failures(*failures)}
        return {"operationId": id, "summary": summary, "tags": ["operations"], "responses": responses}
