"""Where a cluster is, who asks, and what its clients are told: 'kafka://user:password@host:9092,host:9092?option=value'."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from headwater.errors import BadInput

PATIENCE = 15.0  # seconds: a cluster has new leaders within about half of it
PREFIX = "headwater."
PORT = 9092
FORM = "it has the form kafka://host:9092,host:9092?option=value"
MARGIN = 30.0  # seconds beyond which a member that hands over is taken for stuck
LONGEST_POLL = 300.0  # seconds: as the client has it

_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,60}\Z")
_PLACE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\Z")
_OURS = ("bootstrap.servers", "metadata.broker.list", "group.id", "enable.auto.commit", "test.mock.num.brokers")

Settings = dict[str, str | int | float | bool]


class Address(NamedTuple):
    """`shown` names the place in messages, without user and password. Names of groups begin with `prefix`. Whatever a
    call needs, it gives up after `patience` seconds. `options` are for all clients, as librdkafka calls them."""

    servers: str
    prefix: str
    patience: float
    options: Mapping[str, str]
    shown: str

    def admin(self) -> Settings:
        """For a client that asks about topics and groups."""
        return {
            "bootstrap.servers": self.servers, "log_level": 0, "socket.timeout.ms": round(self.patience * 1000),
            "reconnect.backoff.max.ms": 1000, **self.options,
        }  # fmt: skip

    def producer(self) -> Settings:
        """For one that publishes: in order, and once as long as it lives. Nothing expires; see sending.py."""
        return {
            "enable.idempotence": True, "linger.ms": 1, "message.max.bytes": 1_000_000_000,
            **self.admin(), "message.timeout.ms": 0,
        }  # fmt: skip

    def reader(self) -> Settings:
        """For one that reads what it is told to."""
        return {
            "fetch.wait.max.ms": 100, "fetch.queue.backoff.ms": 10, "fetch.error.backoff.ms": 50,
            "queued.max.messages.kbytes": 16_384, "auto.offset.reset": "earliest",
            "topic.metadata.propagation.max.ms": 5000, **self.admin(),
            "group.id": f"{self.prefix}readers", "enable.auto.commit": False,
        }  # fmt: skip

    def member(self, group: str, name: str, session: float, drain: float) -> Settings:
        """For a member of a group, which learns what it has and commits."""
        settings: Settings = {
            "client.id": name, "max.poll.interval.ms": round(max(LONGEST_POLL, session + drain + MARGIN) * 1000),
        }  # fmt: skip
        if self.options.get("group.protocol") != "consumer":
            settings["partition.assignment.strategy"] = "cooperative-sticky"
            settings["session.timeout.ms"] = round(session * 1000)
            settings["heartbeat.interval.ms"] = max(round(min(session / 3, 3.0) * 1000), 1)
        return settings | self.reader() | {"group.id": group}


def parse(url: str) -> Address:
    """The parts of an address. Raises BadInput."""
    shown = _without_secrets(url)
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise BadInput(f"broker address {shown!r}: {error}") from error
    if parts.scheme != "kafka" or parts.path.strip("/") or not parts.netloc:
        raise BadInput(f"broker address {shown!r}: {FORM}")
    if ours := [name for name in _OURS if name in options]:
        raise BadInput(f"broker address {shown!r}: {ours[0]} cannot be chosen")
    user, _, places = parts.netloc.rpartition("@")
    prefix, patience = options.pop("group.prefix", PREFIX), _seconds(options.pop("patience", str(PATIENCE)))
    if not _PREFIX.match(prefix):
        raise BadInput(f"group.prefix {prefix[:80]!r}: at most 60 letters, digits, '.', '_' and '-'")
    servers = ",".join(_server(place, shown) for place in places.split(","))
    return Address(servers, prefix, patience, _signed_on(user) | options, f"kafka://{places}")


def _signed_on(user: str) -> dict[str, str]:
    if not user:
        return {}
    name, _, password = user.partition(":")
    return {
        "security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN",
        "sasl.username": unquote(name), "sasl.password": unquote(password),
    }  # fmt: skip


def _server(place: str, shown: str) -> str:
    match = _PLACE.match(place)
    if not match or not 0 < int(match[2] or PORT) < 65536:
        raise BadInput(f"broker address {shown!r}: {place[:80]!r} is no host:port")
    return f"{match[1]}:{match[2] or PORT}"


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 300:
        raise BadInput(f"patience {text[:80]!r}: seconds, more than none and less than 300")
    return seconds


def _without_secrets(url: str) -> str:
    return re.sub(r"://[^/@]*@", "://***@", url).partition("?")[0]
