"""Where a broker is: servers of one cluster, who asks, and under which name its streams are kept."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from headwater.errors import BadInput

NAMESPACE = "headwater"
PATIENCE = 15.0  # seconds: a cluster has a new leader within about half of it
PORT = 4222
_NAME = re.compile(r"[a-z][a-z0-9]{0,30}\Z")
_PLACE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\Z")


class Address(NamedTuple):
    """`servers` are (host, port); `shown` names the place in messages, without user and password. With a user and no
    password, the user is a token. Whatever a call needs, it gives up after `patience` seconds."""

    scheme: str
    servers: Sequence[tuple[str, int]]
    user: str
    password: str
    namespace: str
    patience: float
    shown: str


def parse(url: str) -> Address:
    """The parts of 'nats://user:password@host:4222,host:4222?namespace=shop&patience=15'. Raises BadInput."""
    try:
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise BadInput(f"broker address {_without_user(url)!r}: {error}") from error
    if parts.scheme not in ("nats", "tls") or parts.path.strip("/"):
        raise BadInput(f"broker address {_without_user(url)!r}: it has the form nats://host:4222?namespace=name")
    user, _, places = parts.netloc.rpartition("@")
    namespace, patience = parameters.pop("namespace", NAMESPACE), _seconds(parameters.pop("patience", str(PATIENCE)))
    if parameters:
        raise BadInput(f"broker address {_without_user(url)!r}: unknown parameters {', '.join(sorted(parameters))}")
    if not _NAME.match(namespace):
        raise BadInput(f"namespace {namespace[:80]!r}: a word of lower-case letters and digits, at most 31")
    name, _, password = user.partition(":")
    shown = f"{parts.scheme}://{places}" + (f"?namespace={namespace}" if namespace != NAMESPACE else "")
    servers = [_server(place, url) for place in places.split(",")]
    return Address(parts.scheme, servers, unquote(name), unquote(password), namespace, patience, shown)


def _server(place: str, url: str) -> tuple[str, int]:
    match = _PLACE.match(place)
    if not match or not 0 < int(match[2] or PORT) < 65536:
        raise BadInput(f"broker address {_without_user(url)!r}: {place[:80]!r} is no host:port")
    return match[1].strip("[]"), int(match[2] or PORT)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise BadInput(f"patience {text[:80]!r}: seconds, more than none and less than an hour")
    return seconds


def _without_user(url: str) -> str:
    return re.sub(r"://[^/@]*@", "://***@", url)
