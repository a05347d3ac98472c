"""`headwater stream`: topics, their records, and the groups that work them off."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import timedelta
from typing import Annotated, Any

import typer

from headwater.app import open_broker
from headwater.cli.given import duration, reading
from headwater.cli.lines import Source, opened_source
from headwater.cli.output import Json, note, print_rows
from headwater.cli.publishing import Form, Publishing
from headwater.cli.records import show_record
from headwater.cli.tailing import Tail
from headwater.cli.watching import watch as watch_rows
from headwater.clock import SystemClock
from headwater.errors import HeadwaterError, UnknownType
from headwater.fold import Topic
from headwater.streaming.port import Broker
from headwater.streaming.records import Group

commands = typer.Typer(help="Look after topics, and after the groups that work them off.", no_args_is_help=True)

Address = Annotated[
    str,
    typer.Option(
        "--broker",
        envvar="HEADWATER_BROKER",
        show_default=False,
        help="The broker's address: sqlite:///topics.db, nats://host:4222 or kafka://host:9092",
    ),
]
TopicName = Annotated[str, typer.Argument(metavar="TOPIC")]
GroupName = Annotated[str, typer.Argument(metavar="GROUP")]


@asynccontextmanager
async def at(url: str, *, create: bool = False) -> AsyncIterator[Broker]:
    """The broker at an address, which must be there unless `create`."""
    async with await open_broker(url, create=create) as broker:
        yield broker


async def _topic(broker: Broker, name: str) -> Topic:
    topics = {topic.name: topic for topic in await broker.topics()}
    if name not in topics:
        raise UnknownType("topic", name, tuple(topics))
    return topics[name]


@commands.command()
def topics(broker: Address, json: Json = False) -> None:
    """List the topics and how many records they hold."""
    print_rows(asyncio.run(_topics(broker)), json, nothing="no topics at this broker")


async def _topics(url: str) -> list[dict[str, Any]]:
    async with at(url) as broker:
        rows = []
        for topic in await broker.topics():
            ends = await broker.ends(topic.name)
            rows.append({
                "topic": topic.name, "partitions": topic.partitions,
                "records": sum(end - first for first, end in ends.values()),
                "max_age": topic.max_age.total_seconds() if topic.max_age else None,
                "max_bytes": topic.max_bytes, "replicas": topic.replicas,
            })  # fmt: skip
        return rows


@commands.command()
def create(
    topic: TopicName,
    broker: Address,
    partitions: Annotated[int, typer.Option(min=1, max=256, help="Into how many parts; for good.")] = 4,
    max_age: Annotated[
        timedelta | None, typer.Option(parser=duration, metavar="DURATION", help="Remove records older than, say, 7d.")
    ] = None,
    max_bytes: Annotated[int | None, typer.Option(min=1, help="Remove the oldest of a partition beyond this.")] = None,
    replicas: Annotated[int, typer.Option(min=1, help="On how many nodes to keep it, where there are several.")] = 1,
) -> None:
    """Make a topic, or bring the limits of one that is there up to date."""
    made = Topic(topic, partitions=partitions, max_age=max_age, max_bytes=max_bytes, replicas=replicas)
    asyncio.run(_create(broker, made))
    note(f"topic {topic} is there")


async def _create(url: str, topic: Topic) -> None:
    async with at(url, create=True) as broker:
        await broker.create_topic(topic)


@commands.command()
def publish(
    topic: TopicName,
    broker: Address,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A record a line; - reads from stdin.")] = "-",
    key: Annotated[str | None, typer.Option(help="The key of all of them.")] = None,
    id: Annotated[
        str, typer.Option(metavar="PREFIX", help="Give each an id of this and its line's number, unless it has one.")
    ] = "",
    header: Annotated[list[str] | None, typer.Option(metavar="NAME=TEXT", help="A header; repeatable.")] = None,
    json_lines: Annotated[
        bool, typer.Option(help='Each line is {"value": …, "key": …, "id": …, "headers": {…}}, as tail --json prints.')
    ] = False,
    json: Json = False,
) -> None:
    """Publish lines as records, each as soon as it is there.

    A line that cannot be one ends it: nothing after it is published; exit code 1. Ctrl-C ends it when what has begun
    is confirmed. With --id, the same lines count once however often they are published.
    """
    form = Form(key, id, dict(_header(each) for each in header or ()), json_lines)
    with reading(file), opened_source(file) as source:
        done = asyncio.run(_publish(broker, topic, source, form))
    repeated = {"repeated": done.repeated} if json or done.repeated else {}
    print_rows([{"topic": topic, "published": done.published, **repeated}], json)


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not of the form NAME=TEXT", param_hint="--header")
    return name, value


async def _publish(url: str, name: str, source: Source, form: Form) -> Publishing:
    async with at(url) as broker:
        work = Publishing(broker, await _topic(broker, name), form)
        try:
            await work.run(source)
        except (HeadwaterError, asyncio.CancelledError):  # the latter is Ctrl-C
            note(work.so_far())
            raise
        return work


@commands.command()
def tail(
    topic: TopicName,
    broker: Address,
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest, not with what comes.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many records.")] = None,
    follow: Annotated[bool, typer.Option(help="Wait for more, until Ctrl-C; or end with what is there now.")] = True,
    json: Json = False,
) -> None:
    """Print records as they come, without being a member of any group. With --json one object a line."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_tail(broker, topic, partition, start, count, follow, json))


