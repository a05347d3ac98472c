"""`http_app`: an application's endpoints as a Starlette app, to be served as it is or mounted under another."""

from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from headwater.app import Runtime
from headwater.http.commands import Commands
from headwater.http.deadlines import Deadlines
from headwater.http.events import Events
from headwater.http.ingest import Ingest, methods
from headwater.http.limits import Limits
from headwater.http.openapi import Document
from headwater.http.problems import Fault, Problem, for_status, problem_of
from headwater.http.sse import EventStreams
from headwater.http.topics import Topics
from headwater.http.views import Views
from headwater.http.wire import JSON, Endpoint, Handle, respond, timed

COMMANDS = "/commands/"


def http_app(runtime: Runtime, *, limits: Limits | None = None, actor_header: str = "") -> Starlette:
    """Commands, views, events and topics of a running application over HTTP.

    POST /commands/{name} · GET /views/{view}/{key} · GET /views/{view}?field=value · GET /events · GET
    /streams/{stream} · POST and GET /topics/{topic}, GET /topics (where there are topics) · GET /health, /ready and
    /openapi.json. Errors are problem details (RFC 9457).
    `actor_header` names the header in which a gateway in front says who asks; by default nobody is believed.
    The runtime stays its opener's: it must be open for as long as this is served.
    """
    limits = limits or Limits()
    commands = Endpoint(Commands(runtime, limits, actor_header))
    app = Application(
        commands,
        routes=[Route(f"{COMMANDS}{{name}}", commands, methods=["POST"]), *_routes(runtime, limits, actor_header)],
        exception_handlers={HTTPException: _http_exception, Exception: _exception},
    )
    app.router.redirect_slashes = False  # each path has one form, and the document names it
    return app


class Application(Starlette):
    """Starlette, past which commands go straight to their endpoint: it answers for its own errors, and routing and
    middleware would cost as much again as reading the request and answering it."""

    def __init__(self, commands: Endpoint, **options: Any) -> None:
        super().__init__(**options)
        self._commands = commands

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if name := _command_name(scope):
            scope["path_params"] = {"name": name}
            await self._commands(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _command_name(scope: Scope) -> str:
    """The last part of the path of a POST to a command; empty for anything else."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return ""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    name = path[len(COMMANDS) :] if path.startswith(COMMANDS) else ""
    return "" if "/" in name else name


def _routes(runtime: Runtime, limits: Limits, actor_header: str) -> list[Route]:
    streams, time = EventStreams(limits), Deadlines(limits.request_timeout)
    views, events, watch = Views(runtime, limits), Events(runtime, limits, streams), Health(runtime)
    get: list[tuple[str, Handle]] = [
        ("/views/{view}/{key:path}", timed(views.row, time)),
        ("/views/{view}", timed(views.rows, time)),
        ("/events", events.all),
        ("/streams/{stream:path}", events.stream),
        ("/health", watch.health),
        ("/ready", timed(watch.ready, time)),
        ("/openapi.json", Document(runtime, limits, actor_header)),
    ]
    topics = _topics(runtime, limits, actor_header, time) if runtime.app.topics else []
    return topics + [Route(path, Endpoint(handle), methods=["GET"]) for path, handle in get]


def _topics(runtime: Runtime, limits: Limits, actor_header: str, time: Deadlines) -> list[Route]:
    topics, ingest = Topics(runtime), Ingest(runtime, limits, actor_header)
    show = timed(topics.one, time)

    async def topic(scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "POST":
            await ingest(scope, receive, send)
        elif method in ("GET", "HEAD"):
            await show(scope, receive, send)
        else:
            allowed = methods(runtime.producer(scope["path_params"]["topic"]).topic)
            raise Fault(405, "method-not-allowed", f"{method} is not for this path.", headers=[(b"allow", allowed)])

    return [
        Route("/topics", Endpoint(timed(topics.all, time)), methods=["GET"]),
        Route("/topics/{topic}", Endpoint(topic)),
    ]


class Health:
    """Whether the process lives, and whether it can work."""

    def __init__(self, runtime: Runtime) -> None:
        self._store = runtime.store

    async def health(self, scope: Scope, receive: Receive, send: Send) -> None:
        """It answers, so it lives."""
        await respond(send, 200, b'{"status":"ok"}', JSON)

    async def ready(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ready when the store answers."""
        head = await self._store.head()
        await respond(send, 200, msgspec.json.encode({"status": "ready", "head": head}), JSON)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = [(name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()]
    detail = f"{request.method} is not for this path." if error.status_code == 405 else "Nothing is at this path."
    return _response(for_status(error.status_code, detail, headers))


async def _exception(request: Request, error: Exception) -> Response:
    return _response(problem_of(error))


def _response(problem: Problem) -> Response:
    headers: dict[str, Any] = {name.decode(): value.decode() for name, value in problem.headers}
    return Response(problem.body, problem.status, headers)
