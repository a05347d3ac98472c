"""Calling a consumer's function: from records to what follows from them."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from headwater.codec import EventCatalog
from headwater.delivery.mapping import kind_of_record
from headwater.errors import DeclarationError, KeysNeeded
from headwater.fold import Consumer, Statement
from headwater.messages import Record, Write
from headwater.upcasting import part_id


class Outcome(NamedTuple):
    """What follows from a record: statements for the consumer's tables, events to append, commands to execute."""

    statements: Sequence[Statement] = ()
    writes: Sequence[Write] = ()
    commands: Sequence[object] = ()

    @property
    def local(self) -> bool:
        """Whether it is all done by settling the record."""
        return not self.commands and not self.writes


NOTHING = Outcome()


class Handler:
    """A consumer's function, ready to be called."""

    def __init__(self, consumer: Consumer[Any], events: EventCatalog) -> None:
        self.name = consumer.name
        self.batches = consumer.batches
        self.waits = inspect.iscoroutinefunction(consumer.do)
        self._do = consumer.do
        self._raw = consumer.raw
        self._events = events
        self._types = frozenset(events.sources(consumer.events))
        self._classes = frozenset(consumer.events)
        self._with_record = _takes_two(consumer.do)

    @property
    def concerns(self) -> Callable[[Record], bool] | None:
        """Whether the function is there for a record; None: it is there for all."""
        return None if self._raw else self._concerns

    def _concerns(self, record: Record) -> bool:
        """What does not say what it is concerns every function, to be refused."""
        type = record.headers.get("ce-type")
        return not type or type in self._types

    async def fetch_keys(self, records: Sequence[Record]) -> None:
        """Have the keys at hand by which these records decode. Raises StoreError."""
        if self._raw or self._events.protection.sealer is None:
            return
        try:
            self._events.protection.check_keys(b"".join([record.value for record in records]))
        except KeysNeeded as needed:
            await needed.fetch()

    def decode(self, record: Record) -> list[tuple[Any, Record]]:
        """What the function takes: one event, or what upcasters made of it, each with a record that has an id of its
        own. Raises UnknownType, MalformedData, WrongKeys, KeysNeeded."""
        if self._raw:
            return [(record, record)]
        events = self._events.decode_data(kind_of_record(record.headers), record.value)
        if len(events) == 1 and events[0].__class__ in self._classes:
            return [(events[0], record)]
        return [
            (event, record if not n else msgspec.structs.replace(record, id=part_id(record.identity, n)))
            for n, event in enumerate(events)
            if event.__class__ in self._classes
        ]

    @property
    def ask(self) -> Callable[[Record], Any]:
        """What the function answers to one record, at once. Raises whatever the function or decoding raises."""
        return self._do if self._raw and not self._with_record else self._ask

    def _ask(self, record: Record) -> Any:
        taken = self.decode(record)
        if len(taken) == 1:
            return self._call(*taken[0])
        return [each for event, part in taken for each in self._call(event, part) or ()]

    def _call(self, event: Any, record: Any) -> Any:
        return self._do(event, record) if self._with_record else self._do(event)

    def sort(self, answer: Any) -> Outcome:
        """What an answer means. Raises DeclarationError."""
        return NOTHING if answer is None else _sorted(answer, self.name)

    def call(self, record: Record) -> Outcome:
        """The outcome of one record, at once. Raises whatever the function or decoding raises."""
        return self.sort(self._ask(record))

    async def call_async(self, records: Sequence[Record]) -> Outcome:
        """The outcome of one record, or of several where it takes batches; awaits the function if it needs to be."""
        taken = [each for record in records for each in self.decode(record)]
        if self.batches:
            calls: Sequence[tuple[Any, Any]] = [([event for event, _ in taken], [part for _, part in taken])]
        else:
            calls = taken
        outcomes = []
        for event, part in calls:
            answer = self._call(event, part)
            outcomes.append(self.sort(await answer if inspect.isawaitable(answer) else answer))
        return outcomes[0] if len(outcomes) == 1 else _all_of(outcomes)


def _all_of(outcomes: Sequence[Outcome]) -> Outcome:
    statements = [each for outcome in outcomes for each in outcome.statements]
    writes = [each for outcome in outcomes for each in outcome.writes]
    return Outcome(statements, writes, [each for outcome in outcomes for each in outcome.commands])


def _takes_two(do: Callable[..., Any]) -> bool:
    parameters = list(inspect.signature(do).parameters.values())
    return len(parameters) > 1 and parameters[1].kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )


def _sorted(answer: Any, name: str) -> Outcome:
    statements: list[Statement] = []
    writes: list[Write] = []
    commands: list[object] = []
    try:
        for each in answer:
            if isinstance(each, tuple):
                statements.append(_statement(each, name))
            elif isinstance(each, Write):
                writes.append(each)
            else:
                commands.append(each)
    except TypeError as error:
        raise DeclarationError(f"consumer {name!r} returned {answer!r}, not a list of what follows") from error
    return Outcome(statements, writes, commands)


def _statement(each: tuple[Any, ...], name: str) -> Statement:
    if len(each) != 2 or not isinstance(each[0], str):
        raise DeclarationError(f"consumer {name!r} returned {each!r}; a statement is (SQL, parameters)")
    return cast("Statement", each)
