"""Forms without parts as types that msgspec reads."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from msgspec import Meta

from headwater.schemas.forms import Choice, Flag, Form, Null, Number, Text

NOTHING: Final = object()
"""Of forms that have parts, or are unknown."""


def type_of(form: Form) -> Any:
    """The type that msgspec reads just like that form, or NOTHING."""
    if isinstance(form, Null):
        return None
    if isinstance(form, Flag):
        return bool if len(form.values) == 2 else Literal[form.values]
    if isinstance(form, Choice):
        return Literal[form.values]
    if isinstance(form, Number):
        said = {"ge": form.least, "gt": form.above, "le": form.most, "lt": form.below, "multiple_of": form.step}
        return _with(int if form.whole else float, said)
    return _text(form) if isinstance(form, Text) else NOTHING


def _text(form: Text) -> Any:
    if form.format in ("date-time", "time"):
        return _with(datetime if form.format == "date-time" else time, {"tz": form.zone})
    lengths = {"min_length": form.least, "max_length": form.most}
    if form.format == "base64":
        return _with(bytes, lengths)
    return _PLAIN.get(form.format) or _with(str, lengths | {"pattern": form.pattern})


_PLAIN: dict[str, Any] = {"date": date, "duration": timedelta, "uuid": UUID, "decimal": Decimal}


def _with(type: Any, said: dict[str, Any]) -> Any:
    given = {word: value for word, value in said.items() if value is not None}
    return Annotated[type, Meta(**given)] if given else type
