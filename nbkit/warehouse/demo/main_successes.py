"""Successes, partial and skipped runs of the main period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from nbkit.warehouse.demo import distributions
from nbkit.warehouse.demo.calendar import DAY_US, day_number, game_date, games_on
from nbkit.warehouse.demo.distributions import Floats, Ints
from nbkit.warehouse.demo.facts import AS_OF, EPOCH_UTC, MAIN_END, DemoProcessor, load_published
from nbkit.warehouse.demo.hours import WEEKDAYS, main_starts
from nbkit.warehouse.demo.planted import number
from nbkit.warehouse.demo.runs import NO_RECORDS, Origin, Runs, Status, make_runs

MINUTE_US = 60_000_000
SILENT = "OddsGameLinesProcessor"
SILENT_FROM = AS_OF - timedelta(hours=14)
SILENT_UNTIL = AS_OF + timedelta(hours=3)
DRIFT_FROM = datetime(2025, 12, 28, tzinfo=UTC)
STEP_AT = datetime(2026, 1, 5, 4, tzinfo=UTC)
# Typical seconds of a success where nothing is published.
_TYPICAL_S = {"phase_2_raw": 9.0, "phase_3": 27.0, "phase_4_precompute": 24.0}


def at(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return int((moment - EPOCH_UTC) / timedelta(microseconds=1))


def on_marks(
    hours: Ints, processor: DemoProcessor, rng: np.random.Generator, *, lag_s: float = 2.5
) -> Ints:
    """Starts on the minute marks of a processor's schedule, plus the lag of a cold start."""
    marks = np.asarray(processor.starts)[rng.integers(0, len(processor.starts), hours.size)]
    lag = np.minimum(rng.lognormal(np.log(lag_s), 0.7, hours.size), 45)
    starts: Ints = hours + marks * MINUTE_US + (lag * 1e6).astype(np.int64)
    return starts


def silence(processor: DemoProcessor, started: Ints) -> Ints:
    """Move what would break the planted silence to the same hour a week before."""
    if processor.name != SILENT:
        return started
    broken = (started >= at(SILENT_FROM)) & (started < at(SILENT_UNTIL))
    moved: Ints = np.where(broken, started - 7 * DAY_US, started)
    return moved


def successes(
    index: int, processor: DemoProcessor, n: int, *, scale: float, rng: np.random.Generator
) -> Runs:
    """The `n` successes of one processor, durations and records as published."""
    published = load_published()
    weekdays = published["records_by_weekday"].get(processor.name)
    hours = main_starts(n, processor.hours, weekdays, scale=scale, rng=rng)
    started = np.sort(silence(processor, on_marks(hours, processor, rng)))
    dates = game_date(started)
    if processor.name == "NbacGamebookProcessor":
        # The report is published after the games: until 22:00 it is the night before's.
        dates = game_date(started - 12 * 60 * MINUTE_US)
        dates = np.array([_last_with_games(int(d)) for d in dates], dtype=np.int32)
    days = published["durations_s"].get(processor.name)
    runs = make_runs(
        index,
        started,
        status=Status.SUCCESS,
        data_date=dates,
        duration=_durations(processor, days, started, rng),
        records=_records(processor, started, dates, scale, rng),
        origin=Origin.MESSAGE,
    )
    return _mark(processor, runs)


def _durations(
    processor: DemoProcessor,
    figures: dict[str, Any] | None,
    started: Ints,
    rng: np.random.Generator,
) -> Floats:
    n = started.size
    if figures is None:
        typical = _TYPICAL_S.get(processor.phase, 15.0)
        return np.clip(rng.lognormal(np.log(typical), 0.35, n), 0.5, 10 * typical)
    values = distributions.durations(
        n,
        mean=figures["mean"],
        sd=figures["sd"],
        p95=figures["p95"],
        maximum=figures["max"],
        minimum=figures["min"],
    )
    # The values are fixed; an incident is which runs get the long ones.
    score = rng.random(n)
    if processor.name == "PlayerShotZoneAnalysisProcessor":
        score += 2.0 * last_day(started)
    elif processor.name == "PlayerDailyCacheProcessor":
        score += 1.5 * np.clip((started - at(DRIFT_FROM)) / (16 * DAY_US), 0, 1)
    elif processor.name == "MLFeatureStoreProcessor":
        score += 0.8 * (started >= at(STEP_AT))
    given = np.empty(n)
    given[np.argsort(score, kind="stable")] = values
    return given


def last_day(started: Ints) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether a run started in the 24 hours before the demo's moment."""
    return (started >= at(AS_OF - timedelta(days=1))) & (started < at(AS_OF))


