"""What the failures say, grouped; and what is different from the day before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd

from nbkit.analysis.rates import between, is_real_failure, outcomes
from nbkit.failures import said_in

Direction = Literal["started failing", "more failures", "fewer failures", "recovered"]


@dataclass(frozen=True)
class Cause:
    """Failures with one category and rule. `example` is a whole message of the largest group;
    `new` says that no message of this shape was seen in the baseline."""

    category: str
    rule: str
    expected: bool
    failures: int
    processors: tuple[str, ...]
    example: str
    example_processor: str
    example_run_id: str
    since: datetime
    new: bool


@dataclass(frozen=True)
class NewMessage:
    """An error message (varying parts masked) that the baseline does not have."""

    processor: str
    category: str
    example: str
    failures: int
    since: datetime


@dataclass(frozen=True)
class Change:
    """Real failures of one processor, yesterday and today."""

    processor: str
    direction: Direction
    before: int
    now: int
    successes_now: int


def causes(counts: pd.DataFrame, *, start: datetime, end: datetime) -> tuple[Cause, ...]:
    """Group the failures of [start, end) by category and rule: real ones first, largest first.

    Args:
        counts: classified hourly counts over the baseline and the window: processor_name, hour,
            category, category_rule, error_signature, error_example, example_run_id, runs.
    """
    failing = between(counts, start, end)
    failing = failing[failing["category"] != "success"]
    known = set(_signatures(counts[counts["hour"] < start]))
    rows = []
    for (category, rule), group in failing.groupby(["category", "category_rule"], sort=True):
        largest = group.sort_values(["runs", "example_run_id"], ascending=[False, True]).iloc[0]
        by_processor = group.groupby("processor_name")["runs"].sum()
        names = by_processor.sort_values(ascending=False, kind="stable").index
        rows.append(
            Cause(
                category=str(category),
                rule=str(rule),
                expected=not bool(is_real_failure(group).iloc[0]),
                failures=int(group["runs"].sum()),
                processors=tuple(str(name) for name in names),
                example=said_in(largest["error_example"]),
                example_processor=str(largest["processor_name"]),
                example_run_id=_text(largest["example_run_id"]),
                since=group["hour"].min().to_pydatetime(),
                new=not (set(_signatures(group)) & known),
            )
        )
    return tuple(sorted(rows, key=lambda c: (c.expected, -c.failures, c.rule)))


def new_messages(counts: pd.DataFrame, *, start: datetime, end: datetime) -> tuple[NewMessage, ...]:
    """Messages of real failures in [start, end) that no earlier hour of `counts` has, by count."""
    window = between(counts, start, end)
    failing = window[is_real_failure(window) & window["error_signature"].notna()]
    known = set(_signatures(counts[counts["hour"] < start]))
    # .loc: an empty list of flags would select no columns instead of no rows.
    keys = _signatures(failing)
    failing = failing.assign(words=[words for _, words in keys])
    fresh = failing.loc[[key not in known for key in keys]]
    rows = [
        NewMessage(
            processor=str(name),
            category=str(group["category"].iloc[0]),
            example=said_in(group["error_example"].iloc[0]),
            failures=int(group["runs"].sum()),
            since=group["hour"].min().to_pydatetime(),
        )
        for (name, _), group in fresh.groupby(["processor_name", "words"], sort=True)
    ]
    return tuple(sorted(rows, key=lambda m: (-m.failures, m.processor, m.example)))


def changes(
    counts: pd.DataFrame, *, start: datetime, end: datetime, factor: float = 2.0, at_least: int = 5
) -> tuple[Change, ...]:
    """Processors whose real failures differ between [start, end) and the equal span before it.

    Args:
        factor: a count that grew or shrank by less is no change.
        at_least: failures by which the counts must differ.

    Returns:
        What got worse first, then what got better, each by size.
    """
    before = between(counts, start - (end - start), start)
    now = between(counts, start, end)
    rows = []
    for name in sorted({*before["processor_name"], *now["processor_name"]}):
        was = outcomes(before[before["processor_name"] == name])
        today = outcomes(now[now["processor_name"] == name])
        direction = _direction(was.real, today.real, today.successes, factor, at_least)
        if direction:
            rows.append(Change(str(name), direction, was.real, today.real, today.successes))
    return tuple(sorted(rows, key=lambda c: (c.now < c.before, -abs(c.now - c.before))))


def _direction(
    before: int, now: int, successes: int, factor: float, at_least: int
) -> Direction | None:
    if abs(now - before) < at_least:
        return None
    if now > before * factor:
        return "more failures" if before else "started failing"
    if before > now * factor:
        return "fewer failures" if now or not successes else "recovered"
    return None


def _signatures(counts: pd.DataFrame) -> list[tuple[str, str]]:
    """Processor and words of each row's masked message: the same trouble is written now as a
    string, now as an object with a trace."""
    words = {each: said_in(each) for each in counts["error_signature"].unique()}
    return [
        (str(name), words[signature])
        for name, signature in zip(counts["processor_name"], counts["error_signature"], strict=True)
    ]


def _text(value: object) -> str:
    return "" if pd.isna(value) else str(value)  # type: ignore[call-overload]
