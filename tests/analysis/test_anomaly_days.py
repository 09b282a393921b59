"""Days of processors: planted departures are found, and usual days give as few as promised."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from nbkit.analysis.anomalies import DayAnomalies, DayRules, Metric, daily_anomalies

FIRST = date(2025, 11, 3)  # a Monday
LENGTH = 60
LAST = FIRST + timedelta(days=LENGTH - 1)


def _processor(name: str, rng: np.random.Generator, *, days: int = LENGTH) -> pd.DataFrame:
    """A usual life: rhythm of the week, off-days, heavy tails, over-dispersed failures."""
    index = np.arange(days)
    weekday = index % 7
    per_day = np.exp(rng.uniform(np.log(1), np.log(200)))
    week = np.exp(rng.choice([0.0, 0.15, 0.4]) * rng.standard_normal(7))
    off = rng.random(days) < rng.choice([0.0, 0.0, 0.1])
    if rng.random() < 0.3:
        off |= weekday >= 5
    size = rng.choice([3.0, 20.0, 1_000.0])
    runs = np.maximum(rng.poisson(per_day * week[weekday] * rng.gamma(size, 1 / size, days)), 1)
    rate = rng.choice([0.005, 0.03, 0.2])
    strength = rng.choice([10.0, 100.0])
    failures = rng.binomial(runs, rng.beta(rate * strength, (1 - rate) * strength, days))
    successes = runs - failures
    zero_rate = rng.choice([0.0, 0.05, 0.4])
    scatter = rng.choice([0.05, 0.15, 0.3])
    tail = rng.choice([3, 5, 30])

    def quantile(level: float) -> npt.NDArray[np.float64]:
        noise = scatter * rng.standard_t(tail, days) * np.sqrt(1 + 3 / np.maximum(successes, 1))
        values = level * np.exp(0.5 * np.log(week)[weekday] + noise)
        return np.where(successes > 0, values, np.nan)

    table = pd.DataFrame(
        {
            "processor_name": name,
            "date": pd.to_datetime(FIRST) + pd.to_timedelta(index, unit="D"),
            "runs": runs,
            "failures": failures,
            "expected": 0,
            "successes": successes,
            "zero_records": rng.binomial(successes, zero_rate),
            "p50_duration": quantile(30),
            "p95_duration": quantile(60),
            "p99_duration": quantile(80),
            "records_p50": quantile(500),
        }
    )
    return table[~off]


def _fleet(seed: int, processors: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.concat([_processor(f"P{n:02d}", rng) for n in range(processors)])


def _regular(seed: int = 1) -> pd.DataFrame:
    """Twenty processors that run thirty times a day and hardly fail, for plants."""
    rng = np.random.default_rng(seed)
    rows = []
    for name in (f"R{n:02d}" for n in range(20)):
        runs = rng.poisson(30, LENGTH)
        failures = rng.binomial(runs, 0.02)
        noise = np.exp(0.12 * rng.standard_normal((3, LENGTH)))
        rows.append(
            pd.DataFrame(
                {
                    "processor_name": name,
                    "date": pd.to_datetime(FIRST) + pd.to_timedelta(np.arange(LENGTH), unit="D"),
                    "runs": runs,
                    "failures": failures,
                    "expected": 0,
                    "successes": runs - failures,
                    "zero_records": rng.binomial(runs - failures, 0.03),
                    "p50_duration": 40 * noise[0],
                    "p95_duration": 70 * noise[1],
                    "p99_duration": 90 * noise[1],
                    "records_p50": 300 * noise[2],
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def _plant(table: pd.DataFrame, days: int, **factors: float) -> pd.DataFrame:
    """Multiply columns of R00 on the last `days` days."""
    table = table.copy()
    where = (table["processor_name"] == "R00") & (
        table["date"] > pd.to_datetime(LAST - timedelta(days=days))
    )
    for column, factor in factors.items():
        table[column] = table[column].where(~where, (table[column] * factor).round())
    return table


def _kinds(found: DayAnomalies) -> set[tuple[str, str]]:
    return {(a.processor, a.kind) for a in found.anomalies}


def test_usual_days_give_no_more_than_the_promised_false_alarms() -> None:
    # 4 fleets of 50 processors: each of 20 days may have a false alarm with probability 5 %.
    days = [a.day for s in range(4) for a in daily_anomalies(_fleet(s), days=5).anomalies]
    assert len(set(days)) <= 3
    assert len(days) <= 4


@pytest.mark.parametrize(
    ("factors", "kind"),
    [
        ({"p50_duration": 2.0}, "slow"),
        ({"p50_duration": 0.4}, "fast"),
        ({"p95_duration": 2.5}, "slow"),
        ({"records_p50": 0.3}, "few records"),
        ({"records_p50": 4.0}, "many records"),
        ({"runs": 6.0}, "many runs"),
        ({"runs": 0.1}, "few runs"),
    ],
)
def test_a_day_off_its_level_is_found_and_nothing_else(
    factors: dict[str, float], kind: str
) -> None:
    assert _kinds(daily_anomalies(_plant(_regular(), 1, **factors))) == {("R00", kind)}


def test_more_failures_than_usual_are_found() -> None:
    table = _regular()
    where = (table["processor_name"] == "R00") & (table["date"] == pd.to_datetime(LAST))
    table.loc[where, ["runs", "failures", "successes"]] = [30, 12, 18]
    (found,) = daily_anomalies(table).anomalies
    assert (found.kind, found.direction, found.seen) == ("failures", "above", 12)
    assert found.low <= found.expected <= found.high < 12
    assert found.p_value <= found.q_value <= 0.05


def test_zero_records_where_data_is_expected_are_found() -> None:
    table = _regular()
    where = (table["processor_name"] == "R00") & (table["date"] == pd.to_datetime(LAST))
    table.loc[where, "zero_records"] = table.loc[where, "successes"]
    table.loc[where, "records_p50"] = 0.0
    assert _kinds(daily_anomalies(table)) == {("R00", "zero records")}


def test_a_run_that_should_have_happened_is_missed_and_an_off_day_is_not() -> None:
    table = _regular()
    weekend = table["date"].dt.day_of_week >= 5
    table = table[~((table["processor_name"] == "R01") & weekend)]  # R01 rests on weekends
    table = table[~((table["processor_name"] == "R00") & (table["date"] == pd.to_datetime(LAST)))]
    assert LAST.weekday() == 3
    (found,) = daily_anomalies(table).anomalies
    assert (found.processor, found.kind, found.seen) == ("R00", "silence", 0)
    sunday = LAST - timedelta(days=4)
    assert daily_anomalies(table, as_of=sunday).anomalies == ()


def test_since_is_the_first_of_the_days_that_were_off() -> None:
    found = daily_anomalies(_plant(_regular(), 4, p50_duration=2.5)).anomalies
    assert {a.since for a in found} == {LAST - timedelta(days=3)}
    silent = _regular()
    gone = (silent["processor_name"] == "R00") & (
        silent["date"] > pd.to_datetime(LAST - timedelta(days=2))
    )
    (silence,) = daily_anomalies(silent[~gone]).anomalies
    assert silence.since == LAST - timedelta(days=1)


def test_a_day_that_is_not_over_is_not_called_short() -> None:
    table = _plant(_regular(), 1, runs=0.1)
    assert daily_anomalies(table, is_whole=False).anomalies == ()
    table = _plant(_regular(), 1, p50_duration=3.0)
    assert _kinds(daily_anomalies(table, is_whole=False)) == {("R00", "slow")}


def test_each_of_several_days_is_judged_on_the_days_before_it() -> None:
    table = _plant(_regular(), 3, p50_duration=2.0)
    found = daily_anomalies(table, days=7)
    assert [a.day for a in found.anomalies] == [LAST - timedelta(days=n) for n in range(3)]
    assert found.days == tuple(LAST - timedelta(days=n) for n in range(6, -1, -1))


def test_a_wild_day_long_ago_does_not_hide_a_slow_one_and_may_be_left_out() -> None:
    table = _plant(_regular(), 1, p50_duration=2.5)
    wild = LAST - timedelta(days=20)
    where = (table["processor_name"] == "R00") & (table["date"] == pd.to_datetime(wild))
    table.loc[where, "p50_duration"] *= 50
    assert ("R00", "slow") in _kinds(daily_anomalies(table))
    assert ("R00", "slow") in _kinds(daily_anomalies(table, excluded=[wild]))


def test_little_history_is_not_fine_but_not_judged() -> None:
    table = _regular()
    short = table[table["date"] > pd.to_datetime(LAST - timedelta(days=8))]
    found = daily_anomalies(_plant(short, 1, p50_duration=9.0))
    assert found.anomalies == ()
    assert {(n.processor, n.metric) for n in found.not_judged} >= {("R00", Metric.DURATION)}
    assert "7 earlier days, 10 are needed" in {n.why for n in found.not_judged}


def test_what_is_unlikely_but_small_is_no_anomaly() -> None:
    table = _regular()
    table["p50_duration"] = 40.0
    assert daily_anomalies(_plant(table, 1, p50_duration=1.2)).anomalies == ()
    assert daily_anomalies(_plant(table, 1, p50_duration=1.4)).anomalies != ()


def test_the_expected_number_of_false_alarms_is_stated() -> None:
    found = daily_anomalies(
        _plant(_regular(), 1, p50_duration=3.0), rules=DayRules(false_discovery_rate=0.1)
    )
    assert found.expected_false == pytest.approx(0.1 * len(found.anomalies))
    assert found.tests == 20 * 7


def test_nothing_in_nothing_out_and_nonsense_is_refused() -> None:
    empty = _regular().iloc[:0]
    assert daily_anomalies(empty).anomalies == ()
    with pytest.raises(ValueError, match="at least one day"):
        daily_anomalies(_regular(), days=0)
    with pytest.raises(ValueError, match="records_p50"):
        daily_anomalies(_regular().drop(columns="records_p50"))
