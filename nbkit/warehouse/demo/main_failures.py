"""Failures of the main period: planted ones first, the rest placed so that the peaks hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from nbkit.warehouse.demo import distributions, messages
from nbkit.warehouse.demo.calendar import game_date, micros
from nbkit.warehouse.demo.distributions import Floats, Ints
from nbkit.warehouse.demo.facts import (
    AS_OF,
    FIRST_SWEEP,
    MAIN_START,
    DemoFacts,
    DemoProcessor,
    load_published,
)
from nbkit.warehouse.demo.hours import DAYS, HOUR_US, failure_hours, week_cell
from nbkit.warehouse.demo.main_successes import MINUTE_US, at, silence
from nbkit.warehouse.demo.plan import Plan
from nbkit.warehouse.demo.planted import number
from nbkit.warehouse.demo.runs import Origin, Runs, Status, join_runs, make_runs

# Deliveries of one message until it is given up, and files that arrive together.
_DELIVERIES = {
    "BasketballRefRosterProcessor": 5,
    "BasketballRefRosterBatchProcessor": 5,
    "NbacGamebookProcessor": 3,
    "TeamOffenseGameSummaryProcessor": 3,
    "OddsApiPropsProcessor": 2,
    "EspnTeamRosterProcessor": 2,
}
_FILES = {"BasketballRefRosterProcessor": 30}
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 10.0, 600.0
# Who was stuck when the first sweep came, by phase, and the mean time for which they were.
_STUCK = {
    "phase_2_raw": {
        "BasketballRefRosterProcessor": 0.88,
        "BasketballRefRosterBatchProcessor": 0.09,
        "EspnTeamRosterProcessor": 0.03,
    },
    "phase_3": {"TeamOffenseGameSummaryProcessor": 0.7, "PlayerGameSummaryProcessor": 0.3},
    "phase_4_precompute": {
        "PlayerDailyCacheProcessor": 0.4,
        "MLFeatureStoreProcessor": 0.35,
        "PlayerCompositeFactorsProcessor": 0.25,
    },
    "phase_3_analytics": {
        "UpcomingPlayerGameContextProcessor": 0.5,
        "UpcomingTeamGameContextProcessor": 0.5,
    },
    "phase_5_predictions": {"PredictionCoordinator": 1.0},
}
_MEAN_STUCK_S = 930_000.0
# The half-hourly sweep's harvest in the week before the demo's moment: 35 in all.
_RECENTLY_SWEPT = {
    "BasketballRefRosterProcessor": 16,
    "EspnTeamRosterProcessor": 5,
    "TeamOffenseGameSummaryProcessor": 4,
    "PlayerDailyCacheProcessor": 3,
    "MLFeatureStoreProcessor": 2,
    "UpcomingPlayerGameContextProcessor": 1,
    "PredictionCoordinator": 4,
}
_OUTAGE = {
    "NbacGamebookProcessor": 240,
    "PlayerGameSummaryProcessor": 36,
    "TeamDefenseGameSummaryProcessor": 14,
    "TeamOffenseGameSummaryProcessor": 24,
    "PlayerDailyCacheProcessor": 8,
    "PlayerShotZoneAnalysisProcessor": 6,
}
OUTAGE_FROM = datetime(2026, 1, 8, 4, 10, tzinfo=UTC)
POISON_FROM = datetime(2026, 1, 9, 2, 0, 3, tzinfo=UTC)
MEAN_FAILURE_S = 4.7


def backoff(attempts: int) -> Floats:
    """Seconds from the first answer until each delivery of a message, without the time that the
    deliveries take: Pub/Sub waits 10 s, doubles, and stops at 600 s; no jitter."""
    waits = np.minimum(FIRST_BACKOFF_S * 2.0 ** np.arange(attempts), LONGEST_BACKOFF_S)
    return np.concatenate([[0.0], np.cumsum(waits)])[:attempts]


def failures(
    facts: DemoFacts, plan: Plan, rng: np.random.Generator, *, timed_s: dict[str, float]
) -> Runs:
    """All failures of one part of the main period.

    Args:
        timed_s: seconds by phase that the other runs of this part took, which count in the
            published mean durations.
    """
    planted = [_stuck(facts, plan, timed_s, rng), _swept(facts, plan, rng)]
    if plan.part == 0:
        planted += [_poison(facts, plan, rng), _outage(facts, plan, rng), _certificate(facts, plan)]
    fixed = join_runs(planted)
    left = plan.failures - np.bincount(fixed.processor, minlength=len(facts.processors))
    hours = (fixed.started - micros(MAIN_START)) // HOUR_US
    by_hour = failure_hours(
        facts,
        np.maximum(left, 0),
        load_published()["peak_failure_hours"],
        taken=np.bincount(week_cell(hours), minlength=168),
        scale=plan.scale,
        rng=rng,
    )
    parts = [fixed]
    messages_used = 0
    for index, processor in enumerate(facts.processors):
        if by_hour[index].any():
            made = _redelivered(index, processor, by_hour[index], messages_used, rng)
            messages_used = int(made.message.max()) + 1
            parts.append(made)
    return _blocked(facts, join_runs(parts), plan, rng)


def _redelivered(
    index: int,
    processor: DemoProcessor,
    by_hour: Ints,
    first_message: int,
    rng: np.random.Generator,
) -> Runs:
    """Failures of one processor: messages on the schedule's marks, each delivered several times.

    Within an hour the runs are filled message by message, so that only the last message of an
    hour has fewer deliveries.
    """
    files = _FILES.get(processor.name, 1)
    deliveries = _DELIVERIES.get(processor.name, 1)
    hour = np.repeat(np.arange(DAYS * 24), by_hour)
    position = np.arange(hour.size) - np.repeat(np.cumsum(by_hour) - by_hour, by_hour)
    burst, within = position // (files * deliveries), position % (files * deliveries)
    attempt, file = within // files, within % files
    message_key = (hour * 100_000 + burst) * files + file
    order = np.lexsort((attempt, message_key))
    hour, burst, attempt, file = (a[order] for a in (hour, burst, attempt, file))
    _, first, number_of = np.unique(message_key[order], return_index=True, return_inverse=True)

    duration = np.clip(rng.lognormal(np.log(4.2), 0.5, hour.size), 0.4, 25)
    spent = np.cumsum(duration) - duration
    earlier = spent - spent[first][number_of]
    marks = np.asarray(processor.starts)[(burst + hour * 3) % len(processor.starts)]
    lag = (np.minimum(rng.lognormal(np.log(2.5), 0.6, first.size), 30))[number_of] + 0.35 * file
    wait = backoff(deliveries)[attempt] + earlier
    started = micros(MAIN_START) + hour * HOUR_US + marks * MINUTE_US
    started = started + ((lag + wait) * 1e6).astype(np.int64)
    # A delivery that would slip into the next hour is the published hour's all the same.
    started = np.minimum(started, micros(MAIN_START) + (hour + 1) * HOUR_US - 1_000_000)
    started = silence(processor, started)
    # The files of one burst meet the same trouble: thirty merges, one quota.
    bursts, burst_of = np.unique(hour * 100_000 + burst, return_inverse=True)
    text = messages.draw(processor.messages, bursts.size, rng)[burst_of]
    incident = np.full(hour.size, -1)
    incident[text == messages.template(messages.PLANTED["quota"])] = number("quota_bursts")
    cell = week_cell((started - micros(MAIN_START)) // HOUR_US)
    incident[(cell < 4) & (incident < 0)] = number("monday_collision")
    runs = make_runs(
        index,
        started,
        status=Status.FAILED,
        data_date=game_date(started[first])[number_of],
        duration=duration,
        records=0,
        text=text,
        message=first_message + number_of,
        attempt=attempt,
        origin=Origin.MESSAGE,
    )
    return runs.with_(incident=incident)


def _stuck(
    facts: DemoFacts, plan: Plan, timed_s: dict[str, float], rng: np.random.Generator
) -> Runs:
    """Runs that hung until the first sweep: as many, and as long, as the mean durations need."""
    longest = (FIRST_SWEEP - _midnight(MAIN_START)) / timedelta(seconds=1) - 3_600
    parts = []
    for phase, shares in _STUCK.items():
        figures = load_published()["phases"][phase]
        own = [i for i, p in enumerate(facts.processors) if p.phase == phase]
        short = float(plan.failures[own].sum()) * MEAN_FAILURE_S
        timed_runs = timed_s[f"{phase} runs"] + plan.failures[own].sum()
        total = max(figures["mean_duration_s"] * timed_runs - timed_s[phase] - short, 0)
        n = max(round(total / _MEAN_STUCK_S), 1)
        if phase == "phase_5_predictions":
            swept = _recently_swept(plan)["PredictionCoordinator"]
            n = max(int(plan.failures[own].sum()) - swept, 0)
            total -= swept * 15_000
        seconds = distributions.stuck(n, total=total, longest=longest, rng=rng)
        counts = distributions.spread(n, np.array(list(shares.values())))
        names = np.repeat([facts.index(name) for name in shares], counts)
        started = at(FIRST_SWEEP) - (seconds * 1e6).astype(np.int64)
        parts.append(_closed(names, started, seconds, "first_sweep"))
    return join_runs(parts)


def _swept(facts: DemoFacts, plan: Plan, rng: np.random.Generator) -> Runs:
    """Runs closed by the half-hourly sweep, four hours and a little after they hung."""
    counts = _recently_swept(plan)
    names = np.repeat([facts.index(name) for name in counts], list(counts.values()))
    ends = at(AS_OF) - rng.integers(8, 14 * 24, names.size) * 30 * MINUTE_US
    seconds = rng.uniform(4 * 3_600, 4.45 * 3_600, names.size)
    return _closed(names, ends - (seconds * 1e6).astype(np.int64), seconds, None)


def _recently_swept(plan: Plan) -> dict[str, int]:
    """Runs of one part that the half-hourly sweep closed, by processor.

    Running totals are rounded, as in `plans`: rounded part by part, the small counts would all
    lean to the same side.
    """

    def until(whole: int, part: int) -> int:
        return round(whole * plan.scale * part)

    return {
        name: until(whole, plan.part + 1) - until(whole, plan.part)
        for name, whole in _RECENTLY_SWEPT.items()
    }


def _closed(names: Ints, started: Ints, seconds: Floats, incident: str | None) -> Runs:
    return make_runs(
        names,
        started,
        status=Status.FAILED,
        data_date=game_date(started),
        duration=seconds,
        text=messages.template(messages.SWEPT),
        origin=Origin.SCHEDULE,
        incident=number(incident) if incident else -1,
    )


def _poison(facts: DemoFacts, plan: Plan, rng: np.random.Generator) -> Runs:
    n = max(round(130 * min(plan.scale, 1)), 12)
    seconds = rng.uniform(0.8, 1.6, n)
    started = at(POISON_FROM) + ((backoff(n) + np.cumsum(seconds) - seconds) * 1e6).astype(np.int64)
    return make_runs(
        facts.index("EspnTeamRosterProcessor"),
        started,
        status=Status.FAILED,
        data_date=np.repeat(game_date(started[:1]), n),
        duration=seconds,
        records=0,
        text=messages.template(messages.PLANTED["poison"]),
        message=np.full(n, 9_000_000),
        attempt=np.arange(n),
        origin=Origin.MESSAGE,
        incident=number("poison_message"),
    )


def _outage(facts: DemoFacts, plan: Plan, rng: np.random.Generator) -> Runs:
    parts = []
    for place, (name, full) in enumerate(_OUTAGE.items()):
        n = max(round(full * min(plan.scale, 1)), 2)
        root = place == 0
        begin, length = (0, 100) if root else (20 + 5 * place, 70)
        started = at(OUTAGE_FROM) + np.sort(
            ((begin + rng.uniform(0, length, n)) * MINUTE_US).astype(np.int64)
        )
        parts.append(
            make_runs(
                facts.index(name),
                started,
                status=Status.FAILED,
                data_date=game_date(started),
                duration=rng.uniform(1, 9, n),
                records=0,
                text=messages.template(messages.PLANTED["outage" if root else "cascade"]),
                message=9_100_000 + 1_000 * place + np.arange(n) // 2,
                attempt=np.arange(n) % 2,
                origin=Origin.MESSAGE,
                incident=number("gamebook_outage"),
            )
        )
    return join_runs(parts)


def _certificate(facts: DemoFacts, plan: Plan) -> Runs:
    n = max(round(36 * min(plan.scale, 1)), 4)
    first = at(AS_OF - timedelta(hours=5, minutes=45))
    started = first + np.arange(n) * (5 * 3_600 * 1_000_000 // n) + 2_400_000
    return make_runs(
        facts.index("EspnTeamRosterProcessor"),
        started,
        status=Status.FAILED,
        data_date=game_date(started),
        duration=np.full(n, 1.9),
        records=0,
        text=messages.template(messages.PLANTED["certificate"]),
        message=9_200_000 + np.arange(n),
        origin=Origin.MESSAGE,
        incident=number("expired_certificate"),
    )


def _blocked(facts: DemoFacts, runs: Runs, plan: Plan, rng: np.random.Generator) -> Runs:
    """Mark the published number of failures as failed dependency checks."""
    blocked, text = runs.blocked.copy(), runs.text.copy()
    missing = messages.template(messages.MISSING)
    swept = messages.template(messages.SWEPT)
    planted = (runs.incident >= 0) & (runs.incident != number("monday_collision"))
    for name, figure in load_published()["dependency_failures"].items():
        free = (runs.processor == facts.index(name)) & ~planted & (text != swept)
        chosen = rng.permutation(np.flatnonzero(free))[: round(figure["n"] * plan.scale)]
        blocked[chosen], text[chosen] = True, missing
    return runs.with_(blocked=blocked, text=text)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), tzinfo=UTC)
