"""Asking the shop by its contract: what it answers as values, what it refuses as the errors that pages know."""

import asyncio
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from headwater.errors import BadInput, Rejected
from headwater_shop.contract import PREFIX
from headwater_shop.web.backend import NoAnswer

T = TypeVar("T")

LOOKING: Final = 10.0  # seconds that an answer may take
DOING: Final = 35.0  # longer than the patience of whoever is behind the front door
DECLINED: Final = 402
_REPEATABLE: Final = frozenset({"GET", "PUT"})


class _Problem(msgspec.Struct):
    detail: str = ""
    title: str = ""
    code: str = "rejected"


class ContractClient:
    """Asks over an httpx client whose base address is the shop's; closing that is for whoever made it.

    Every call raises NoAnswer where none came in time, or only one that somebody behind the front door did not give.
    A connection that breaks is tried once more, where what was asked may be repeated.
    """

    def __init__(self, client: httpx.AsyncClient, *, looking: float = LOOKING, doing: float = DOING) -> None:
        self._client = client
        self._looking = looking
        self._doing = doing

    async def get(self, of: type[T], *parts: str, **params: str | int) -> T | None:
        """What is there, None where nothing is."""
        answer = await self._ask("GET", parts, params=params)
        return None if answer.status_code == 404 else _read(answer, of)

    async def do(self, method: str, content: Any, *parts: str) -> httpx.Response:
        """Have something changed. The answer is 2xx, or 402 for a card that was declined. Raises Rejected."""
        body = msgspec.json.encode(content)
        answer = await self._ask(method, parts, content=body, headers={"content-type": "application/json"})
        if answer.status_code == 404:
            raise Rejected(_problem(answer).detail or "there is no such thing", "not_found")
        return answer

    async def _ask(self, method: str, parts: tuple[str, ...], **options: Any) -> httpx.Response:
        path = "/".join((PREFIX, *(quote(part, safe="") for part in parts)))
        what, changed = f"{method} {path}", method != "GET"
        try:
            async with asyncio.timeout(self._looking if method == "GET" else self._doing):
                answer = await self._sent(method, path, options)
        except TimeoutError:
            raise NoAnswer(what, "it took too long", changed=changed) from None
        except httpx.HTTPError as error:
            raise NoAnswer(what, str(error) or type(error).__name__, changed=changed) from error
        return _checked(answer, what, changed=changed)

    async def _sent(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        if method in _REPEATABLE:
            with suppress(httpx.NetworkError, httpx.RemoteProtocolError):
                return await self._client.request(method, path, timeout=None, **options)
        return await self._client.request(method, path, timeout=None, **options)


def _checked(answer: httpx.Response, what: str, *, changed: bool) -> httpx.Response:
    status = answer.status_code
    if status < 400 or status in (404, DECLINED):
        return answer
    if status == 409:
        problem = _problem(answer)
        raise Rejected(problem.detail or problem.title or "a rule refuses it", problem.code)
    if status < 500 and status != 429:
        raise BadInput(f"{what} was answered {status}: {_problem(answer).detail[:200]}")
    raise NoAnswer(what, f"status {status}", changed=changed)


def _read(answer: httpx.Response, of: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=of)
    except ValueError as error:
        raise NoAnswer(str(answer.request.url.path), f"the answer makes no sense: {error}") from error


def _problem(answer: httpx.Response) -> _Problem:
    try:
        return msgspec.json.decode(answer.content, type=_Problem)
    except ValueError:
        return _Problem()
