"""What a question may be asked with stands in its signature, and is checked before it is asked.

::

    @checked
    def sla_weekly(warehouse, *, as_of: datetime | str, weeks: Annotated[int, Bounds(least=2)] = 6)

Checked are texts, numbers, moments, lists and mappings of these; other types are left to the
question. All problems are told at once.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, wraps
from inspect import signature
from numbers import Integral, Real
from typing import Annotated, Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from nbkit.errors import ParameterError

# What was normal more than three years ago says nothing about now, and reading it costs money.
MOST_DAYS = 3 * 365

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Between which values a number lies: `least` and `most` included, `above` and `below` not."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def hold(self, number: float) -> bool:
        return (
            (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    def told(self) -> str:
        """`at least 2 and at most 156`."""
        words = {
            "at least": self.least,
            "above": self.above,
            "at most": self.most,
            "below": self.below,
        }
        return " and ".join(f"{word} {_number(to)}" for word, to in words.items() if to is not None)


Days = Annotated[int, Bounds(least=1, most=MOST_DAYS)]
DaysOrDefault = Annotated[int, Bounds(least=0, most=MOST_DAYS)]  # 0: as it stands elsewhere
Minutes = Annotated[float, Bounds(above=0, most=24 * 60)]  # waits within a day


def checked(question: Callable[P, R]) -> Callable[P, R]:
    """The question, which raises ParameterError where an argument is not as its signature says."""

    @wraps(question)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            given = signature(question).bind_partial(*args, **kwargs).arguments
        except TypeError:  # a name that it does not take: Python says which
            return question(*args, **kwargs)
        kinds = _kinds(question)
        wrong = [_wrong(name, value, kinds[name]) for name, value in given.items() if name in kinds]
        told = [words for words in wrong if words]
        if told:
            raise ParameterError(" ".join(told))
        return question(*args, **kwargs)

    return asked


@cache
def _kinds(question: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(question, include_extras=True)


def _wrong(name: str, value: object, kind: Any) -> str | None:
    bounds = Bounds()
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        bounds = next((each for each in more if isinstance(each, Bounds)), bounds)
    choices = _choices(kind)
    words = [_WORDS.get(choice) for choice in choices]
    if None in words:
        return None
    fits = [choice for choice in choices if _is(value, choice)]
    if fits and (not isinstance(value, Real) or bounds.hold(float(value))):
        return None
    meant = " or ".join(str(word) for word in words if word) + (
        f", {bounds.told()}" if bounds.told() else ""
    )
    return f"{name} is {meant}, not {value!r}."


def _choices(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) in (Union, types.UnionType):
        return get_args(kind)
    return (kind,)


_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a text",
    datetime: "a moment",
    types.NoneType: "None",
    Sequence[str]: "a list of texts",
    Sequence[float]: "a list of numbers",
    Mapping[str, float]: "a mapping of names to numbers",
}


def _is(value: object, kind: Any) -> bool:
    if kind is int or kind is float:
        number = Integral if kind is int else Real
        # A truth value is a number to Python only; NaN is none that equals itself.
        return type(value) is not bool and isinstance(value, number) and value == value
    if get_origin(kind) is None:
        return isinstance(value, kind)
    if get_origin(kind) is Sequence:
        of = get_args(kind)[0]
        return (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and all(_is(each, of) for each in value)
        )
    return isinstance(value, Mapping) and all(
        _is(each, get_args(kind)[1]) for each in value.values()
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"
