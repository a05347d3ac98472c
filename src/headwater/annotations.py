"""What a handler handles, read from its annotations: a handler's annotation is its registration."""

import inspect
from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from headwater.errors import DeclarationError


def union_members(annotation: Any) -> tuple[type, ...]:
    """The classes of `A | B | None` without None, in order; of a single class, that class."""
    if hasattr(annotation, "__value__"):  # `type X = …` of Python 3.12
        return union_members(annotation.__value__)
    if get_origin(annotation) in (Union, UnionType):
        return tuple(member for part in get_args(annotation) for member in union_members(part))
    if annotation is NoneType or annotation is None:
        return ()
    if not isinstance(annotation, type):
        raise DeclarationError(f"{annotation!r} is not a class or a union of classes")
    return (annotation,)


def parameter_types(function: Callable[..., Any], index: int, what: str) -> tuple[type, ...]:
    """The classes that the parameter at `index` accepts. Raises DeclarationError where nothing is annotated."""
    return union_members(_annotation(function, index, what))


def _annotation(function: Callable[..., Any], index: int, what: str) -> Any:
    parameters = list(_signature(function, what).parameters.values())
    if index >= len(parameters):
        raise DeclarationError(f"{what}: {_name(function)} takes {len(parameters)} parameters, expected {index + 1}")
    annotation = parameters[index].annotation
    if annotation is inspect.Parameter.empty or annotation is Any or isinstance(annotation, TypeVar):
        raise DeclarationError(
            f"{what}: annotate parameter {parameters[index].name!r} of {_name(function)} with the class it handles "
            "or a union of them"
        )
    return annotation


def sequence_types(function: Callable[..., Any], index: int, what: str) -> tuple[bool, tuple[type, ...]]:
    """Whether the parameter at `index` is a `Sequence[…]` or `list[…]`, and the classes that it, or its members, may
    be. Raises DeclarationError where nothing is annotated."""
    annotation = _annotation(function, index, what)
    if get_origin(annotation) in (list, Sequence):
        return True, union_members(get_args(annotation)[0])
    return False, union_members(annotation)


def returned_types(function: Callable[..., Any], what: str) -> tuple[type, ...]:
    """The classes that a function returns, without None; empty where it says nothing."""
    annotation = _signature(function, what).return_annotation
    return () if annotation in (inspect.Signature.empty, Any) else union_members(annotation)


def returned(function: Callable[..., Any], what: str) -> Any:
    """The type that a function returns, as annotated; None where it says nothing."""
    annotation = _signature(function, what).return_annotation
    return None if annotation in (inspect.Signature.empty, Any) or isinstance(annotation, TypeVar) else annotation


def _signature(function: Callable[..., Any], what: str) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as error:
        raise DeclarationError(
            f"{what}: an annotation of {_name(function)} cannot be read ({error}); declare its types at module level"
        ) from error
    except (TypeError, ValueError) as error:
        raise DeclarationError(f"{what}: {function!r} has no readable signature ({error})") from error


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
