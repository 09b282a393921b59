"""Breakers of the processors of a history, and of nbkit's own runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nbkit.analysis.breaker import RESET, BreakerState, Rules, State, decide, outcomes_of
from nbkit.errors import BreakerOpen, ParameterError
from nbkit.failures import error_text
from nbkit.findings.wording import short
from nbkit.runs.claims import claim
from nbkit.runs.history import record
from nbkit.runs.run import Trigger

if TYPE_CHECKING:
    from pathlib import Path

    from nbkit.warehouse.protocol import Warehouse

LOOKBACK = timedelta(days=7)
# Expected outcomes between real failures are not counted, but they take rows.
MOST = 60


def breaker_of(
    warehouse: Warehouse, processor: str, *, as_of: datetime, rules: Rules | None = None
) -> BreakerState:
    """The breaker of one processor; one that never ran has a closed one."""
    found = _read(warehouse, as_of=as_of, processor=processor, rules=rules)
    return found.get(processor) or decide((), rules=rules or Rules(), now=as_of)


def breakers(
    warehouse: Warehouse, *, as_of: datetime, rules: Rules | None = None
) -> dict[str, BreakerState]:
    """The breakers of all processors that ran in the last week, by name: one query."""
    return _read(warehouse, as_of=as_of, processor=None, rules=rules)


def require_closed(
    warehouse: Warehouse, processor: str, *, now: datetime, rules: Rules | None = None
) -> BreakerState:
    """Ask before a run is started. Of several that ask when a probe is due, one is let through.

    Raises:
        BreakerOpen: no run may start; says until when, why, and how to reset it.
    """
    state = breaker_of(warehouse, processor, as_of=now, rules=rules)
    if state.state is State.HALF_OPEN and state.may_start:
        last = state.failures[0]
        if claim(warehouse, f"probe of {processor} after {last.run_id}", now=now):
            return state
        raise BreakerOpen(f"The breaker of {processor} is half open, and another run is its probe.")
    if not state.may_start:
        raise BreakerOpen(refusal(processor, state))
    return state


def refusal(processor: str, state: BreakerState) -> str:
    """What to tell somebody whose run may not start."""
    until = f" until {state.until:%Y-%m-%d %H:%M} UTC" if state.until else ""
    last = short(error_text(state.failures[0].message)[0] or "no message recorded", 160)
    return (
        f"The breaker of {processor} is {state.state.replace('_', ' ')}{until}: {state.reason}. "
        f"Last message: {last}. Mend the cause, then: nbkit breaker reset {processor} --reason …"
    )


def reset(
    warehouse: Warehouse | str,
    processor: str,
    *,
    reason: str,
    who: str,
    clock: Callable[[], datetime],
    spool: Path | None = None,
) -> None:
    """Close a breaker by hand. It stands in the history as a skipped run: who, when and why.

    Raises:
        ParameterError: no reason was given.
    """
    if not reason.strip():
        raise ParameterError("Give a reason: it stays in the history, for whoever asks later.")
    with record(
        warehouse,
        processor=processor,
        data_date=clock().date(),
        trigger=Trigger(source="manual", triggered_by="manual"),
        clock=clock,
        spool=spool,
        has_witness=False,
    ) as run:
        run.no_data(reason)
        run.columns(skip_reason=RESET)
        run.summary(reset_by=who, reason=reason)


def _read(
    warehouse: Warehouse, *, as_of: datetime, processor: str | None, rules: Rules | None
) -> dict[str, BreakerState]:
    frame = warehouse.query(
        "recent_outcomes",
        start=as_of - LOOKBACK,
        end=as_of + timedelta(microseconds=1),
        as_of=as_of,
        processor_name=processor,
        most=MOST,
    )
    return {
        name: decide(outcomes, rules=rules or Rules(), now=as_of)
        for name, outcomes in outcomes_of(frame).items()
    }
