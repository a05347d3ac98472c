"""Every type of field that a row may have comes back as it went in, through columns of its own kind."""

import dataclasses
import enum
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from headwater import App, Runtime, View, Write, event
from headwater.errors import DeclarationError
from headwater.testing.running import asynchronous, run
from headwater.views.table import RowTable


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Word(enum.StrEnum):
    YES = "yes"
    NO = "no"


class Part(msgspec.Struct, frozen=True):
    name: str
    price: Decimal
    when: datetime | None = None


class Everything(msgspec.Struct, frozen=True):
    key: str
    text: str = ""
    whole: int = 0
    yes: bool = False
    real: float = 0.0
    money: Decimal = Decimal(0)
    moment: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    day: date = date(2024, 1, 1)
    colour: Colour = Colour.RED
    size: Size = Size.SMALL
    word: Word = Word.YES
    kind: Literal["a", "b"] = "a"
    part: Part = Part("", Decimal(0))
    parts: tuple[Part, ...] = ()
    names: list[str] = []
    prices: dict[str, Decimal] = {}
    chosen: frozenset[int] = frozenset()
    no_text: str | None = None
    no_whole: int | None = None
    no_yes: bool | None = None
    no_real: float | None = None
    no_money: Decimal | None = None
    no_moment: datetime | None = None
    no_colour: Colour | None = None
    no_part: Part | None = None
    either: int | str = 0
    from_: str = ""
    order: int = 0


@event("everything.changed")
class Changed:
    row: Everything


def changed(row: Everything, happened: Changed) -> Everything:
    return happened.row


everything = View("everything", lambda happened: happened.row.key, Everything, changed, index=["order", "from_"])
inline = View("inline_one", lambda happened: happened.row.key, Everything, changed, inline=True)
app = App("columns", views=[everything, inline])

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WHOLE = st.integers(-(2**63), 2**63 - 1)
MONEY = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)
REAL = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)  # SQLite knows no -0.0
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=30))])
MOMENT = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES).map(lambda at: at.replace(fold=0))
PART = st.builds(Part, TEXT, MONEY, st.none() | MOMENT)
ROWS = st.builds(
    Everything, st.sampled_from(["a", "b", ""]), TEXT, WHOLE, st.booleans(), REAL,
    MONEY, MOMENT, st.dates(), st.sampled_from(Colour), st.sampled_from(Size), st.sampled_from(Word),
    st.sampled_from(["a", "b"]), PART, st.lists(PART, max_size=2).map(tuple), st.lists(TEXT, max_size=2),
    st.dictionaries(TEXT, MONEY, max_size=2), st.frozensets(WHOLE, max_size=2), st.none() | TEXT, st.none() | WHOLE,
    st.none() | st.booleans(), st.none() | REAL, st.none() | MONEY,
    st.none() | MOMENT, st.none() | st.sampled_from(Colour), st.none() | PART, WHOLE | TEXT, TEXT, WHOLE,
)  # fmt: skip


@given(rows=st.lists(ROWS, max_size=4))
@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])  # shrinking such rows takes minutes
def test_rows_come_back_as_they_went_in(rows: list[Everything]) -> None:
    run(_check(rows))


async def _check(rows: list[Everything]) -> None:
    async with Runtime.open(app) as runtime:
        for row in rows:
            await runtime.store.append(Write("all", [app.events.encode(Changed(row))]))
        await runtime.idle()
        for row in {row.key: row for row in rows}.values():
            for view in (everything, inline):
                found = await runtime.get(view, row.key)
                assert found == row
                assert found is not None
                assert _shown(found) == _shown(row), "types and digits too"


def _shown(row: Everything) -> str:
    return repr(msgspec.structs.replace(row, chosen=sorted(row.chosen)))


@asynchronous
async def test_columns_are_of_the_kinds_that_sql_expects() -> None:
    async with Runtime.open(app) as runtime:
        row = Everything("a", whole=5, yes=True, money=Decimal("9.50"), colour=Colour.GREEN, size=Size.LARGE)
        await runtime.store.append(Write("all", [app.events.encode(Changed(row))]))
        await runtime.idle()
        sql = "SELECT whole, yes, money, moment, day, colour, size, word, part ->> 'name' AS name FROM everything"
        assert await runtime.sql(f"{sql} WHERE no_text IS NULL") == [{
            "whole": 5, "yes": 1, "money": "9.50", "moment": "2024-01-01T00:00:00+00:00", "day": "2024-01-01",
            "colour": "green", "size": 2, "word": "yes", "name": "",
        }]  # fmt: skip
        where = {"colour": Colour.GREEN, "money": Decimal("9.50"), "yes": True, "day": row.day, "size": Size.LARGE}
        assert await runtime.find(everything, where=where) == [row]


@dataclasses.dataclass(frozen=True)
class Plain:
    key: str
    number: int = 0
    note: "str | None" = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Named:
    key: str
    number: int = 0


class NamedStruct(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    number: int = 0


@pytest.mark.parametrize("row", [Plain("a", 5), Plain("a", 5, "x"), Named(key="a"), NamedStruct(key="a", number=3)])
def test_rows_may_be_dataclasses_and_have_named_fields_only(row: Any) -> None:
    table: RowTable[Any] = RowTable("mine", type(row), ())
    assert table.from_row(table.to_row(row)) == row


class Nothing(msgspec.Struct):
    pass


class OnlyKey(msgspec.Struct):
    key: str


class NoKey(msgspec.Struct):
    number: int
    key: str


class EnumKey(msgspec.Struct):
    key: Colour
    number: int


@pytest.mark.parametrize("cls", [Nothing, OnlyKey, NoKey, EnumKey, dict, str])
def test_what_is_no_row_is_refused(cls: type) -> None:
    with pytest.raises(DeclarationError, match="view 'mine'"):
        RowTable("mine", cls, ())


@pytest.mark.parametrize("index", ["nothing", ("number", "nothing")])
def test_an_index_of_no_field_is_refused(index: str | tuple[str, ...]) -> None:
    with pytest.raises(DeclarationError, match=r"nothing.*there are \['key', 'number', 'note'\]"):
        RowTable("mine", Plain, [index])
