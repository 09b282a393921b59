"""When to stop starting runs that fail: a circuit breaker as a function of the run history.

Instances come and go, so nothing is remembered in a process: whoever wants to start a run reads the
last outcomes and gets the same answer. Nygard, "Release It!" (2nd ed. 2018), ch. 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pandas as pd

from nbkit.failures import EXPECTED, FailureCategory, classify_history


class State(StrEnum):
    """Closed lets runs start, open does not, half-open lets one start to see how it goes."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a breaker opens, and when it lets a probe through."""

    failures: int = 3
    cool_down: timedelta = timedelta(minutes=15)
    longest_cool_down: timedelta = timedelta(hours=4)
    # A run without an end no longer counts as a probe: the hard timeout of a guard.
    lost_after: timedelta = timedelta(minutes=30)

    def __post_init__(self) -> None:
        if self.failures < 1 or min(self.cool_down, self.lost_after) <= timedelta(0):
            raise ValueError("a breaker needs at least one failure, and times above zero")
        if self.longest_cool_down < self.cool_down:
            raise ValueError("the longest cool-down of a breaker is at least its first one")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run as the breaker sees it; `category` is None while it runs."""

    run_id: str
    started_at: datetime
    ended_at: datetime | None
    category: FailureCategory | None
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Reset:
    """A breaker closed by hand; failures of what started before it no longer count."""

    at: datetime
    who: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class BreakerState:
    """Whether a run may start, until when not, and why.

    `failures` are the consecutive real ones, newest first. `opened_at` is when the last of the
    first few of them ended. `until`: when the next run may start (None: it may now). `probe` is the
    run that is being waited for. `reset`: the last one by hand.
    """

    state: State
    may_start: bool
    until: datetime | None = None
    opened_at: datetime | None = None
    failures: tuple[Outcome, ...] = ()
    probe: Outcome | None = None
    reset: Reset | None = None

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        count = len(self.failures)
        if self.state is State.CLOSED:
            if not count:
                return "no real failure since its last success or reset"
            return f"{count} real failure{'s' if count > 1 else ''} in a row, which is not enough"
        last = self.failures[0]
        assert last.ended_at is not None
        assert last.category is not None
        why = f"{count} real failures in a row, the last {last.category.replace('_', ' ')}"
        why += f" at {last.ended_at:%Y-%m-%d %H:%M} UTC"
        if self.probe is not None:
            return f"{why}; a probe runs since {self.probe.started_at:%H:%M} UTC"
        return why


def decide(
    outcomes: Iterable[Outcome], *, rules: Rules, now: datetime, reset: Reset | None = None
) -> BreakerState:
    """The state of one processor's breaker.

    It opens after `rules.failures` real failures in a row. Expected ones (nothing to do) neither
    count nor end a row: they say nothing about whether the work would succeed. A missing dependency
    counts: on 2026-01-16 runs were started again and again without a look at their input, 7,139 in
    20 hours, and that is what a breaker is to end.

    After the cool-down one run may start; its success closes the breaker. The cool-down doubles
    with every probe that failed, except by a missing dependency: such a probe has not tried the
    work, and a processor shall not sleep for hours when its input arrives. (Better not to spend
    probes so: ask `readiness` first.)

    Args:
        outcomes: the latest runs, in any order. What came after `now` is not looked at.
        reset: closes it; failures of what started before no longer count.
    """
    if reset is not None and reset.at > now:
        reset = None
    known = [
        o
        for o in outcomes
        if o.started_at <= now
        and (reset is None or o.started_at > reset.at or o.category is FailureCategory.SUCCESS)
    ]
    ended = [(o.ended_at, o) for o in known if o.ended_at is not None and o.ended_at <= now]
    failures = _in_a_row(o for _, o in sorted(ended, key=lambda pair: pair[0], reverse=True))
    if len(failures) < rules.failures:
        return BreakerState(state=State.CLOSED, may_start=True, failures=failures, reset=reset)
    opened_at, last_end = failures[-rules.failures].ended_at, failures[0].ended_at
    assert opened_at is not None
    assert last_end is not None
    # Runs that were under way when it opened were not let through by it.
    probes = sum(
        o.started_at >= opened_at and o.category is not FailureCategory.DEPENDENCY_MISSING
        for o in failures[: -rules.failures]
    )
    # Beyond 2^20 the longest cool-down is long reached, and a power would overflow.
    wait = min(rules.cool_down * 2 ** min(probes, 20), rules.longest_cool_down)
    until = last_end + wait
    running = [
        o
        for o in known
        if (o.ended_at is None or o.ended_at > now)
        and o.started_at >= opened_at
        and now < o.started_at + rules.lost_after
    ]
    common: dict[str, Any] = {"opened_at": opened_at, "failures": failures, "reset": reset}
    if now < until:
        return BreakerState(state=State.OPEN, may_start=False, until=until, **common)
    if running:
        probe = max(running, key=lambda o: o.started_at)
        free_at = probe.started_at + rules.lost_after
        return BreakerState(
            state=State.HALF_OPEN, may_start=False, until=free_at, probe=probe, **common
        )
    return BreakerState(state=State.HALF_OPEN, may_start=True, **common)


def outcomes_of(runs: pd.DataFrame) -> dict[str, tuple[Outcome, ...]]:
    """Outcomes by processor from rows of `recent_outcomes`; categories are worked out by the
    taxonomy where they are not recorded."""
    if runs.empty:
        return {}
    judged = classify_history(runs)
    found: dict[str, list[Outcome]] = {}
    for row in judged.to_dict("records"):
        ended = row["ended_at"]
        category = row["category"]
        found.setdefault(str(row["processor_name"]), []).append(
            Outcome(
                run_id=str(row["run_id"]),
                started_at=row["started_at"].to_pydatetime(),
                ended_at=None if pd.isna(ended) else ended.to_pydatetime(),
                category=None if pd.isna(category) else FailureCategory(category),
                message="" if pd.isna(row["errors_text"]) else str(row["errors_text"]),
            )
        )
    return {name: tuple(outcomes) for name, outcomes in found.items()}


def _in_a_row(newest_first: Iterable[Outcome]) -> tuple[Outcome, ...]:
    failures = []
    for outcome in newest_first:
        if outcome.category is FailureCategory.SUCCESS:
            break
        if outcome.category is not None and outcome.category not in EXPECTED:
            failures.append(outcome)
    return tuple(failures)
