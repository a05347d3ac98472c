"""Forms in plain words: "a whole number of at least 3", "text or null", "a list of dates"."""

from headwater.schemas.forms import (
    Anything,
    Choice,
    Entries,
    Fields,
    Flag,
    Form,
    Forms,
    Items,
    Named,
    Null,
    Number,
    Opaque,
    Shape,
    Text,
)

FORMATS = {
    "date-time": "a date with a time", "time": "a time of day", "date": "a date", "duration": "a duration",
    "uuid": "a UUID", "decimal": "a decimal number in a string", "base64": "bytes in Base64",
}  # fmt: skip
_SHOWN = 6


def told(forms: Forms, shape: Shape, *, within: bool = False) -> str:
    """The forms as people say it."""
    ordered = sorted(forms, key=lambda form: isinstance(form, Null))
    return " or ".join(dict.fromkeys(_told(form, shape, within) for form in ordered)) or "nothing"


def _told(form: Form, shape: Shape, within: bool) -> str:
    match form:
        case Null():
            return "null"
        case Flag(values=(only,)):
            return str(only).lower()
        case Flag():
            return "true or false"
        case Choice(values=values):
            shown = ", ".join(map(repr, values[:_SHOWN])) + (", …" if len(values) > _SHOWN else "")
            return shown if len(values) == 1 else f"one of {shown}"
        case Number():
            return _number(form)
        case Text():
            return _text(form)
        case Items():
            return _array(form, shape, within)
        case Entries():
            return "a map" if within else f"a map to {told(form.values, shape, within=True)}"
        case Named(name=name):
            return name
        case Fields(fields=fields):
            return f"an object of {', '.join(list(fields)[:_SHOWN]) or 'no fields'}{', …' * (len(fields) > _SHOWN)}"
        case Opaque(name=name):
            return f"a {name}"
        case Anything():
            return "anything"
    return type(form).__name__


def _number(form: Number) -> str:
    said = {"of at least": form.least, "above": form.above, "of at most": form.most, "below": form.below}
    bounds = [
        f"{word} {value:g}" if isinstance(value, float) else f"{word} {value}"
        for word, value in said.items()
        if value is not None
    ]
    bounds += [f"that is a multiple of {form.step}"] if form.step is not None else []
    return " ".join(["a whole number" if form.whole else "a number", " and ".join(bounds)]).strip()


def _text(form: Text) -> str:
    found = FORMATS.get(form.format, "text")
    if form.zone is not None:
        found += " and its offset from UTC" if form.zone else " and no offset from UTC"
    if form.least is not None or form.most is not None:
        found += f" of {counted(form.least or 0, form.most)} {'bytes' if form.format == 'base64' else 'characters'}"
    return found + (f" that matches {form.pattern!r}" if form.pattern else "")


def _array(form: Items, shape: Shape, within: bool) -> str:
    if form.rest is None:
        return f"an array of {counted(form.least, form.most)} items"
    found = "a set" if form.distinct else "a list"
    return found if within else f"{found} of {told(form.rest, shape, within=True)}"


def counted(least: int, most: int | None) -> str:
    """How many there may be."""
    if most is None:
        return f"at least {least}" if least else "any number"
    return str(most) if least == most else f"{least} to {most}"
