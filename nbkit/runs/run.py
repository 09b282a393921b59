"""A run while it goes on: what it says of itself, and the rows that follow from it."""

from __future__ import annotations

import os
import platform
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nbkit.errors import ChildDied, GuardError, HardTimeout, HeartbeatLost
from nbkit.failures import FailureCategory, classify
from nbkit.runs.rows import Row
from nbkit.warehouse.schema import COLUMN_NAMES

NOTEBOOK = "notebook:"  # what the processor names of nbkit's own runs begin with
_TRACE_LINES = 30


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """What started a run, in the words of the history's columns."""

    source: str | None = None  # pubsub, scheduler, manual, api
    triggered_by: str | None = None  # scheduler, manual, workflow, api, retry
    message_id: str | None = None
    message: Any = None
    attempt: int | None = None
    parent: str | None = None

    def columns(self) -> dict[str, Any]:
        return {
            "trigger_source": self.source,
            "triggered_by": self.triggered_by or self.source,
            "trigger_message_id": self.message_id,
            "trigger_message_data": self.message,
            "retry_attempt": self.attempt,
            "parent_processor": self.parent,
        }


@dataclass
class _Outcome:
    """What the work said of itself, until it ends."""

    status: str = "success"
    category: FailureCategory = FailureCategory.SUCCESS
    columns: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[Any] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)


