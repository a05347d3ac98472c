"""What a handler handles is read from its annotations."""

from typing import Any, Optional, TypeVar, Union

import pytest

from headwater.annotations import parameter_types, returned_types, union_members
from headwater.errors import DeclarationError


class A: ...


class B: ...


class C: ...


T = TypeVar("T")
Alias = A | B


@pytest.mark.parametrize(
    ("annotation", "classes"),
    [
        (A, (A,)),
        (A | B, (A, B)),
        (B | A | None, (B, A)),
        (Union[A, B], (A, B)),  # noqa: UP007 - the old way is read too
        (Optional[A], (A,)),  # noqa: UP045
        (Alias | C, (A, B, C)),
        (None, ()),
        (type(None), ()),
    ],
)
def test_members_of_a_union_in_order(annotation: Any, classes: tuple[type, ...]) -> None:
    assert union_members(annotation) == classes


def test_an_alias_by_type_statement() -> None:
    class Alias:  # as `type X = A | B` of Python 3.12 looks
        __value__ = A | B

    assert union_members(Alias()) == (A, B)


@pytest.mark.parametrize("annotation", ["A", 3, list[int] | A, T])
def test_what_is_no_class_is_refused(annotation: Any) -> None:
    with pytest.raises(DeclarationError, match="is not a class or a union of classes"):
        union_members(annotation)


def function(first: A, second: "A | B") -> "B | None": ...  # type: ignore[empty-body]


def bare(first, second: Any, third: T) -> Any: ...  # type: ignore[no-untyped-def]


class Callable:
    def __call__(self, first: A) -> None: ...

    def method(self, first: B) -> None: ...


def test_parameters_of_functions_methods_and_objects() -> None:
    assert parameter_types(function, 0, "it") == (A,)
    assert parameter_types(function, 1, "it") == (A, B)
    assert parameter_types(Callable(), 0, "it") == (A,)
    assert parameter_types(Callable().method, 0, "it") == (B,)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_parameter_that_says_nothing_is_refused_with_its_name(index: int) -> None:
    name = ("first", "second", "third")[index]
    with pytest.raises(DeclarationError, match=f"view 'v': annotate parameter '{name}' of bare"):
        parameter_types(bare, index, "view 'v'")


def test_a_lambda_is_refused() -> None:
    with pytest.raises(DeclarationError, match="annotate parameter 'x'"):
        parameter_types(lambda x: x, 0, "it")


def test_too_few_parameters_are_refused() -> None:
    with pytest.raises(DeclarationError, match="function takes 2 parameters, expected 3"):
        parameter_types(function, 2, "it")


def test_an_annotation_that_cannot_be_read_is_refused() -> None:
    def broken(x: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(DeclarationError, match="declare its types at module level"):
        parameter_types(broken, 0, "it")


@pytest.mark.parametrize("thing", [3, "text", None])
def test_what_cannot_be_called_is_refused(thing: Any) -> None:
    with pytest.raises(DeclarationError, match="no readable signature"):
        parameter_types(thing, 0, "it")


def test_returned_classes() -> None:
    assert returned_types(function, "it") == (B,)
    assert returned_types(bare, "it") == ()
    assert returned_types(lambda x: x, "it") == ()
