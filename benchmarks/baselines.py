"""Do intervals hold the truth, and is chance taken for a weekday? `python benchmarks/baselines.py`.

Everything is planted: the generators know the true quantile or rate, and which processors differ by
weekday. About one minute on one core; `--rounds 100` is a quick look.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.daily import daily_histories
from nbkit.analysis.day_clusters import quantile_of, share_of
from nbkit.analysis.profiles import Profile, bucket_of
from nbkit.analysis.proportions import proportion
from nbkit.analysis.seasonality import DailyValues, Seasonality, seasonality

Floats = npt.NDArray[np.float64]
DAYS = 30
DAY = np.arange(DAYS)
MONDAY = DAY % 7 == 0
OFF = np.isin(DAY, (3, 12, 20))
START = datetime(2025, 12, 15, tzinfo=UTC)


def intervals(rounds: int, draws: np.random.Generator) -> None:
    """How often 95 % intervals hold the truth."""
    for days, each, scatter in ((30, 30, 0.0), (30, 30, 0.2), (30, 200, 0.3), (30, 1, 0.0)):
        for q in (0.5, 0.95, 0.99):
            truth = np.exp(NormalDist().inv_cdf(q) * np.hypot(0.3, scatter))
            held = 0
            for _ in range(rounds):
                levels = draws.normal(0, scatter, days)
                found = quantile_of(
                    [Profile.of_values(np.exp(draws.normal(lv, 0.3, each))) for lv in levels], q
                )
                above = found.low is None or found.low <= truth * 1.01
                held += above and (found.high is None or found.high >= truth * 0.99)
            print(f"P{100 * q:.0f}, {days} × {each}, scatter {scatter}: {held / rounds:.1%}")
    for days, each, rate, rho in ((30, 30, 0.05, 0.0), (30, 30, 0.05, 0.2), (10, 20, 0.2, 0.3)):
        held = plain = 0
        for _ in range(5 * rounds):
            totals = draws.poisson(each, days)
            hits = draws.binomial(totals, rates_of_days(rate, rho, days, draws))
            clustered = share_of(hits, totals)
            alone = proportion(int(hits.sum()), int(totals.sum()))
            held += clustered.low <= rate <= clustered.high
            plain += alone.low <= rate <= alone.high
        print(
            f"rate {rate:.0%}, {days} × {each}, correlation {rho}: {held / rounds / 5:.1%}, "
            f"as if independent {plain / rounds / 5:.1%}"
        )


def rates_of_days(rate: float, rho: float, days: int, draws: np.random.Generator) -> Floats:
    if rho == 0:
        return np.full(days, rate)
    spread = (1 - rho) / rho
    return draws.beta(rate * spread, (1 - rate) * spread, days)


def autocorrelated(phi: float, draws: np.random.Generator) -> Floats:
    steps, values = draws.normal(size=DAYS + 50), np.zeros(DAYS + 50)
    for n in range(1, values.size):
        values[n] = phi * values[n - 1] + steps[n]
    return values[50:]


def months(rounds: int, draws: np.random.Generator) -> None:
    """How often one test of one month says that a factor matters."""
    kinds: dict[str, Callable[[], Floats]] = {
        "independent": lambda: draws.normal(size=DAYS),
        "autocorrelation 0.5": lambda: autocorrelated(0.5, draws),
        "autocorrelation 0.8": lambda: autocorrelated(0.8, draws),
        "heavy tails": lambda: draws.standard_t(2, size=DAYS),
        "a drift of 0.3": lambda: draws.normal(size=DAYS) + 0.3 * DAY,
        "one storm day": lambda: draws.normal(size=DAYS) + 20 * (draws.integers(DAYS) == DAY),
        "a Monday of 3": lambda: draws.normal(size=DAYS) + 3 * MONDAY,
        "off-days of 3": lambda: draws.normal(size=DAYS) + 3 * OFF,
    }
    for name, kind in kinds.items():
        told = []
        for factor, group in (("weekday", DAY % 7), ("off-days", OFF.astype(np.int64))):
            p = [DailyValues.of_values(kind(), DAY).p_value(group) for _ in range(4 * rounds)]
            told.append(f"{factor} {rejected(p)}")
        print(f"{name}: {'; '.join(told)}")
    for rho in (0.0, 0.1, 0.3):
        p = []
        for _ in range(4 * rounds):
            totals = draws.poisson(30, DAYS) + 1
            hits = draws.binomial(totals, rates_of_days(0.05, rho, DAYS, draws))
            if hits.sum() >= 10:
                rates = DailyValues.of_rates(hits.astype(float), totals.astype(float))
                p.append(rates.p_value(DAY % 7))
        print(f"failure rates, correlation {rho}: weekday {rejected(p)}")


def rejected(p: list[float]) -> str:
    values = np.array(p)
    return f"p ≤ 0.01 {np.mean(values <= 0.01):.2%}, p ≤ 0.001 {np.mean(values <= 0.001):.2%}"


def platforms(count: int, draws: np.random.Generator) -> None:
    """Whole platforms of 55 processors, whose names are what a reader would be told."""
    clean = [judged(platform(draws)) for _ in range(count)]
    print(
        f"{count} platforms without a weekday: {sum(len(s.effects) for s in clean)} effects named "
        f"of {sum(s.tests for s in clean):,} tests"
    )
    planted = {f"P{n:02d}" for n in range(5)}
    for factor in (1.3, 1.5, 2.0):
        found = false = 0
        for _ in range(4):
            named = {(e.subject, e.metric.value) for e in judged(platform(draws, factor)).effects}
            right = {(name, "duration") for name in planted}
            found += len(named & right)
            false += len(named - right)
        print(f"five slower Mondays of {factor} ×: {found} of 20 found, {false} false")


def platform(draws: np.random.Generator, factor: float = 1.0) -> pd.DataFrame:
    """Runs of 55 processors with drifts, steps, storms, heavy tails and autocorrelation; Mondays of
    the first five are slower by the factor."""
    parts = []
    for number in range(55):
        phi, scale = draws.choice([0, 0.3, 0.6]), draws.choice([0.05, 0.1, 0.2])
        noise, level = draws.standard_t(4, size=DAYS + 30) * scale, np.zeros(DAYS + 30)
        for n in range(1, level.size):
            level[n] = phi * level[n - 1] + noise[n]
        level = level[30:] + draws.choice([0, 0, 0.02]) * DAY
        level = level + draws.choice([0, 0, 0.4]) * (draws.integers(5, 25) < DAY)
        if number < 5:
            level = level + np.log(factor) * MONDAY
        rate = draws.choice([0.01, 0.05, 0.2])
        fails = rates_of_days(rate, draws.choice([0.01, 0.1, 0.3]), DAYS, draws)
        day = np.repeat(DAY, draws.poisson(draws.choice([3, 10, 30]), DAYS))
        seconds = 20 * np.exp(level[day] + draws.normal(0, 0.35, day.size))
        if draws.random() < 0.2:
            storm = draws.integers(DAYS)
            fails[storm] = 1
            day, seconds = np.append(day, [storm] * 200), np.append(seconds, [5.0] * 200)
        parts.append(
            pd.DataFrame(
                {
                    "processor_name": f"P{number:02d}",
                    "day": day,
                    "duration_s": seconds,
                    "records": draws.poisson(100, day.size).astype(float),
                    "failed": draws.random(day.size) < fails[day],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def judged(runs: pd.DataFrame) -> Seasonality:
    """As the warehouse would hand them over."""
    ended = pd.Series([START + timedelta(days=int(d), hours=12) for d in DAY])[runs["day"]]
    runs = runs.assign(
        hour=ended.to_numpy(),
        category=np.where(runs["failed"], "error", "success"),
        outcome=np.where(runs["failed"], "failure", "success"),
        runs=1,
        zero_record_runs=0,
    )
    runs["hour"] = pd.to_datetime(runs["hour"], utc=True)
    counts = runs.groupby(["processor_name", "hour", "category"])[["runs", "zero_record_runs"]]
    long = pd.concat(
        [runs.assign(metric=m, bucket=bucket_of(runs[m].clip(0.5).to_numpy())) for m in METRICS]
    )
    long["day"] = long["hour"].dt.date
    keys = ["processor_name", "day", "metric", "outcome", "bucket"]
    histograms = long.groupby(keys)["runs"].sum().reset_index().astype({"bucket": "Int64"})
    return seasonality(daily_histories(counts.sum().reset_index(), histograms), histograms)


METRICS = ("duration_s", "records")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--platforms", type=int, default=12)
    parser.add_argument("--seed", type=int, default=3)
    given = parser.parse_args()
    draws = np.random.default_rng(given.seed)
    intervals(given.rounds, draws)
    months(given.rounds, draws)
    platforms(given.platforms, draws)


if __name__ == "__main__":
    main()
