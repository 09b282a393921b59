"""The main period: every run of it, by the plan."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from nbkit.warehouse.demo.calendar import game_date
from nbkit.warehouse.demo.facts import AS_OF, DemoFacts
from nbkit.warehouse.demo.main_failures import failures
from nbkit.warehouse.demo.main_successes import at, others, successes
from nbkit.warehouse.demo.plan import Plan
from nbkit.warehouse.demo.planted import number
from nbkit.warehouse.demo.runs import Origin, Runs, Status, join_runs, make_runs

# Open at the demo's moment: the coordinator's one message, delivered again after each ack deadline
# of 600 s and a backoff.
_HANGING_SINCE = (
    timedelta(minutes=44, seconds=58),
    timedelta(minutes=34, seconds=47),
    timedelta(minutes=24, seconds=26),
    timedelta(minutes=13, seconds=44),
)
COORDINATOR = "PredictionCoordinator"


def main_period(facts: DemoFacts, plan: Plan, rng: np.random.Generator) -> Runs:
    """All runs of one part of the main period."""
    hanging = _hanging(facts) if plan.part == 0 else None
    parts = [] if hanging is None else [hanging]
    for index, processor in enumerate(facts.processors):
        if plan.successes[index]:
            parts.append(
                successes(index, processor, int(plan.successes[index]), scale=plan.scale, rng=rng)
            )
        rest = int(plan.others[index])
        if processor.name == COORDINATOR and hanging is not None:
            rest -= len(hanging)
        if rest > 0:
            parts.append(others(index, processor, rest, scale=plan.scale, rng=rng))
    done = join_runs(parts)
    phases = np.array([p.phase for p in facts.processors])[done.processor]
    timed_s = {}
    for phase in {p.phase for p in facts.processors}:
        seconds = done.duration[(phases == phase) & ~np.isnan(done.duration)]
        timed_s[phase] = float(seconds.sum())
        timed_s[f"{phase} runs"] = float(seconds.size)
    return join_runs([done, failures(facts, plan, rng, timed_s=timed_s)])


def _hanging(facts: DemoFacts) -> Runs:
    started = np.array([at(AS_OF - ago) for ago in _HANGING_SINCE])
    return make_runs(
        facts.index(COORDINATOR),
        started,
        status=Status.RUNNING,
        data_date=game_date(started) + 1,
        message=np.full(started.size, 9_300_000),
        attempt=np.arange(started.size),
        origin=Origin.MESSAGE,
        incident=number("stuck_coordinator"),
    )