class Run:
    """A run that is being recorded; what `record` yields."""

    def __init__(
        self,
        *,
        start: Row,
        send: Callable[[Row, str], None],
        monotonic: Callable[[], float],
        heartbeat_every: timedelta,
        on_words: Callable[[], None] = lambda: None,
    ) -> None:
        self.run_id: str = start["run_id"]
        self.started_at: datetime = start["started_at"]
        self.heartbeat_at: datetime = start["started_at"]
        self._start = dict(start)
        self._send = send
        self._monotonic = monotonic
        self._began = monotonic()
        self._every = heartbeat_every.total_seconds()
        self._beaten = self._began
        self._beats = 0
        self._outcome = _Outcome()
        self._on_words = on_words
        self._last_words: dict[str, Any] | None = None
        self._lock = threading.Lock()
        self.ended = False

    def heartbeat(self) -> None:
        """Say that the work goes on. Cheap: a row is written once in `heartbeat_every`."""
        with self._lock:
            now = self._monotonic()
            self.heartbeat_at = self._now()
            if self.ended or now - self._beaten < self._every:
                return
            self._beaten = now
            self._beats += 1
            beat = self._beats
        self._send({**self._start, "heartbeat_at": self.heartbeat_at}, f"heartbeat-{beat}")
        self._on_words()

    def ended_by_guard(self, evidence: Mapping[str, Any]) -> None:
        """For `guard(on_deadline=run.ended_by_guard)`: should the guard have to end the whole
        process, the run's end is a timeout with this evidence."""
        self._last_words = dict(evidence)
        self._on_words()

    def records(
        self,
        *,
        processed: int | None = None,
        created: int | None = None,
        updated: int | None = None,
        skipped: int | None = None,
    ) -> None:
        """How many rows were handled, inserted, changed, left alone."""
        given = {
            "records_processed": processed,
            "records_created": created,
            "records_updated": updated,
            "records_skipped": skipped,
        }
        self.columns(**{name: count for name, count in given.items() if count is not None})

    def columns(self, **values: Any) -> None:
        """Set any other column of the history, by its name."""
        unknown = sorted(set(values) - set(COLUMN_NAMES))
        if unknown:
            raise TypeError(f"the run history has no column {', '.join(unknown)}")
        self._outcome.columns.update(values)

    def warn(self, message: str, **more: Any) -> None:
        """Add to the run's warnings."""
        self._outcome.warnings.append({"message": message, **more})

    def summary(self, **values: Any) -> None:
        """Add to the run's summary."""
        self._outcome.summary.update(values)

    def no_data(self, reason: str) -> None:
        """There was nothing to do, as expected: `run.no_data("no games scheduled")`."""
        self._skipped("no_data", reason, FailureCategory.NO_DATA_AVAILABLE)

    def skip(self, reason: str) -> None:
        """The run chose not to work: smart_skip, early_exit, already_processed, or in words. A
        reason that tells of a fault is judged as one."""
        category = classify(None, status="skipped", skip_reason=reason).category
        self._skipped(reason, reason, category)

    def missing(self, tables: Iterable[str]) -> None:
        """Its input was not there: the run counts as failed, the fault as upstream's."""
        listed = list(tables)
        self._outcome.status = "failed"
        self._outcome.category = FailureCategory.DEPENDENCY_MISSING
        self._outcome.columns |= {
            "dependency_check_passed": False,
            "missing_dependencies": listed,
        }
        self._outcome.errors.append(
            {"type": "DependencyMissing", "message": f"Missing dependencies: {', '.join(listed)}"}
        )

    def partial(self, reason: str) -> None:
        """Only a part of the work was done."""
        self._outcome.status = "partial"
        self._outcome.category = classify(reason, status="partial").category
        self._outcome.errors.append({"type": "Partial", "message": reason})

    def fail(self, message: str, *, category: FailureCategory | str | None = None) -> None:
        """The work failed without an exception. The category follows from the message, or is
        given by who knows better."""
        self._outcome.status = "failed"
        self._outcome.category = (
            FailureCategory(category)
            if category
            else classify(message, processor_name=self._start["processor_name"]).category
        )
        self._outcome.errors.append({"type": None, "message": message})

    def dependencies(
        self, checked: Iterable[Mapping[str, Any]], *, stale: Iterable[str] = ()
    ) -> None:
        """What was checked before the work: [{"table", "status", "age_hours"}, …]."""
        self._outcome.columns |= {
            "upstream_dependencies": [dict(item) for item in checked],
            "stale_dependencies": list(stale) or None,
        }
        self._outcome.columns.setdefault("dependency_check_passed", True)

    def _skipped(self, skip_reason: str, reason: str, category: FailureCategory) -> None:
        self._outcome.status = "skipped"
        self._outcome.category = category
        self._outcome.columns |= {"skipped": True, "skip_reason": skip_reason}
        self._outcome.summary["skip_reason"] = reason

    def _now(self) -> datetime:
        """The start and what has passed since: a clock that is set back does not run backwards."""
        return self.started_at + timedelta(seconds=self._monotonic() - self._began)

    def raised(self, error: BaseException) -> None:
        """What the block raised counts over all that it had said."""
        outcome = self._outcome
        evidence = dict(error.evidence) if isinstance(error, GuardError) else {}
        category = _category_of(error, self._start["processor_name"])
        outcome.status, outcome.category = "failed", category
        outcome.columns |= {"skipped": None, "skip_reason": None}
        if isinstance(error, (HardTimeout, HeartbeatLost)):
            outcome.columns["killed_by_timeout"] = True
        frames = traceback.format_exception(error)
        told = {
            "type": _name_of(error),
            "message": _message_of(error),
            "traceback": "".join(frames).splitlines()[-_TRACE_LINES:],
        }
        # The first is the one that is read: what ended the run comes before what it had noticed.
        outcome.errors.insert(0, told | ({"evidence": evidence} if evidence else {}))

    def end_row(self) -> dict[str, Any]:
        """The run's end, as of now."""
        outcome = self._outcome
        seconds = self._monotonic() - self._began
        return {
            **self._start,
            "status": outcome.status,
            "failure_category": outcome.category.value,
            "processed_at": self._now(),
            "duration_seconds": round(seconds, 3),
            "heartbeat_at": self.heartbeat_at,
            "errors": outcome.errors or None,
            "warnings": outcome.warnings or None,
            "summary": outcome.summary or None,
            **outcome.columns,
        }

    def left_behind(self) -> dict[str, Any]:
        """The end that a witness writes for a process that went away."""
        if self._last_words is not None:
            told = {
                "type": "HardTimeout",
                "message": "The guard ended the process: the work did not answer it",
                "evidence": self._last_words,
            }
            return {
                **self._start,
                "status": "failed",
                "failure_category": FailureCategory.TIMEOUT.value,
                "killed_by_timeout": True,
                "heartbeat_at": self.heartbeat_at,
                "errors": [told],
            }
        message = (
            f"The process went away without ending its run (process {os.getpid()} on "
            f"{platform.node()}): killed, out of memory, or a crash in native code"
        )
        return {
            **self._start,
            "status": "failed",
            "failure_category": FailureCategory.ERROR.value,
            "heartbeat_at": self.heartbeat_at,
            "errors": [{"type": "ProcessDied", "message": message}],
        }


def _category_of(error: BaseException, processor: str) -> FailureCategory:
    if isinstance(error, (HardTimeout, HeartbeatLost)):
        return FailureCategory.TIMEOUT
    if isinstance(error, ChildDied):
        return FailureCategory.ERROR
    if isinstance(error, Exception):
        found = classify(
            _message_of(error), exception_type=_name_of(error), processor_name=processor
        ).category
        # An exception may say anything, but not that the run succeeded.
        return FailureCategory.ERROR if found is FailureCategory.SUCCESS else found
    return FailureCategory.ERROR


def _name_of(error: BaseException) -> str:
    kind = type(error)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _message_of(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted (SIGINT)"
    if isinstance(error, SystemExit):
        return f"The process exited with {error.code}"
    return str(error) or type(error).__name__
