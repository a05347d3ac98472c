"""Names and forms of messages."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.codec import BatchDecoder, CommandCatalog, EventCatalog, command, command_name, event, kind_of
from headwater.errors import DeclarationError, InvalidName, MalformedData, UnknownType
from headwater.messages import Batch, Envelope, Kind, Metadata, NewEvent
from headwater.upcasting import retired


@event("plain.made")
class Plain:
    """A plain class becomes a Struct."""

    name: str
    price: Decimal = Decimal("0.10")

    @property
    def loud(self) -> str:
        return self.name.upper()


@event("struct.made", version=3)
class Structured(msgspec.Struct, frozen=True):
    n: int


@event("dataclass.made")
@dataclass(frozen=True)
class Data:
    names: tuple[str, ...]


@command("plain.make")
class Make:
    name: str
    count: int = 1


@command("struct.make")
class MakeStruct(msgspec.Struct):
    n: int


CATALOG = EventCatalog([Plain, Structured, Data], retired("struct.made", 1, 2))
COMMANDS = CommandCatalog([Make, MakeStruct])
EXAMPLES = [Plain("x", Decimal("1.20")), Structured(3), Data(("a", "b"))]


def recorded(new: NewEvent) -> Envelope:
    return Envelope(1, "s", 1, "id", new.type, new.type_version, new.data, 0, new.tags, new.metadata)


BAD = [b"", b"{", b"[]", b"{}", b'{"name":1}', b'{"name":"\xff"}', b"[" * 100_000, b'{"added":' + b"[" * 100_000]


class TestDeclaring:
    def test_a_plain_class_becomes_a_frozen_struct_and_stays_itself(self) -> None:
        made = Plain("x")
        assert isinstance(made, msgspec.Struct)
        assert (Plain.__name__, Plain.__module__, Plain.__doc__) == (
            "Plain", __name__, "A plain class becomes a Struct.",
        )  # fmt: skip
        assert made.loud == "X"
        assert made == Plain("x", Decimal("0.10"))
        assert hash(made) == hash(Plain("x"))
        with pytest.raises(AttributeError):
            made.name = "y"  # type: ignore[misc]

    def test_structs_and_dataclasses_stay_what_they_are(self) -> None:
        assert type(Structured(1)) is Structured
        assert Data(("a",)) == Data(names=("a",))
        assert not isinstance(Data(()), msgspec.Struct)

    def test_the_name_and_version_are_kept(self) -> None:
        assert [kind_of(cls) for cls in (Plain, Structured, Data)] == [
            Kind("plain.made", 1), Kind("struct.made", 3), Kind("dataclass.made", 1),
        ]  # fmt: skip
        assert command_name(Make) == "plain.make"

    def test_a_subclass_needs_a_name_of_its_own(self) -> None:
        class Child(Plain):  # type: ignore[misc]
            more: int = 0

        with pytest.raises(DeclarationError, match="Child"):
            kind_of(Child)

    def test_events_are_no_commands(self) -> None:
        with pytest.raises(DeclarationError, match=r"Plain is used as a command: decorate it with @command"):
            command_name(Plain)
        with pytest.raises(DeclarationError, match=r"Make is used as an event: decorate it with @event"):
            kind_of(Make)

    @pytest.mark.parametrize(
        "name", ["", "Order", "order placed", "order-placed", ".a", "a.", "a..b", "1a", "a.1", "é", "a\n", "a" * 201]
    )
    def test_a_bad_name_is_refused(self, name: str) -> None:
        for decorate in (event, command):
            with pytest.raises(InvalidName, match="lower-case words"):
                decorate(name)

    @pytest.mark.parametrize("name", ["a", "order.placed", "a1.b_2.c", "a" * 200])
    def test_a_good_name_is_taken(self, name: str) -> None:
        event(name)
        command(name)

    @pytest.mark.parametrize("version", [0, -1])
    def test_versions_count_from_one(self, version: int) -> None:
        with pytest.raises(DeclarationError, match="1 or more"):
            event("a", version=version)


class TestEvents:
    @pytest.mark.parametrize("example", EXAMPLES, ids=repr)
    def test_what_is_encoded_decodes_to_the_same(self, example: Any) -> None:
        origin = Metadata(actor="ann")
        new = CATALOG.encode(example, tags=["a", "b"], metadata=origin)
        assert (new.type, new.type_version) == kind_of(type(example))
        assert (new.tags, new.metadata, new.id) == (("a", "b"), origin, "")
        assert CATALOG.decode(recorded(new)) == [example]
        assert CATALOG.decode_data(kind_of(type(example)), new.data) == [example]

    @given(st.text(st.characters(exclude_categories=["Cs"])), st.decimals(allow_nan=False, allow_infinity=False))
    def test_any_text_and_amount_survives(self, name: str, price: Decimal) -> None:
        (found,) = CATALOG.decode(recorded(CATALOG.encode(Plain(name, price))))
        assert (found.name, str(found.price)) == (name, str(price))

    def test_fields_of_the_future_are_ignored_and_missing_ones_take_their_default(self) -> None:
        (found,) = CATALOG.decode_data(Kind("plain.made", 1), b'{"name":"x","added":true}')
        assert found == Plain("x", Decimal("0.10"))

    def test_the_same_name_twice_is_refused(self) -> None:
        @event("plain.made")
        class Other:
            n: int

        with pytest.raises(DeclarationError, match=r"'plain.made' version 1 is declared twice: .*Plain and .*Other"):
            EventCatalog([Plain, Other])
        assert len(EventCatalog([Plain, Plain]).types) == 1, "the same class twice is once"

    def test_versions_of_a_name_live_side_by_side(self) -> None:
        @event("plain.made", version=2)
        class Newer:
            names: list[str]

        both = EventCatalog([Plain, Newer])
        assert both.decode_data(Kind("plain.made", 1), b'{"name":"x"}') == [Plain("x")]
        assert both.decode_data(Kind("plain.made", 2), b'{"names":["x"]}') == [Newer(["x"])]

    def test_an_undeclared_class_is_refused(self) -> None:
        with pytest.raises(DeclarationError, match="decorate it with @event"):
            CATALOG.encode(object())
        with pytest.raises(DeclarationError, match="decorate it with @event"):
            EventCatalog([int])

    @pytest.mark.parametrize("kind", [Kind("never.made", 1), Kind("plain.made", 2)])
    def test_an_unknown_kind_is_refused_with_what_is_known(self, kind: Kind) -> None:
        with pytest.raises(UnknownType) as caught:
            CATALOG.decode_data(kind, b"{}")
        assert caught.value.name == f"{kind.type} (version {kind.version})"
        assert "struct.made (version 3)" in caught.value.known

    @pytest.mark.parametrize("data", BAD, ids=lambda data: repr(data[:20]))
    def test_malformed_data_is_refused_with_the_reason(self, data: bytes) -> None:
        with pytest.raises(MalformedData) as caught:
            CATALOG.decode_data(Kind("plain.made", 1), data)
        assert caught.value.what == "event 'plain.made' version 1"
        assert caught.value.why
        assert caught.value.__cause__


class TestBatches:
    KINDS = (Kind("plain.made", 1), Kind("struct.made", 3), Kind("never.made", 1))

    def batch(self, json: str | bytes, count: int = 1, kinds: Any = None) -> Batch:
        return Batch(json, kinds or self.KINDS, count, 0)

    def test_a_batch_decodes_in_order(self) -> None:
        decoder = BatchDecoder[Any](CATALOG)
        for json in ('[[1,{"n":1}],[0,{"name":"x"}],[1,{"n":2}]]', b'[[1,{"n":1}],[0,{"name":"x"}],[1,{"n":2}]]'):
            assert decoder.decode(self.batch(json, 3)) == [Structured(1), Plain("x"), Structured(2)]

    def test_an_empty_batch_needs_no_kinds(self) -> None:
        assert BatchDecoder[Any](CATALOG).decode(Batch("[]", [], 0, 0)) == []

    def test_kinds_may_be_added_later(self) -> None:
        kinds = [Kind("plain.made", 1)]
        decoder = BatchDecoder[Any](CATALOG)
        assert decoder.decode(self.batch('[[0,{"name":"x"}]]', kinds=kinds)) == [Plain("x")]
        kinds.append(Kind("struct.made", 3))
        assert decoder.decode(self.batch('[[1,{"n":1}]]', kinds=kinds)) == [Structured(1)]

    def test_another_store_numbers_them_in_another_way(self) -> None:
        decoder = BatchDecoder[Any](CATALOG)
        assert decoder.decode(self.batch('[[1,{"n":1}]]')) == [Structured(1)]
        others = tuple(reversed(self.KINDS[:2]))
        assert decoder.decode(self.batch('[[0,{"n":1}]]', kinds=others)) == [Structured(1)]

    def test_the_event_that_does_not_decode_is_named(self) -> None:
        decoder = BatchDecoder[Any](CATALOG)
        with pytest.raises(MalformedData, match=r"event 'struct.made' version 3"):
            decoder.decode(self.batch('[[0,{"name":"x"}],[1,{"n":"no"}]]', 2))
        with pytest.raises(UnknownType, match=r"never.made \(version 1\)"):
            decoder.decode(self.batch('[[0,{"name":"x"}],[2,{}]]', 2))
        assert decoder.decode(self.batch('[[1,{"n":1}]]')) == [Structured(1)], "it goes on afterwards"

    def test_a_catalog_that_knows_none_of_the_kinds(self) -> None:
        with pytest.raises(UnknownType):
            BatchDecoder[Any](EventCatalog([])).decode(self.batch('[[0,{"name":"x"}]]'))


class TestCommands:
    def test_what_is_encoded_decodes_to_the_same(self) -> None:
        for example in (Make("x", 2), MakeStruct(1)):
            assert COMMANDS.decode(*COMMANDS.encode(example)) == example

    def test_unknown_fields_are_refused(self) -> None:
        with pytest.raises(MalformedData, match="unknown field `colour`"):
            COMMANDS.decode("plain.make", b'{"name":"x","colour":"red"}')

    def test_an_unknown_command_is_refused_with_what_is_known(self) -> None:
        with pytest.raises(UnknownType, match=r"unknown command 'plain.take'; known: plain.make, struct.make"):
            COMMANDS.decode("plain.take", b"{}")

    @pytest.mark.parametrize("data", BAD, ids=lambda data: repr(data[:20]))
    def test_malformed_data_is_refused_with_the_reason(self, data: bytes) -> None:
        with pytest.raises(MalformedData, match=r"command 'plain\.make'"):
            COMMANDS.decode("plain.make", data)

    def test_an_undeclared_class_is_refused(self) -> None:
        with pytest.raises(DeclarationError, match="decorate it with @command"):
            CommandCatalog([Plain])
