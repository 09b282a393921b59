"""The 75 days before the main period and the five after it, at lower detail."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from nbkit.warehouse.demo import messages
from nbkit.warehouse.demo.calendar import day_number, game_date, micros, no_game_days
from nbkit.warehouse.demo.distributions import Ints
from nbkit.warehouse.demo.facts import (
    BUG_START,
    FIX_DATE,
    HISTORY_END,
    HISTORY_START,
    MAIN_START,
    DemoFacts,
    DemoProcessor,
    load_published,
)
from nbkit.warehouse.demo.hours import DAYS, steady_starts
from nbkit.warehouse.demo.main_successes import MINUTE_US, at, on_marks
from nbkit.warehouse.demo.planted import number
from nbkit.warehouse.demo.runs import Origin, Runs, Status, join_runs, make_runs

BASEBALL_ENDS = date(2025, 11, 2)
_SUCCESS_SHARE, _FAILURE_SHARE, _MOST_FAILURES_A_DAY = 0.35, 0.15, 30.0
_AFTER_SHARE = 0.8
_ZEROS_AFTER = 7
_TYPICAL_S = {"phase_2_raw": 9.0, "phase_3": 27.0, "phase_4_precompute": 24.0}


def before(facts: DemoFacts, rng: np.random.Generator, *, zeros_in_main: int) -> Runs:
    """2025-09-30 to 2025-12-13. The zero-record successes of the tracking bug that the main period
    does not hold are here, so that the published 2,346 over 105 days add up.

    Args:
        zeros_in_main: successes of the main period with zero records.
    """
    days = (MAIN_START - HISTORY_START).days
    parts = []
    for index, processor in enumerate(facts.processors):
        own_days = days if not processor.baseball else (BASEBALL_ENDS - HISTORY_START).days
        if processor.baseball:
            a_day = (1.5, 0.4)
        else:
            a_day = (
                _SUCCESS_SHARE * processor.successes / DAYS,
                min(_FAILURE_SHARE * processor.failures / DAYS, _MOST_FAILURES_A_DAY),
            )
        parts += _stretch(index, processor, HISTORY_START, own_days, a_day, rng)
    runs = join_runs(parts)
    wanted = int(load_published()["zero_record_runs"]["before"]["runs"]) - zeros_in_main
    return _with_zeros(facts, runs, max(wanted, 0), since=BUG_START, rng=rng)


def after(facts: DemoFacts, rng: np.random.Generator) -> Runs:
    """2026-01-14 to 2026-01-18: records are tracked, causes are written, and grading, reference
    and publishing keep a history too."""
    days = (HISTORY_END - FIX_DATE).days + 1
    parts = []
    for index, processor in enumerate(facts.processors):
        if processor.baseball:
            continue
        new = processor.phase in ("grading", "reference", "phase_6_publishing")
        a_day = (
            (3.0, 0.2)
            if new
            else (
                max(_AFTER_SHARE * processor.successes / DAYS, 0.4),
                min(_FAILURE_SHARE * processor.failures / DAYS, _MOST_FAILURES_A_DAY),
            )
        )
        parts += _stretch(index, processor, FIX_DATE, days, a_day, rng)
    runs = _with_zeros(facts, join_runs(parts), _ZEROS_AFTER, since=FIX_DATE, rng=rng)
    return join_runs([runs, _premature(facts, rng), _republished(facts), _import_error(facts, rng)])


def _stretch(
    index: int,
    processor: DemoProcessor,
    first: date,
    days: int,
    a_day: tuple[float, float],
    rng: np.random.Generator,
) -> list[Runs]:
    parts = []
    for status, rate in zip((Status.SUCCESS, Status.FAILED), a_day, strict=True):
        n = round(rate * days)
        if n == 0:
            continue
        hours = steady_starts(
            n,
            processor.hours,
            first_us=micros(first),
            days=days,
            day_weights=np.ones(days),
            rng=rng,
        )
        started = on_marks(hours, processor, rng)
        success = status is Status.SUCCESS
        typical = _TYPICAL_S.get(processor.phase, 15.0) if success else 4.2
        parts.append(
            make_runs(
                index,
                started,
                status=status,
                data_date=game_date(started),
                duration=np.clip(rng.lognormal(np.log(typical), 0.35, n), 0.4, 200),
                records=rng.poisson(processor.records, n) + 1 if success else 0,
                text=-1 if success else messages.draw(processor.messages, n, rng),
                message=(10_000_000 if first < MAIN_START else 20_000_000)
                + index * 10_000
                + int(success) * 5_000
                + np.arange(n),
                origin=Origin.MESSAGE,
            )
        )
    return parts


def _with_zeros(
    facts: DemoFacts, runs: Runs, wanted: int, *, since: date, rng: np.random.Generator
) -> Runs:
    """Set `wanted` successes to zero records, where the tracking bug or an off-day
    makes them so."""
    published = load_published()
    prone = np.zeros(len(facts.processors))
    for section in ("records", "zero_record_suspects"):
        for name, figure in published[section].items():
            prone[facts.index(name)] = figure["zeros"] / figure["n"]
    chance = prone[runs.processor] * (runs.status == Status.SUCCESS)
    chance *= runs.started >= micros(since)
    chosen = rng.choice(len(runs), size=wanted, replace=False, p=chance / chance.sum())
    records, incident = runs.records.copy(), runs.incident.copy()
    records[chosen] = 0
    if since == BUG_START:
        incident[chosen] = number("zero_record_bug")
    return runs.with_(records=records, incident=incident)


def verification(
    facts: DemoFacts, runs: Runs, rng: np.random.Generator, *, false_share: float
) -> Runs:
    """The runs that checked the suspects after the fix: dates whose zero-record runs were followed
    by no run with data are run again and have data, but for four dates that had lost some.

    Args:
        runs: everything before the fix.
        false_share: fraction of the zero-record runs that prove to be false alarms.
    """
    success = runs.status == Status.SUCCESS
    key = runs.processor.astype(np.int64) * 100_000 + runs.data_date
    last_data: dict[int, int] = {}
    data = np.flatnonzero(success & (runs.records > 0))
    for k, moment in zip(key[data].tolist(), runs.started[data].tolist(), strict=True):
        last_data[k] = max(moment, last_data.get(k, 0))
    off = no_game_days(HISTORY_START, HISTORY_END)
    zero = np.flatnonzero(success & (runs.records == 0))
    open_rows = np.array(
        [
            row
            for row in zero.tolist()
            if last_data.get(int(key[row]), 0) <= runs.started[row]
            and int(runs.data_date[row]) not in off
        ]
    )
    lost = _four_dates(runs.data_date[open_rows], round((1 - false_share) * zero.size), rng)
    again = np.unique(key[open_rows][~np.isin(runs.data_date[open_rows], lost)])
    processors, dates = again // 100_000, (again % 100_000).astype(np.int32)
    started = at(datetime(2026, 1, 14, 16, tzinfo=UTC)) + np.arange(again.size) * 75_000_000
    typical = np.array([p.records for p in facts.processors])[processors]
    return make_runs(
        processors,
        started,
        status=Status.SUCCESS,
        data_date=dates,
        duration=rng.lognormal(np.log(18), 0.3, again.size),
        records=rng.poisson(typical) + 1,
        origin=Origin.BACKFILL,
        incident=number("verification_backfill"),
    )


def _four_dates(dates: Ints, rows: int, rng: np.random.Generator) -> Ints:
    """Four dates that together hold about `rows` of these."""
    days, counts = np.unique(dates, return_counts=True)
    if days.size <= 4:
        return days
    drawn = np.array([rng.choice(days.size, 4, replace=False) for _ in range(2_000)])
    best = np.argmin(np.abs(counts[drawn].sum(axis=1) - rows))
    return np.asarray(days[np.sort(drawn[best])])


def _premature(facts: DemoFacts, rng: np.random.Generator) -> Runs:
    """2026-01-16, 12:00 to 08:00: five processors try every ten minutes; all succeed
    from 04:30 on."""
    begin = at(datetime(2026, 1, 16, 12, tzinfo=UTC))
    landed = at(datetime(2026, 1, 17, 4, 30, tzinfo=UTC))
    names = (
        *("PlayerGameSummaryProcessor", "TeamOffenseGameSummaryProcessor"),
        *(
            "TeamDefenseGameSummaryProcessor",
            "PlayerDailyCacheProcessor",
            "MLFeatureStoreProcessor",
        ),
    )
    parts = []
    for place, name in enumerate(names):
        index = facts.index(name)
        started = begin + np.arange(119) * 10 * MINUTE_US + place * 9_000_000
        failed = started < landed
        parts.append(
            make_runs(
                index,
                started,
                status=np.where(failed, Status.FAILED, Status.SUCCESS),
                data_date=np.full(started.size, day_number(date(2026, 1, 16))),
                duration=np.where(failed, 2.0, 25.0) * rng.lognormal(0, 0.2, started.size),
                records=np.where(failed, 0, facts.processors[index].records),
                text=np.where(failed, messages.template(messages.PLANTED["premature"]), -1),
                message=30_000_000 + place * 1_000 + np.arange(started.size),
                origin=Origin.MESSAGE,
                incident=number("premature_starts"),
            )
        )
    return join_runs(parts)


def _republished(facts: DemoFacts) -> Runs:
    """2026-01-17, six hours: every fifteen minutes the same 24 files under new message ids."""
    begin = at(datetime(2026, 1, 17, 14, tzinfo=UTC))
    wave, item = np.divmod(np.arange(24 * 24), 24)
    names = ("BdlBoxscoresProcessor", "NbacGamebookProcessor", "OddsApiPropsProcessor")
    return make_runs(
        np.array([facts.index(names[i % 3]) for i in item]),
        begin + wave * 15 * MINUTE_US + item * 700_000,
        status=np.where(item % 4 == 0, Status.FAILED, Status.SKIPPED),
        data_date=(day_number(date(2026, 1, 16)) - item // 8).astype(np.int32),
        duration=np.where(item % 4 == 0, 1.4, np.nan),
        text=np.where(item % 4 == 0, messages.template(messages.PLANTED["republished"]), -1),
        message=31_000_000 + np.arange(item.size),
        origin=Origin.REPUBLISHED,
        incident=number("republish_loop"),
    )


def _import_error(facts: DemoFacts, rng: np.random.Generator) -> Runs:
    """2026-01-18 15:00, forty minutes: every message of the raw processors fails after a deploy,
    and is delivered again after 10, 20, 40, 80, … seconds."""
    begin = at(datetime(2026, 1, 18, 15, tzinfo=UTC))
    names = (
        *("BdlStandingsProcessor", "BdlBoxscoresProcessor", "NbacScheduleProcessor"),
        *("NbacInjuryReportProcessor", "EspnTeamRosterProcessor", "BdlInjuriesProcessor"),
    )
    message, attempt = np.divmod(np.arange(120 * 7), 7)
    wait = np.concatenate([[0.0], np.cumsum(10.0 * 2.0 ** np.arange(6))])[attempt]
    first = np.sort(rng.uniform(0, 25 * 60, 120))[message]
    started = begin + ((first + wait + attempt * 0.9) * 1e6).astype(np.int64)
    return make_runs(
        np.array([facts.index(names[m % len(names)]) for m in message]),
        started,
        status=Status.FAILED,
        data_date=game_date(started),
        duration=rng.uniform(0.5, 0.9, started.size),
        records=0,
        text=messages.template(messages.PLANTED["import"]),
        message=32_000_000 + message,
        attempt=attempt,
        origin=Origin.MESSAGE,
        incident=number("import_error"),
    )
