"""Is the input of a run there? Every upstream of a processor for one date, with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from nbkit.failures import EXPECTED, FailureCategory, classify_history
from nbkit.registry import Processor, ProcessorRegistry

LOOKBACK = timedelta(days=31)
ENOUGH_DATES = 5
# How old a success may be that serves a date, by how often the upstream runs.
_GOOD_FOR = {
    "continuous": timedelta(0),
    "hourly": timedelta(0),
    "daily": timedelta(0),
    "weekly": timedelta(days=7),
    "monthly": LOOKBACK,
    "on_demand": LOOKBACK,
}


class UpstreamState(StrEnum):
    """What an upstream has come to for a date. The first three are ready."""

    SUCCEEDED = "succeeded"
    NO_DATA = "no_data"  # expected: there was nothing to do, so there is nothing to wait for
    STANDS_IN = "stands_in"  # another processor has filled the same table
    ZERO_RECORDS = "zero_records"
    FAILED = "failed"
    RUNNING = "running"
    STUCK = "stuck"
    NOT_STARTED = "not_started"


_READY = frozenset({UpstreamState.SUCCEEDED, UpstreamState.NO_DATA, UpstreamState.STANDS_IN})


@dataclass(frozen=True, kw_only=True)
class Usual:
    """When an upstream usually succeeds for a date: the median of `dates` dates, and the moment by
    which it has in nine of ten."""

    median: datetime
    p90: datetime
    dates: int


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """One upstream. `since`: when it succeeded, failed or started. `usual` is None where fewer than
    five earlier dates are known."""

    name: str
    state: UpstreamState
    reason: str
    since: datetime | None = None
    records: int | None = None
    category: FailureCategory | None = None
    table: str | None = None
    usual: Usual | None = None

    @property
    def is_ready(self) -> bool:
        return self.state in _READY


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """Whether a processor's input for a date is there."""

    processor: str
    data_date: date
    as_of: datetime
    upstreams: tuple[Upstream, ...]

    @property
    def is_ready(self) -> bool:
        return all(upstream.is_ready for upstream in self.upstreams)

    @property
    def not_ready(self) -> tuple[Upstream, ...]:
        return tuple(upstream for upstream in self.upstreams if not upstream.is_ready)

    @property
    def missing(self) -> tuple[str, ...]:
        """The tables that are not filled (or the upstreams' names), as `run.missing` takes them."""
        return tuple(upstream.table or upstream.name for upstream in self.not_ready)

    @property
    def usually_at(self) -> datetime | None:
        """When the last of what is missing usually is there; None where earlier dates do not say
        so of each."""
        usual = [upstream.usual for upstream in self.not_ready]
        moments = [u.median for u in usual if u is not None]
        return max(moments) if moments and len(moments) == len(usual) else None

    @property
    def expected_at(self) -> datetime | None:
        """`usually_at`, unless that has passed: then there is no telling."""
        at = self.usually_at
        return at if at is not None and at > self.as_of else None

    @property
    def outlook(self) -> str:
        """When it will be ready, in a sentence."""
        if self.is_ready:
            return "it is ready"
        if self.usually_at is None:
            return "when it will be ready is not known: too few earlier dates"
        when = f"{self.usually_at:%Y-%m-%d %H:%M} UTC"
        if self.expected_at is None:
            return f"overdue: usually all of it is there by {when}"
        return f"usually all of it is there by {when}"

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        if not self.upstreams:
            return "it needs nothing"
        if self.is_ready:
            return f"all {len(self.upstreams)} upstreams are done"
        return "; ".join(f"{u.name} {u.reason}" for u in self.not_ready)


def readiness(
    processor: str,
    data_date: date,
    *,
    registry: ProcessorRegistry,
    works: pd.DataFrame,
    as_of: datetime,
    whole: bool = False,
) -> Readiness:
    """Judge every upstream of a processor.

    An upstream is ready when a run for the date succeeded (one that runs weekly or on demand:
    within its period), when its last run had nothing to do, or when another registered processor
    has filled the same table. A success with zero records is not ready where the registry states
    (not merely assumes) that there must be some: elsewhere zero is not evidence, for the platform
    recorded 0 for good runs until 2026-01-14.

    Args:
        works: rows of `work_states` up to `data_date`, of the 31 days before it as well.
        whole: all ancestors instead of the direct upstreams alone.

    Raises:
        UnknownProcessor: it is not registered.
    """
    registry.processor(processor)
    names = registry.upstream(processor) if whole else registry.get_dependencies(processor)
    return Readiness(
        processor=processor,
        data_date=data_date,
        as_of=as_of,
        upstreams=upstreams(names, data_date, registry=registry, works=works, as_of=as_of),
    )


