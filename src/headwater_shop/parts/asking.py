"""Asking another service over HTTP: as a naive programmer would, or hardened."""

import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any, Final, Literal, Protocol

import httpx
import msgspec

from headwater.errors import CircuitOpen, HeadwaterError, Overloaded, Rejected, TimedOut
from headwater.flow.breaker import Breaker, is_failure
from headwater.flow.budget import RetryBudget
from headwater.flow.limiter import Bulkhead
from headwater.flow.resilient import resilient
from headwater.flow.retry import Retry, Verdict

if find_spec("sniffio") is None:
    # httpcore tries to import it in every request, and looking through all folders each time costs more than the rest.
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]

Manner = Literal["naive", "hardened"]

PATIENCE: Final = 30.0  # seconds, of the naive
TIMEOUT: Final = 1.5  # seconds for an attempt of the hardened, unless said otherwise
ATTEMPTS: Final = 3
AT_ONCE, WAITING = 64, 64
BREAK: Final = 1.0  # seconds for which a service that fails is left alone
_CONNECTIONS = httpx.Limits(max_connections=500, max_keepalive_connections=100, keepalive_expiry=20)
_HEADERS: Final = {"content-type": "application/json"}


class NoAnswer(HeadwaterError):
    """A service did not answer, or not as it should: nobody knows what came of it. `status` is what to tell whoever
    asked us."""

    def __init__(self, who: str, why: str, status: int = 502) -> None:
        super().__init__(f"{who} did not answer: {why}")
        self.who = who
        self.why = why
        self.status = status


class Unreached(NoAnswer):
    """It could not even be asked, or its connection broke: another attempt is soon made."""


class Behind(NoAnswer):
    """It is there, but somebody behind it did not answer: that is not held against it."""


class Answered(msgspec.Struct, frozen=True):
    """An answer that is no error's, or that of somebody who answers 402 or 404."""

    status: int
    body: bytes


class _Told(msgspec.Struct):
    """What problem details tell."""

    detail: str = ""
    code: str = ""
    facts: dict[str, Any] = {}


class Peer(Protocol):
    """A service that can be asked."""

    async def ask(self, method: str, path: str, body: bytes = b"", *, within: float | None = None) -> Answered:
        """Its answer: 2xx, 402 or 404. Raises Rejected for a 409, as if the rule stood here, and NoAnswer. Who is
        hardened may ask again, so all that is asked must be safe to ask twice; `within` is for what takes its time."""


class Naive:
    """Asks once, and waits for as long as its library does."""

    def __init__(self, name: str, url: str, client: httpx.AsyncClient) -> None:
        self._name = name
        self._url = url
        self._client = client

    async def ask(self, method: str, path: str, body: bytes = b"", *, within: float | None = None) -> Answered:
        try:
            came = await self._client.request(method, self._url + path, content=body or None, headers=_HEADERS)
        except httpx.TimeoutException as error:
            raise NoAnswer(self._name, type(error).__name__, 504) from error
        except (httpx.HTTPError, AttributeError) as error:
            # httpcore asks a new connection for its socket, and one that was reset meanwhile has none.
            raise Unreached(self._name, f"{type(error).__name__} {error}") from error
        return _answered(self._name, came)


class Hardened:
    """A limit of time for each attempt, retries within a budget, a breaker, and a bound on how many ask at once."""

    def __init__(self, name: str, url: str, client: httpx.AsyncClient) -> None:
        self._name = name
        self._peer = Naive(name, url, client)
        self._budget = RetryBudget()
        self._breaker = Breaker(name, pause=BREAK, counts=_speaks_against)
        self._bulkhead = Bulkhead(name, AT_ONCE, waiting=WAITING)
        self._asks: dict[float | None, Callable[..., Awaitable[Answered]]] = {}

    async def ask(self, method: str, path: str, body: bytes = b"", *, within: float | None = None) -> Answered:
        if within not in self._asks:
            self._asks[within] = self._resilient(within)
        try:
            return await self._asks[within](method, path, body)
        except TimedOut as error:
            raise NoAnswer(self._name, str(error), 504) from error
        except CircuitOpen as error:
            raise NoAnswer(self._name, str(error)) from error
        except Overloaded as error:
            raise NoAnswer(self._name, str(error), 503) from error

    def _resilient(self, within: float | None) -> Callable[..., Awaitable[Answered]]:
        """What takes its time is not asked a second time when that is over: whoever waits would have gone."""
        again = (Unreached,) if within else (Unreached, TimedOut)

        def classify(error: BaseException) -> Verdict:
            return Verdict.RETRY if isinstance(error, again) else Verdict.GIVE_UP

        return resilient(
            retry=Retry(ATTEMPTS, base=0.05, cap=0.5, classify=classify), budget=self._budget, breaker=self._breaker,
            bulkhead=self._bulkhead, timeout=within or TIMEOUT,
        )(self._peer.ask)  # fmt: skip


def _answered(name: str, came: httpx.Response) -> Answered:
    """The answer. Raises Rejected, NoAnswer."""
    status = came.status_code
    if status < 300 or status == 402:
        return Answered(status, came.content)
    told = _told(came.content)
    if status == 409 or told.code == "not_placed":
        raise Rejected(told.detail or "refused", told.code or "rejected", **told.facts)
    if status == 404:
        return Answered(status, came.content)
    why = f"{status} {told.detail or came.text[:200]}"
    if status in (502, 504):
        raise Behind(name, why, status)
    raise NoAnswer(name, why, 503 if status == 503 else 502)


def _speaks_against(error: Exception) -> bool:
    return is_failure(error) and not isinstance(error, Behind)


def _told(body: bytes) -> _Told:
    try:
        return msgspec.json.decode(body, type=_Told)
    except msgspec.DecodeError:
        return _Told()


def client() -> httpx.AsyncClient:
    """What a service asks all others with."""
    return httpx.AsyncClient(timeout=PATIENCE, limits=_CONNECTIONS, trust_env=False)


def peer(name: str, url: str, by: httpx.AsyncClient, manner: Manner) -> Peer:
    """The service of that name."""
    return Hardened(name, url, by) if manner == "hardened" else Naive(name, url, by)
