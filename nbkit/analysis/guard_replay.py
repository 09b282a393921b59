"""What a guard would have made of a history: each run played again with its deadlines.

The past cannot be rerun: a run that the guard ends might have been delivered again and succeeded,
a run that the breaker holds back might have. Neither is assumed; a replay only says when each
failure would have been known, and what would have been ended or held back wrongly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from nbkit.analysis import breaker
from nbkit.analysis.hangs import Ending, PhaseRun
from nbkit.analysis.stale import HARD_TIMEOUT, HEARTBEAT
from nbkit.failures import FailureCategory

EndedBy = Literal["itself", "timeout", "heartbeat"]
_WELL = (Ending.SUCCEEDED, Ending.IDLE)
_REMEMBERED = 60  # runs of a processor, as many as the breaker's own query reads


@dataclass(frozen=True, kw_only=True)
class GuardRules:
    """The customer's guard: 15 minutes without a heartbeat, 30 minutes in all, and a breaker that
    opens after three real failures in a row. Without a breaker (None) every run starts."""

    heartbeat: timedelta = HEARTBEAT
    timeout: timedelta = HARD_TIMEOUT
    breaker: breaker.Rules | None = field(default_factory=breaker.Rules)

    def __post_init__(self) -> None:
        if self.heartbeat <= timedelta(0) or self.timeout <= timedelta(0):
            raise ValueError("a guard needs a heartbeat and a timeout above zero")


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One run under the guard. `ended_at` is None for one that is rightly open at `as_of`.

    `saved` is how much earlier than in the history its row is closed. `held_back`: with the breaker
    it would not have started.
    """

    run: PhaseRun
    ended_at: datetime | None
    ended_by: EndedBy
    saved: timedelta
    held_back: bool

    @property
    def is_wrong_kill(self) -> bool:
        """It ended well (done, or nothing to do), later than the guard allows."""
        return self.ended_by != "itself" and self.run.ending in _WELL


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A whole history under the guard, by start of the runs.

    `openings`: how often a breaker went from closed to open.
    """

    rules: GuardRules
    runs: tuple[Replayed, ...]
    openings: int

    @property
    def ended_early(self) -> tuple[Replayed, ...]:
        """Runs that did not end well and that the guard ends before the history did."""
        return tuple(r for r in self.runs if r.ended_by != "itself" and not r.is_wrong_kill)

    @property
    def wrong_kills(self) -> tuple[Replayed, ...]:
        return tuple(r for r in self.runs if r.is_wrong_kill)

    @property
    def saved(self) -> timedelta:
        """Time in which rows said "running" and nothing went on, over the runs ended early."""
        return sum((r.saved for r in self.ended_early), timedelta())

    @property
    def earlier_median(self) -> timedelta | None:
        """How much earlier the failures that the guard ends are seen; None where it ends none."""
        found = [r.saved.total_seconds() for r in self.ended_early]
        return timedelta(seconds=median(found)) if found else None

    @property
    def earlier_most(self) -> timedelta | None:
        return max((r.saved for r in self.ended_early), default=None)

    @property
    def by_heartbeat(self) -> int:
        """Runs that a lost heartbeat ends before the timeout does."""
        return sum(r.ended_by == "heartbeat" for r in self.ended_early)

    @property
    def held_back(self) -> tuple[Replayed, ...]:
        """Runs that the breaker would not have let start."""
        return tuple(r for r in self.runs if r.held_back)

    @property
    def successes_held_back(self) -> int:
        return sum(r.run.ending is Ending.SUCCEEDED for r in self.held_back)


def replay(runs: Sequence[PhaseRun], *, rules: GuardRules, as_of: datetime) -> Replay:
    """Play runs again under the guard.

    A run ends at its own end, at start + timeout, or at its last heartbeat + heartbeat, whichever
    comes first. A run without any heartbeat is held to the timeout alone: the history does not say
    when it was last alive. Of a run's heartbeats only the last is known, so an earlier gap is not
    seen.

    The breaker (`breaker.decide`) is asked before each start, with what had ended by then under the
    guard. What it holds back leaves no outcome, so a later decision does not see it.

    Args:
        as_of: runs without an end have lasted until here at least.
    """
    done, openings = [], 0
    breakers: dict[str, _Breaker] = {}
    for run in sorted(runs, key=lambda run: (run.started_at, run.run_id)):
        ended_at, ended_by = _guarded(run, rules, as_of)
        held_back = False
        if rules.breaker is not None:
            own = breakers.setdefault(run.processor, _Breaker(rules.breaker))
            opened, held_back = own.ask(run.started_at)
            openings += opened
            if not held_back:
                own.remember(run, ended_at, by_itself=ended_by == "itself")
        done.append(
            Replayed(
                run=run,
                ended_at=ended_at,
                ended_by=ended_by,
                saved=(run.ended_at or as_of) - (ended_at or as_of),
                held_back=held_back,
            )
        )
    return Replay(rules=rules, runs=tuple(done), openings=openings)


class _Breaker:
    """What one processor's breaker has seen so far in a replay."""

    def __init__(self, rules: breaker.Rules) -> None:
        self._rules = rules
        self._seen: deque[breaker.Outcome] = deque(maxlen=_REMEMBERED)
        self._was = breaker.State.CLOSED

    def ask(self, now: datetime) -> tuple[bool, bool]:
        """Whether it has opened since it was last asked, and whether it holds a run back."""
        decided = breaker.decide(self._seen, rules=self._rules, now=now)
        was, self._was = self._was, decided.state
        opened = was is breaker.State.CLOSED and decided.state is not breaker.State.CLOSED
        return opened, not decided.may_start

    def remember(self, run: PhaseRun, ended_at: datetime | None, *, by_itself: bool) -> None:
        self._seen.append(
            breaker.Outcome(
                run_id=run.run_id,
                started_at=run.started_at,
                ended_at=ended_at,
                category=run.category if by_itself else FailureCategory.TIMEOUT,
            )
        )


def _guarded(run: PhaseRun, rules: GuardRules, as_of: datetime) -> tuple[datetime | None, EndedBy]:
    deadlines: list[tuple[datetime, EndedBy]] = [(run.started_at + rules.timeout, "timeout")]
    if run.heartbeat_at is not None:
        deadlines.append((run.heartbeat_at + rules.heartbeat, "heartbeat"))
    deadline, name = min(deadlines)
    return (deadline, name) if deadline < (run.ended_at or as_of) else (run.ended_at, "itself")