async def _tail(
    url: str, name: str, partition: int | None, start: bool, count: int | None, follow: bool, json: bool
) -> None:
    async with at(url) as broker:
        await _topic(broker, name)
        ends = await broker.ends(name)
        if partition is not None and partition not in ends:
            raise UnknownType("partition", str(partition), tuple(map(str, ends)))
        wanted = {p: e for p, e in ends.items() if partition in (None, p)}
        places = {each: first if start else end for each, (first, end) in wanted.items()}
        async with aclosing(Tail(broker, name, places).read(follow=follow)) as records:
            printed = 0
            async for record in records:
                show_record(record, json)
                printed += 1
                if printed == count:
                    return


@commands.command()
def groups(topic: TopicName, broker: Address, json: Json = False) -> None:
    """List the groups of a topic and how far behind they are."""
    found = asyncio.run(_groups_at(broker, [topic]))
    print_rows([_group_row(group) for group in found], json, nothing="no group has ever worked on this topic")


def _group_row(group: Group) -> dict[str, Any]:
    members = {lag.member for lag in group.lags if lag.member}
    return {"topic": group.topic, "group": group.name, "members": len(members), "behind": group.records,
            "paused": group.paused}  # fmt: skip


async def _groups_at(url: str, names: Sequence[str]) -> list[Group]:
    async with at(url) as broker:
        return await _groups(broker, names)


async def _groups(broker: Broker, names: Sequence[str]) -> list[Group]:
    wanted = names or [topic.name for topic in await broker.topics()]
    return [group for name in wanted for group in await broker.groups(name)]


@commands.command()
def lag(
    broker: Address,
    topic: Annotated[str | None, typer.Argument(help="Only this topic.")] = None,
    group: Annotated[str | None, typer.Argument(help="Only this group.")] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Again every second until Ctrl-C, with the records that it grows by a second."),
    ] = False,
    json: Json = False,
) -> None:
    """Say how far groups are behind, partition by partition, and who has it. With --watch --json one list a line."""
    names = [topic] if topic else []
    if watch:
        with suppress(KeyboardInterrupt):
            asyncio.run(_watch(broker, names, group, json))
    else:
        rows = _lag_rows(asyncio.run(_groups_at(broker, names)), group)
        print_rows(rows, json, nothing="no such groups")


async def _watch(url: str, names: Sequence[str], group: str | None, json: bool) -> None:
    async with at(url) as broker:

        async def look() -> list[dict[str, Any]]:
            return _lag_rows(await _groups(broker, names), group)

        await watch_rows(look, SystemClock(), json)


def _lag_rows(groups: Sequence[Group], name: str | None) -> list[dict[str, Any]]:
    return [
        {"topic": each.topic, "group": each.name, "partition": lag.partition, "committed": lag.committed,
         "end": lag.end, "behind": lag.records, "member": lag.member or None}
        for each in groups if name in (None, each.name) for lag in each.lags
    ]  # fmt: skip


@commands.command()
def pause(topic: TopicName, group: GroupName, broker: Address) -> None:
    """Stop deliveries to a group, wherever its members run, until they are resumed."""
    asyncio.run(_pause(broker, topic, group, True))
    note(f"group {group} of topic {topic} is paused")


@commands.command()
def resume(topic: TopicName, group: GroupName, broker: Address) -> None:
    """Go on with deliveries to a group."""
    asyncio.run(_pause(broker, topic, group, False))
    note(f"group {group} of topic {topic} goes on")


async def _pause(url: str, topic: str, group: str, wanted: bool) -> None:
    async with at(url) as broker:
        await (broker.pause if wanted else broker.resume)(topic, group)