def upstreams(
    names: Iterable[str],
    data_date: date,
    *,
    registry: ProcessorRegistry,
    works: pd.DataFrame,
    as_of: datetime,
) -> tuple[Upstream, ...]:
    """What each of these processors has come to for a date; as `readiness`, for any names."""
    history = _History(works, data_date, as_of)
    return tuple(_upstream(name, registry, history) for name in names)


def _upstream(name: str, registry: ProcessorRegistry, history: _History) -> Upstream:
    processor = registry.processor(name)
    found = _own(processor, history)
    if found.is_ready or processor.bigquery_table is None:
        return found
    for other in registry.by_table(processor.bigquery_table):
        if other.name == name:
            continue
        instead = _own(other, history)
        if instead.state is UpstreamState.SUCCEEDED:
            reason = f"its table was filled by {other.name}"
            return _of(processor, UpstreamState.STANDS_IN, reason, instead.since, history)
    return found


def _own(processor: Processor, history: _History) -> Upstream:
    row = history.row(processor.name, good_for=_GOOD_FOR[processor.expected_frequency])
    if row is None:
        return _of(processor, UpstreamState.NOT_STARTED, "has not started", None, history)
    succeeded = _moment(row["succeeded_at"])
    if succeeded is not None:
        records = None if pd.isna(row["most_records"]) else int(row["most_records"])
        expects = processor.expected_record_range
        if (
            records == 0
            and expects is not None
            and expects.min > 0
            and not processor.is_default("expected_record_range")
        ):
            reason = f"succeeded with no records, where at least {expects.min:,} are expected"
            return _of(
                processor, UpstreamState.ZERO_RECORDS, reason, succeeded, history, records=records
            )
        amount = "" if records is None else f" with {records:,} records"
        return _of(
            processor,
            UpstreamState.SUCCEEDED,
            f"succeeded{amount}",
            succeeded,
            history,
            records=records,
        )
    running = _moment(row["running_since"])
    if running is not None and history.as_of - running <= processor.timeout:
        return _of(processor, UpstreamState.RUNNING, "is running", running, history)
    ended = _moment(row["last_ended_at"])
    if running is not None and (ended is None or running > ended):
        reason = "is stuck: it runs for longer than its timeout"
        return _of(processor, UpstreamState.STUCK, reason, running, history)
    category = None if pd.isna(row["category"]) else FailureCategory(row["category"])
    if category in EXPECTED:
        return _of(
            processor,
            UpstreamState.NO_DATA,
            "had nothing to do",
            ended,
            history,
            category=category,
        )
    word = str(category or FailureCategory.ERROR).replace("_", " ")
    return _of(
        processor, UpstreamState.FAILED, f"failed: {word}", ended, history, category=category
    )


def _of(
    processor: Processor,
    state: UpstreamState,
    reason: str,
    since: datetime | None,
    history: _History,
    **more: Any,
) -> Upstream:
    return Upstream(
        name=processor.name,
        state=state,
        reason=reason,
        since=since,
        table=processor.bigquery_table,
        usual=history.usual(processor.name),
        **more,
    )


class _History:
    """What the rows of `work_states` say about a date and about the dates before it."""

    def __init__(self, works: pd.DataFrame, data_date: date, as_of: datetime) -> None:
        self.as_of = as_of
        self._date = data_date
        judged = classify_history(works) if len(works) else works
        self._rows: dict[str, dict[date, Any]] = {}
        for row in judged.to_dict("records"):
            day = _day(row["data_date"])
            self._rows.setdefault(str(row["processor_name"]), {})[day] = row

    def row(self, name: str, *, good_for: timedelta) -> Any:
        """The latest success that serves the date; else what was tried for the date itself."""
        rows = self._rows.get(name, {})
        serving = [
            day
            for day, row in rows.items()
            if self._date - good_for <= day <= self._date and not pd.isna(row["succeeded_at"])
        ]
        return rows[max(serving)] if serving else rows.get(self._date)

    def usual(self, name: str) -> Usual | None:
        """From the first success of each earlier date, as time passed since that date began."""
        passed = [
            (first - _midnight(day)).total_seconds()
            for day, row in self._rows.get(name, {}).items()
            if day < self._date and (first := _moment(row["first_succeeded_at"])) is not None
        ]
        if len(passed) < ENOUGH_DATES:
            return None
        median, p90 = np.quantile(passed, [0.5, 0.9])
        start = _midnight(self._date)
        return Usual(
            median=start + timedelta(seconds=float(median)),
            p90=start + timedelta(seconds=float(p90)),
            dates=len(passed),
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _moment(value: Any) -> datetime | None:
    return None if pd.isna(value) else value.to_pydatetime()


def _day(value: Any) -> date:
    return date.fromisoformat(str(value)[:10])
