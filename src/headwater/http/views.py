"""GET /views/{view}/{key} and GET /views/{view}?field=value: rows of views, as of a position if wanted."""

import dataclasses
from typing import Any, get_type_hints

import msgspec
from starlette.types import Receive, Scope, Send

from headwater.app import Runtime
from headwater.errors import UnknownType
from headwater.fold import View
from headwater.http.limits import Limits
from headwater.http.params import Params, malformed, typed
from headwater.http.problems import Fault
from headwater.http.wire import JSON, POSITION, respond

RESERVED = ("order_by", "limit", "offset", "after", "timeout")
"""Parameters with a meaning of their own: a field of such a name cannot be filtered by."""

DEFAULT_WAIT = 5.0

_SCALARS = (
    msgspec.inspect.StrType, msgspec.inspect.IntType, msgspec.inspect.BoolType, msgspec.inspect.FloatType,
    msgspec.inspect.DecimalType, msgspec.inspect.DateTimeType, msgspec.inspect.DateType, msgspec.inspect.EnumType,
    msgspec.inspect.LiteralType, msgspec.inspect.NoneType,
)  # fmt: skip


class Views:
    """Answers from the keyed views of an application."""

    def __init__(self, runtime: Runtime, limits: Limits) -> None:
        self._runtime = runtime
        self._limits = limits
        self._views = keyed_views(runtime)
        self._fields = {name: fields_of(view) for name, view in self._views.items()}
        self._encode = msgspec.json.Encoder().encode

    async def row(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One row by its key."""
        view, key = self._view(scope), scope["path_params"]["key"]
        params = Params(scope)
        after, timeout = self._as_of(params)
        params.done()
        await self._check_position(after)
        found = await self._runtime.get(view, key, after=after, timeout=timeout)
        if found is None:
            raise Fault(404, "no-such-row", f"View {view.name!r} has no row {key[:80]!r}.", view=view.name, key=key)
        await self._answer(send, view, found)

    async def rows(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rows whose fields equal the parameters of their names; a parameter given twice means either value."""
        view = self._view(scope)
        params, fields = Params(scope), self._fields[view.name]
        after, timeout = self._as_of(params)
        limit = params.whole("limit", self._limits.page, low=1, high=self._limits.max_page)
        offset = params.whole("offset", 0, high=self._limits.max_offset)
        order_by = _order(params, fields)
        where = {name: values for name in filters(fields) if (values := _values(params, name, fields[name]))}
        params.done()
        await self._check_position(after)
        found = await self._runtime.find(
            view, where=where, order_by=order_by, limit=limit, offset=offset, after=after, timeout=timeout
        )
        await self._answer(send, view, found)

    def _view(self, scope: Scope) -> View[Any, Any]:
        name = scope["path_params"]["view"]
        if name not in self._views:
            raise UnknownType("view", name[:80], tuple(self._views))
        return self._views[name]

    def _as_of(self, params: Params) -> tuple[int, float]:
        most = self._limits.max_wait
        return params.whole("after", 0), params.seconds("timeout", DEFAULT_WAIT, most)

    async def _check_position(self, after: int) -> None:
        """Waiting for a position that nobody was given would only hold a connection."""
        if after and after > (head := await self._runtime.store.head()):
            detail = f"Nothing is recorded at position {after} yet; the last one is {head}."
            raise Fault(409, "no-such-position", detail, position=after, head=head)

    async def _answer(self, send: Send, view: View[Any, Any], found: Any) -> None:
        reached = await self._runtime.queries.position(view.name)
        await respond(send, 200, self._encode(found), JSON, (POSITION, b"%d" % reached))


def keyed_views(runtime: Runtime) -> dict[str, View[Any, Any]]:
    """The views that have rows, by name."""
    return {view.name: view for view in runtime.app.views if isinstance(view, View)}


def fields_of(view: View[Any, Any]) -> dict[str, Any]:
    """The type of each field of a view's rows that holds a single value."""
    return {name: type for name, type in _all_fields(view.row) if _is_scalar(msgspec.inspect.type_info(type))}


def filters(fields: dict[str, Any]) -> list[str]:
    """The fields that rows can be asked for by."""
    return [name for name in fields if name not in RESERVED]


def _all_fields(row: Any) -> list[tuple[str, Any]]:
    if issubclass(row, msgspec.Struct):
        return [(field.name, field.type) for field in msgspec.structs.fields(row)]
    hints = get_type_hints(row)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(row)]


def _is_scalar(info: msgspec.inspect.Type) -> bool:
    if isinstance(info, msgspec.inspect.UnionType):
        return all(_is_scalar(each) for each in info.types)
    return isinstance(info, _SCALARS)


def _values(params: Params, name: str, type: Any) -> list[Any]:
    return [typed(name, text, type) for text in params.several(name)]


def _order(params: Params, fields: dict[str, Any]) -> tuple[str, ...]:
    words = params.words("order_by")
    for word in words:
        if word.removeprefix("-") not in fields:
            raise malformed("order_by", f"no field {word[:80]!r} to sort by; there are: {', '.join(fields)}")
    return words
