"""Breakers of the processors of a history, and of nbkit's own runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nbkit.analysis.breaker import BreakerState, Reset, Rules, State, decide, outcomes_of
from nbkit.errors import BreakerOpen, ParameterError
from nbkit.failures import error_text
from nbkit.findings.wording import short
from nbkit.runs.claims import claim
from nbkit.runs.log_line import log_held_back

if TYPE_CHECKING:
    from nbkit.warehouse.protocol import Warehouse

# Not the history: a row there would be taken for a run that had nothing to do, and what waits for
# that processor for its input.
RESETS = "nba_orchestration.breaker_resets"
LOOKBACK = timedelta(days=7)
# Of each processor, runs that are recorded as expected and others, so that three hours of polls
# that found nothing do not hide the failures before them.
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
    rules = rules or Rules()
    state = breaker_of(warehouse, processor, as_of=now, rules=rules)
    if not state.may_start:
        log_held_back(processor, until=state.until, reason=state.reason)
        raise BreakerOpen(refusal(processor, state))
    if state.state is State.HALF_OPEN and not _claim_probe(
        warehouse, processor, state, rules=rules, now=now
    ):
        raise BreakerOpen(
            f"The breaker of {processor} is half open, and another run is its probe. "
            f"Ask again when that has ended: nbkit breaker status {processor}."
        )
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
    warehouse: Warehouse, processor: str, *, reason: str, who: str, now: datetime
) -> BreakerState:
    """Close a breaker by hand, and keep who did it, when and why. Gives the state before; one that
    had no failure to forget is left as it is.

    Raises:
        ParameterError: no reason was given.
    """
    import pandas as pd

    if not reason.strip():
        raise ParameterError("Give a reason: it is kept, for whoever asks later.")
    before = breaker_of(warehouse, processor, as_of=now)
    if before.failures:
        row = {"processor_name": processor, "reset_at": pd.Timestamp(now), "who": who}
        warehouse.append(RESETS, pd.DataFrame([row | {"reason": reason.strip()}]))
    return before


def _claim_probe(
    warehouse: Warehouse, processor: str, state: BreakerState, *, rules: Rules, now: datetime
) -> bool:
    """Whether the caller is the probe. Once its run is recorded, that run holds back the others;
    the claim does so until then, and not for ever: whoever made it may have died before.

    A claim is for this stretch of time (half of `lost_after`) and for the next, so that of two
    callers on both sides of a boundary one is refused.
    """
    last = state.failures[0]
    assert last.ended_at is not None
    stretch = (now - last.ended_at) // (rules.lost_after / 2)
    name = f"probe of {processor} after {last.run_id}"
    return all(claim(warehouse, f"{name}, {n}", now=now) for n in (stretch, stretch + 1))


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
    outcomes = outcomes_of(frame)
    if not outcomes:
        return {}
    resets = _resets(warehouse, as_of=as_of)
    return {
        name: decide(found, rules=rules or Rules(), now=as_of, reset=resets.get(name))
        for name, found in outcomes.items()
    }


def _resets(warehouse: Warehouse, *, as_of: datetime) -> dict[str, Reset]:
    if not warehouse.columns(RESETS):
        return {}  # the table is made by the first reset
    frame = warehouse.query("breaker_resets", start=as_of - LOOKBACK, as_of=as_of)
    return {
        str(row["processor_name"]): Reset(
            at=row["reset_at"].to_pydatetime(), who=str(row["who"]), reason=str(row["reason"])
        )
        for row in frame.to_dict("records")
    }
