"""GET /topics and GET /topics/{topic}: the settings of an application's topics, what lies in them and who is behind."""

import asyncio

import msgspec
from starlette.types import Receive, Scope, Send

from headwater.app import Runtime
from headwater.codec import type_names
from headwater.fold import Topic
from headwater.http.params import Params
from headwater.http.wire import JSON, respond
from headwater.streaming.records import Group


class TopicSettings(msgspec.Struct, frozen=True):
    """How a topic is declared. `max_age` is in seconds; what is null has no bound. What `events` names is relayed to it
    from the store."""

    name: str
    events: tuple[str, ...]
    partitions: int
    max_age: float | None
    max_bytes: int | None
    max_record_bytes: int
    backlog: int | None
    replicas: int


class TopicList(msgspec.Struct, frozen=True):
    """All topics."""

    topics: list[TopicSettings]


class Ends(msgspec.Struct, frozen=True):
    """What a partition holds: from offset `first` to before `next`."""

    partition: int
    first: int
    next: int


class Behind(msgspec.Struct, frozen=True):
    """How far a group is behind on a partition: `committed` is the next offset to work off."""

    partition: int
    committed: int
    end: int
    lag: int


class GroupState(msgspec.Struct, frozen=True):
    """Where a group stands: `lag` counts the records that it has still to work off."""

    name: str
    paused: bool
    lag: int
    partitions: list[Behind]


class TopicState(msgspec.Struct, frozen=True):
    """A topic as it is now."""

    settings: TopicSettings
    partitions: list[Ends]
    groups: list[GroupState]


class Topics:
    """Answers questions about an application's topics."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._encode = msgspec.json.Encoder().encode

    async def all(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /topics."""
        Params(scope).done()
        await respond(send, 200, self._encode(TopicList([_settings(each) for each in self._runtime.app.topics])), JSON)

    async def one(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /topics/{topic}."""
        topic, broker = self._runtime.producer(scope["path_params"]["topic"]).topic, self._runtime.broker
        Params(scope).done()
        assert broker is not None, "an app with topics has a broker"
        ends, groups = await asyncio.gather(broker.ends(topic.name), broker.groups(topic.name))
        partitions = [Ends(partition, *ends[partition]) for partition in sorted(ends)]
        state = TopicState(_settings(topic), partitions, [_standing(group) for group in groups])
        await respond(send, 200, self._encode(state), JSON)


def _settings(topic: Topic) -> TopicSettings:
    return TopicSettings(
        topic.name, type_names(topic.events), topic.partitions,
        None if topic.max_age is None else topic.max_age.total_seconds(), topic.max_bytes, topic.max_record_bytes,
        topic.backlog, topic.replicas,
    )  # fmt: skip


def _standing(group: Group) -> GroupState:
    behind = [Behind(lag.partition, lag.committed, lag.end, lag.records) for lag in group.lags]
    return GroupState(group.name, group.paused, group.records, behind)
