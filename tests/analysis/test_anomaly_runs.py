"""Single runs: the planted ones are found, and clean processors alarm as rarely as stated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted_runs import MONDAY, frames

from nbkit.analysis.anomalies import RunAnomalies, RunKind, RunRules, run_anomalies
from nbkit.analysis.anomalies.extremes import Calibration, past_surprises, surprise

DAYS = 57
LAST = DAYS - 1
AS_OF = datetime(MONDAY.year, MONDAY.month, MONDAY.day, tzinfo=UTC) + timedelta(days=DAYS)
Rows = list[dict[str, Any]]


def _world(
    seed: int,
    *,
    processors: int = 10,
    per_day: int = 8,
    weekdays: tuple[int, ...] = tuple(range(7)),
    heavy: bool = False,
) -> Rows:
    """Every few hours a run, of a usual length and size of its processor's."""
    rng = np.random.default_rng(seed)
    rows: Rows = []
    for p in range(processors):
        base, size = np.exp(rng.normal(3.5, 0.5)), np.exp(rng.normal(6, 0.5))
        for day in range(DAYS):
            if day % 7 not in weekdays:
                continue
            shift = 0.1 * rng.standard_normal()
            for n in range(per_day):
                noise = rng.standard_t(5, 2) if heavy else rng.standard_normal(2)
                begin = datetime(MONDAY.year, MONDAY.month, MONDAY.day, tzinfo=UTC)
                rows.append(
                    {
                        "processor_name": f"P{p}",
                        "run_id": f"P{p}-{day}-{n}",
                        "ended": begin + timedelta(days=day, hours=24 * (n + 0.5) / per_day),
                        "seconds": float(base * np.exp(shift + 0.2 * noise[0])),
                        "records": int(np.ceil(size * np.exp(0.2 * noise[1]))),
                        "category": "success",
                    }
                )
    return rows


def _judged(rows: Rows, *, as_of: datetime = AS_OF, **options: Any) -> RunAnomalies:
    counts, histograms = frames(rows)
    runs = pd.DataFrame(rows).rename(columns={"ended": "ended_at", "seconds": "duration_s"})
    return run_anomalies(runs, histograms, counts, as_of=as_of, **options)


def _changed(rows: Rows, run_id: str, **values: Any) -> Rows:
    return [{**row, **values} if row["run_id"] == run_id else row for row in rows]


def _usual(rows: Rows, name: str, column: str) -> float:
    return float(np.median([row[column] for row in rows if row["processor_name"] == name]))


@pytest.mark.parametrize(
    ("column", "factor", "kind"),
    [
        ("seconds", 20.0, RunKind.SLOW),
        ("seconds", 0.05, RunKind.FAST),
        ("records", 20.0, RunKind.MANY_RECORDS),
        ("records", 0.05, RunKind.FEW_RECORDS),
    ],
)
def test_a_run_unlike_all_before_is_found_and_told(
    column: str, factor: float, kind: RunKind
) -> None:
    rows = _world(1)
    usual = _usual(rows, "P3", column)
    value = usual * factor if column == "seconds" else int(usual * factor)
    (found,) = _judged(_changed(rows, f"P3-{LAST}-4", **{column: value})).anomalies
    assert (found.processor, found.kind, found.run_id) == ("P3", kind, f"P3-{LAST}-4")
    assert found.seen == pytest.approx(value)
    assert found.expected == pytest.approx(usual, rel=0.05)
    assert found.low < found.expected < found.high
    assert found.p_value < 1e-3
    assert found.p_value <= found.q_value <= 0.05
    assert found.since == found.at
    assert found.baseline_days == 56


def test_runs_that_were_off_yesterday_too_are_off_since_yesterday() -> None:
    rows = _world(1)
    usual = _usual(rows, "P3", "seconds")
    rows = _changed(rows, f"P3-{LAST - 1}-4", seconds=usual * 30)
    rows = _changed(rows, f"P3-{LAST}-4", seconds=usual * 60)
    found = _judged(rows, rules=RunRules(false_discovery_rate=0.5)).anomalies
    slow = next(a for a in found if (a.processor, a.kind) == ("P3", RunKind.SLOW))
    assert slow.since == AS_OF - timedelta(days=2)


def test_all_slow_runs_of_a_processor_are_one_departure() -> None:
    rows = _world(2)
    usual = _usual(rows, "P5", "seconds")
    for n in range(8):
        rows = _changed(rows, f"P5-{LAST}-{n}", seconds=usual * (25 + n))
    found = _judged(rows)
    assert len(found.anomalies) == 8
    assert found.departures == 1
    assert found.expected_false == pytest.approx(0.05)


def test_no_records_where_there_always_are_some_is_found() -> None:
    rows = _changed(_world(3), f"P2-{LAST}-1", records=0)
    (found,) = _judged(rows).anomalies
    assert (found.processor, found.kind, found.seen) == ("P2", RunKind.ZERO_RECORDS, 0)


def test_no_records_where_that_happens_is_usual() -> None:
    rows = _world(3)
    for day in range(2, DAYS, 6):
        rows = _changed(rows, f"P2-{day}-1", records=0)
    assert _judged(_changed(rows, f"P2-{LAST}-1", records=0)).anomalies == ()


def test_no_records_on_an_off_day_are_expected() -> None:
    rows = _changed(_world(3), f"P2-{LAST}-1", records=0)
    off = (MONDAY + timedelta(days=LAST),)
    assert _judged(rows, off_days=off).anomalies == ()


