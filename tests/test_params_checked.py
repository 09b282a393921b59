"""What a question is asked with is checked against its signature, all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
import pytest

import nbkit as nb
from nbkit.errors import ParameterError
from nbkit.params.checked import MOST_DAYS, Bounds, Days, checked

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)


@checked
def question(
    warehouse: object,
    *,
    as_of: datetime | str = "",
    days: Days = 7,
    share: Annotated[float, Bounds(above=0, below=1)] = 0.5,
    name: str = "",
    state: str | None = None,
    keys: Sequence[str] = (),
    waits: Sequence[float] = (),
    margins: Mapping[str, float] | None = None,
) -> str:
    """What is it?"""
    return "asked"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"as_of": AS_OF, "days": 1, "share": 0.99},
        {"days": np.int64(MOST_DAYS), "share": np.float64(0.5)},
        {"keys": ["a"], "waits": (1, 2.5), "margins": {"a": 1}, "state": None},
    ],
)
def test_what_makes_sense_is_asked(given: dict[str, Any]) -> None:
    assert question("anything", **given) == "asked"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"days": "four"}, "days is a whole number, at least 1 and at most 1,095, not 'four'."),
        ({"days": 100_000}, "days is a whole number, at least 1 and at most 1,095, not 100000."),
        ({"days": 0}, "days is a whole number, at least 1 and at most 1,095, not 0."),
        ({"days": 2.5}, "days is a whole number, at least 1 and at most 1,095, not 2.5."),
        ({"days": True}, "days is a whole number, at least 1 and at most 1,095, not True."),
        ({"days": None}, "days is a whole number, at least 1 and at most 1,095, not None."),
        ({"share": float("nan")}, "share is a number, above 0 and below 1, not nan."),
        ({"share": 1}, "share is a number, above 0 and below 1, not 1."),
        ({"as_of": 20260113}, "as_of is a moment or a text, not 20260113."),
        ({"name": 5}, "name is a text, not 5."),
        ({"state": 5}, "state is a text or None, not 5."),
        ({"keys": "game_id"}, "keys is a list of texts, not 'game_id'."),
        ({"waits": ["soon"]}, "waits is a list of numbers, not ['soon']."),
        ({"margins": {"a": "b"}}, "margins is a mapping of names to numbers or None"),
    ],
)
def test_what_makes_none_is_told_with_what_would(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError) as told:
        question("anything", **given)
    assert str(told.value).startswith(says)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ParameterError, match=r"days is .* name is "):
        question("anything", days=0, name=5)


def test_a_name_that_is_not_taken_is_left_to_python() -> None:
    with pytest.raises(TypeError, match="weeks"):
        question("anything", weeks=4)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (nb.baselines, {"days": 100_000}),
        (nb.daily_health, {"services": 5}),
        (nb.handoff, {"since_hours": 1e9}),
        (nb.incident, {"since": 2}),
        (nb.parity, {"name": "x", "days": 10**9}),
        (nb.phase5, {"days": 10**9}),
        (nb.retry_storm, {"days": "many"}),
        (nb.scorecard, {"as_of": 5}),
        (nb.sla_monthly, {"months": 10**6}),
        (nb.sla_weekly, {"weeks": "four"}),
        (nb.sla_weekly, {"weeks": 100_000}),
        (nb.trends, {"days": 100_000}),
        (nb.validation, {"after_days": 10**6}),
    ],
)
def test_every_question_refuses_nonsense_before_it_looks_at_a_warehouse(
    asked: Callable[..., object], given: dict[str, Any]
) -> None:
    with pytest.raises(ParameterError, match=f"{list(given)[-1]} is "):
        asked("duckdb:///no-such-file.duckdb", **({"as_of": AS_OF} | given))
