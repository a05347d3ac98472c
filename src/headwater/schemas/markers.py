"""What a class says of its fields beside their types: who may see them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

PERSONAL = "personal"


def classifications(cls: type) -> Mapping[str, str]:
    """The classification of each field of a class that has one, by the field's name in Python.

    `Annotated[str, Meta(extra={"classification": "confidential"})]` says one; so does any marker with an attribute
    `classification`, and one whose class is called `Personal` says "personal".
    """
    try:
        hints = get_type_hints(cls, include_extras=True)
    except (NameError, TypeError):  # a class within a function, or of generics: nothing can be looked up
        return {}
    found = {name: next(_said(hint), "") for name, hint in hints.items()}
    return {name: said for name, said in found.items() if said}


def _said(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Annotated:
        for marker in hint.__metadata__:
            extra = getattr(marker, "extra", None)
            said = getattr(marker, "classification", "") or (extra or {}).get("classification", "")
            if said:
                yield str(said)
            elif _class(marker).__name__ == "Personal":
                yield PERSONAL
    for part in get_args(hint):
        yield from _said(part)


def _class(marker: Any) -> type:
    return marker if isinstance(marker, type) else type(marker)