def test_a_run_that_did_not_come_is_silence() -> None:
    rows = [r for r in _world(4) if not r["run_id"].startswith(f"P7-{LAST}-")]
    (found,) = _judged(rows).anomalies
    assert (found.processor, found.kind, found.run_id) == ("P7", RunKind.SILENCE, None)
    assert found.seen == pytest.approx(25, abs=1.5)
    assert AS_OF - timedelta(hours=25) <= found.since < AS_OF


@pytest.mark.parametrize(("missed", "is_silence"), [(4, True), (6, False)])
def test_the_silence_of_a_weekend_is_none_on_a_weekend(missed: int, is_silence: bool) -> None:
    rows = _world(5, per_day=2, weekdays=(0, 1, 2, 3, 4))  # Monday to Friday
    day = 49 + missed
    rows = [r for r in rows if r["ended"].date() < MONDAY + timedelta(days=day)]
    as_of = AS_OF - timedelta(days=DAYS - day - 1, hours=4)
    found = {a.processor for a in _judged(rows, as_of=as_of).anomalies}
    assert bool(found) is is_silence


@pytest.mark.parametrize(("late_minutes", "is_silence"), [(20, False), (None, True)])
def test_a_daily_run_that_is_a_little_late_is_no_silence(
    late_minutes: int | None, is_silence: bool
) -> None:
    """It usually ends at 11:50, and is looked for at 12:30."""
    rows = _world(13, per_day=1)
    early = timedelta(minutes=10)
    rows = [{**r, "ended": r["ended"] - early} for r in rows]
    today = {r["run_id"] for r in rows if r["run_id"].startswith(f"P4-{LAST}-")}
    if late_minutes is None:
        rows = [r for r in rows if r["run_id"] not in today]
    else:
        late = timedelta(minutes=late_minutes)
        rows = [{**r, "ended": r["ended"] + late} if r["run_id"] in today else r for r in rows]
    as_of = AS_OF - timedelta(hours=11, minutes=30)
    found = {a.processor for a in _judged(rows, as_of=as_of).anomalies}
    assert found == ({"P4"} if is_silence else set())


def test_a_change_too_small_to_matter_is_none() -> None:
    rows = _world(6)
    rows = [{**r, "seconds": 100.0 + r["seconds"] / 1e3} for r in rows]
    assert _judged(_changed(rows, f"P0-{LAST}-0", seconds=120.0)).anomalies == ()


def test_what_cannot_be_judged_says_why() -> None:
    rows = [r for r in _world(7) if r["ended"].date() >= MONDAY + timedelta(days=DAYS - 6)]
    found = _judged(rows)
    assert found.anomalies == ()
    assert found.tests == 0
    assert {n.kind for n in found.not_judged} == set(RunKind)
    assert all("10 are needed" in n.why for n in found.not_judged)


def test_a_known_incident_does_not_hide_the_next() -> None:
    rows = _world(8)
    usual = _usual(rows, "P1", "seconds")
    rows = _changed(rows, f"P1-{LAST - 9}-0", seconds=usual * 50)
    rows = _changed(rows, f"P1-{LAST}-0", seconds=usual * 40)
    assert _judged(rows).anomalies == ()
    known: date = MONDAY + timedelta(days=LAST - 9)
    assert [a.processor for a in _judged(rows, excluded={known}).anomalies] == ["P1"]


def test_clean_processors_alarm_no_more_often_than_stated() -> None:
    alarmed = judged = 0
    for seed in range(6):
        rows = _world(100 + seed, processors=12, per_day=4, heavy=seed % 2 == 0)
        counts, histograms = frames(rows)
        runs = pd.DataFrame(rows).rename(columns={"ended": "ended_at", "seconds": "duration_s"})
        for back in range(5):
            as_of = AS_OF - timedelta(days=back)
            judged += 1
            alarmed += run_anomalies(runs, histograms, counts, as_of=as_of).departures > 0
    assert judged == 30
    assert alarmed <= 4  # 5 % of 30, and 4 or fewer in 98 of 100 such tests


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.exponential(1.0, n),
        lambda rng, n: rng.gumbel(size=n),
        lambda rng, n: rng.standard_normal(n),
    ],
)
def test_a_surprise_is_the_log_of_a_p_value(
    draw: Callable[[np.random.Generator, int], np.ndarray],
) -> None:
    rng = np.random.default_rng(9)
    found = np.array(
        [
            surprise(x[:-1], float(x[-1]), least_scale=0.0)
            for x in (draw(rng, 41) for _ in range(4000))
        ]
    )
    for rate in (0.2, 0.05, 0.01, 0.002):
        assert np.mean(found >= -np.log(rate)) <= rate * 1.2 + 2 * np.sqrt(rate / 4000)


def test_a_past_day_is_as_surprising_as_if_it_were_new() -> None:
    past = np.random.default_rng(10).gumbel(size=30)
    expected = [
        surprise(np.delete(past, i), float(past[i]), least_scale=0.02) for i in range(past.size)
    ]
    np.testing.assert_allclose(past_surprises(past, least_scale=0.02), expected)


def test_surprises_that_come_too_often_are_worth_less() -> None:
    rng = np.random.default_rng(11)
    honest, heavy = (
        Calibration.of(rng.exponential(1, 3000)),
        Calibration.of(rng.exponential(2, 3000)),
    )
    (of_honest,), (of_heavy,) = honest.rates(np.array([9.0])), heavy.rates(np.array([9.0]))
    assert of_honest == pytest.approx(np.exp(-9), rel=1)
    assert of_heavy == pytest.approx(np.exp(-4.5), rel=0.5)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        _judged(_world(12), as_of=datetime(2026, 2, 9))  # noqa: DTZ001
