"""Days that say nothing of what is normal: `registry/marked_spans.yaml`, written by people.

A known incident, a week of maintenance, everything before a rebuild: such days would widen the
baseline and hide the next trouble, or be told as a change that everybody knows of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from nbkit.errors import RegistryError
from nbkit.project import find_project
from nbkit.registry.models import Name, Names
from nbkit.registry.problems import Problems, nearest
from nbkit.registry.yaml_lines import read_document, shown_path

if TYPE_CHECKING:
    import pandas as pd

FILE_NAME = "marked_spans.yaml"

_FIXES = {
    "version": 'write it in quotes, such as "1.0"',
    "spans": "write a list of spans, [] for none; see docs/trends.md",
    "first": "write a date, such as 2026-01-05, or leave it out for all earlier days",
    "last": "write a date, such as 2026-01-07, or leave it out while it goes on",
    "processors": "write a list of processor names, or leave it out for all",
    "why": "write what happened, in a sentence",
}


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a date; write it like 2026-01-05") from None


_Day = Annotated[date | None, BeforeValidator(_date)]


class MarkedSpan(BaseModel):
    """Whole UTC days from `first` to `last`, both included; None is without end on that side.
    Without `processors` it holds for all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    first: _Day = None
    last: _Day = None
    processors: Names = ()
    why: Name

    @model_validator(mode="after")
    def _in_order(self) -> MarkedSpan:
        if self.first is None and self.last is None:
            raise ValueError("a span without first and last day would mark all there is")
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ValueError(f"its first day {self.first} is after its last {self.last}; swap them")
        return self

    def days(self, first: date, last: date) -> Iterator[date]:
        """Its days among those from `first` to `last`."""
        day, end = max(self.first or first, first), min(self.last or last, last)
        while day <= end:
            yield day
            day += timedelta(days=1)


@dataclass(frozen=True)
class MarkedSpans:
    """All spans of a project, in the order of the file."""

    spans: tuple[MarkedSpan, ...] = ()

    def touching(self, first: date, last: date) -> tuple[MarkedSpan, ...]:
        """Those with a day from `first` to `last`."""
        return tuple(span for span in self.spans if any(True for _ in span.days(first, last)))

    def days_of_all(self, first: date, last: date) -> frozenset[date]:
        """The days from `first` to `last` that are marked for every processor."""
        return frozenset(
            day for span in self.spans if not span.processors for day in span.days(first, last)
        )

    def first_unmarked(self, first: date, last: date) -> date:
        """`first`, or the first day after it that is not marked for every processor: what lies
        before need not be read. The day after `last` where all of them are."""
        marked = self.days_of_all(first, last)
        while first in marked:
            first += timedelta(days=1)
        return first

    def without(self, rows: pd.DataFrame, *, day: str) -> pd.DataFrame:
        """The rows on days that are not marked.

        Args:
            rows: with `processor_name` and a column `day` of dates (or text of them).
        """
        if not self.spans or rows.empty:
            return rows
        import pandas as pd

        # Each day is read once: a history has few days in many rows.
        places, days = pd.factorize(rows[day])
        moments = pd.to_datetime(pd.Series(days).astype("str"))
        when = pd.Series(moments.to_numpy()[places], index=rows.index)
        keep = pd.Series(True, index=rows.index)
        for span in self.spans:
            inside = pd.Series(True, index=rows.index)
            if span.first is not None:
                inside &= when >= pd.Timestamp(span.first)
            if span.last is not None:
                inside &= when <= pd.Timestamp(span.last)
            if span.processors:
                inside &= rows["processor_name"].isin(span.processors)
            keep &= ~inside
        return rows[keep]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Annotated[str, Field(min_length=1)]
    spans: list[Any]


def load_marked_spans(
    path: Path | None = None, *, known: Sequence[str] | None = None
) -> MarkedSpans:
    """Read and check a file of spans (default: the project's `registry/marked_spans.yaml`; a
    project without that file has none).

    Args:
        known: names of processors; a span of another one is refused.

    Raises:
        RegistryError: all that is wrong with it, a line each: file:line, key, what, the fix.
        ProjectNotFound: no path given, and the working directory is in no project.
    """
    if path is None:
        path = find_project().registry / FILE_NAME
        if not path.exists():
            return MarkedSpans()
    document = read_document(path)
    if not isinstance(document.values, dict):
        raise RegistryError(
            f"{shown_path(path)}:1: marked spans are a mapping with version and spans; "
            "see docs/trends.md."
        )
    problems = Problems(document, fixes=_FIXES, defaulted=())
    problems.model(_File, document.values, ())
    entries = document.values.get("spans")
    spans = [
        problems.model(MarkedSpan, entry, ("spans", place))
        for place, entry in enumerate(entries if isinstance(entries, list) else [])
    ]
    for place, span in enumerate(spans):
        for name in span.processors if span and known is not None else ():
            if name not in (known or ()):
                problems.add(
                    ("spans", place, "processors"),
                    f"nobody registered {name}{nearest(name, known or ())}",
                )
    problems.raise_any()
    return MarkedSpans(tuple(span for span in spans if span))