def _records(
    processor: DemoProcessor, started: Ints, dates: Any, scale: float, rng: np.random.Generator
) -> Ints:
    published = load_published()
    n = started.size
    by_weekday = published["records_by_weekday"].get(processor.name)
    solved = published["records"].get(processor.name)
    suspect = published["zero_record_suspects"].get(processor.name)
    if solved:
        values = distributions.records(
            n,
            zeros=round(solved["zeros"] * scale),
            mean=solved["mean"],
            median=solved["median"],
            sd=solved["sd"],
        )
        if by_weekday:
            return _by_weekday(values, started, by_weekday, rng)
        return rng.permutation(values)
    if suspect:
        always = suspect["zeros"] == suspect["n"]
        zeros = n if always else min(round(suspect["zeros"] * scale), n)
        typical = rng.poisson(max(suspect.get("mean_nonzero", 1) - 1, 0), n - zeros) + 1
        if typical.size == 1:
            typical[:] = suspect["mean_nonzero"]
        return rng.permutation(np.concatenate([np.zeros(zeros, np.int64), typical]))
    if processor.name == "NbacGamebookProcessor":
        games = np.array([games_on(_date(int(d))) for d in dates])
        full = np.clip(games * 22 + rng.integers(0, 40, n), 105, 480)
        return np.where(dates == day_number(MAIN_END) - 1, rng.integers(41, 65, n), full)
    if by_weekday:
        return _poisson_by_weekday(started, by_weekday, processor.records, rng)
    return rng.poisson(processor.records, n) + 1


def _by_weekday(
    values: Ints, started: Ints, figures: dict[str, dict[str, float]], rng: np.random.Generator
) -> Ints:
    """Hand out fixed values so that the weekdays' means come near the published ones."""
    weekday = (started // DAY_US + 3) % 7
    noise = rng.random(values.size)
    bias = np.zeros(7)
    given = np.empty_like(values)
    for _ in range(400):
        given[np.argsort(noise + bias[weekday], kind="stable")] = values
        for name, figure in figures.items():
            own = given[weekday == WEEKDAYS.index(name)]
            if own.size:
                error = (figure["mean"] - own.mean()) / values.mean()
                bias[WEEKDAYS.index(name)] += 0.05 * float(np.clip(error, -1, 1))
    return given


def _poisson_by_weekday(
    started: Ints, figures: dict[str, dict[str, float]], usual: float, rng: np.random.Generator
) -> Ints:
    weekday = (started // DAY_US + 3) % 7
    values = np.zeros(started.size, dtype=np.int64)
    for day in range(7):
        own = np.flatnonzero(weekday == day)
        mean = figures.get(WEEKDAYS[day], {}).get("mean", usual)
        drawn = np.maximum(rng.poisson(mean, own.size), 2)
        missing = round(mean * own.size) - int(drawn.sum())
        nudged = rng.permutation(own.size)[: abs(missing)]
        drawn[nudged] += np.sign(missing)
        values[own] = drawn
    return values


def _mark(processor: DemoProcessor, runs: Runs) -> Runs:
    incident = np.full(len(runs), -1)
    incident[runs.records == 0] = number("zero_record_bug")
    if processor.name == "PlayerShotZoneAnalysisProcessor":
        incident[last_day(runs.started)] = number("slow_shot_zones")
    elif processor.name == "PlayerDailyCacheProcessor":
        incident[runs.started >= at(DRIFT_FROM)] = number("daily_cache_drift")
    elif processor.name == "MLFeatureStoreProcessor":
        incident[runs.started >= at(STEP_AT)] = number("feature_store_step")
    elif processor.name == "NbacGamebookProcessor":
        incident[(runs.records > 0) & (runs.records < 100)] = number("incomplete_gamebook")
    return runs.with_(incident=incident)


def others(
    index: int, processor: DemoProcessor, n: int, *, scale: float, rng: np.random.Generator
) -> Runs:
    """Partial and skipped runs of one processor; those of the coordinator that hang are apart."""
    hours = main_starts(n, processor.hours, None, scale=scale, rng=rng)
    started = silence(processor, on_marks(hours, processor, rng))
    skipped = rng.random(n) < 0.7
    return make_runs(
        index,
        started,
        status=np.where(skipped, Status.SKIPPED, Status.PARTIAL),
        data_date=game_date(started),
        duration=np.where(skipped, np.nan, rng.lognormal(np.log(20), 0.4, n)),
        records=np.where(skipped, NO_RECORDS, rng.poisson(processor.records / 2, n) + 1),
        origin=Origin.MESSAGE,
    )


def _last_with_games(day: int) -> int:
    while games_on(_date(day)) == 0:
        day -= 1
    return day


def _date(day: int) -> Any:
    return np.datetime64(day, "D").astype(object)
