"""Whether anomalies of single runs are as rarely wrong as they say, and what they find.

Worlds of 40 clean processors with one to a hundred runs a day: durations and records with tails of
several kinds, days that are alike, weekdays that differ, now and then a run without records. Judged
on several days each: the share of days with any departure is to be at most the false discovery
rate. Then single runs of one day are made 4, 8 and 20 times as long.

`calm`: tails that are log-normal or Student's; `usual`: also power laws, and mixtures with rare
slow runs; `harsh`: also tails heavier than any power law, and whole days that are slow.

Run: python benchmarks/run_anomalies.py [--worlds 10] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.anomalies import RunAnomalies, RunKind, run_anomalies
from nbkit.analysis.profiles import bucket_of

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
FIRST, DAYS, JUDGED, PROCESSORS = datetime(2025, 12, 15, tzinfo=UTC), 57, 5, 40
CALM = ("log-normal", "Student 5")
USUAL = (*CALM, "Pareto 2", "rarely slow")
HARSH = (*USUAL, "Student 3", "slow days")
FACTORS = (4, 8, 20)
PLANTED = 6


def processor(rng: Rng, kind: str) -> list[Floats]:
    """Logs of what each run of each day takes, over its median."""
    usual = np.exp(rng.uniform(0, np.log(100)))
    runs = np.maximum(rng.poisson(usual, DAYS), 1)
    memory, spread = rng.choice([0, 0.5, 0.8]), rng.uniform(0, 0.25)
    level = np.zeros(DAYS)
    for day in range(1, DAYS):
        step = np.sqrt(1 - memory**2) * rng.standard_normal()
        level[day] = memory * level[day - 1] + step
    level = spread * level + rng.normal(0, rng.choice([0, 0.15]), 7)[np.arange(DAYS) % 7]
    if kind == "slow days":
        level += (rng.random(DAYS) < 0.03) * rng.normal(1, 0.3, DAYS)
    return [level[day] + _tail(rng, kind, int(runs[day])) for day in range(DAYS)]


def _tail(rng: Rng, kind: str, size: int) -> Floats:
    if kind.startswith("Student"):
        return 0.2 * rng.standard_t(int(kind[-1]), size)
    if kind == "Pareto 2":
        return np.log1p(rng.pareto(2, size))
    slow = (rng.random(size) < 0.005) * rng.normal(1.6, 0.4, size)
    return 0.25 * rng.standard_normal(size) + (slow if kind == "rarely slow" else 0.0)


def world(rng: Rng, kinds: tuple[str, ...]) -> pd.DataFrame:
    """Successful runs of all processors: processor_name, run_id, ended_at, duration_s, records."""
    frames = []
    for number in range(PROCESSORS):
        durations = processor(rng, kinds[number % len(kinds)])
        sizes = processor(rng, kinds[rng.integers(len(kinds))])
        empty = rng.choice([0, 0, 0, 0.3, 0.01])
        for day, logs in enumerate(durations):
            records = np.ceil(np.exp(rng.choice(sizes[day], logs.size) + 5))
            minute = np.linspace(0, 1439, logs.size + 2)[1:-1] + rng.uniform(-5, 5, logs.size)
            minute = np.clip(minute, 0, 1439)
            frames.append(
                pd.DataFrame(
                    {
                        "processor_name": f"P{number}",
                        "ended_at": FIRST
                        + pd.to_timedelta(24 * 60 * day + minute.round(), unit="min"),
                        "duration_s": 40 * np.exp(logs),
                        "records": np.where(rng.random(logs.size) < empty, 0, records),
                    }
                )
            )
    found = pd.concat(frames, ignore_index=True)
    return found.assign(run_id=found.index.astype(str))


def judged(
    runs: pd.DataFrame, counts: pd.DataFrame, histograms: pd.DataFrame, back: int
) -> RunAnomalies:
    as_of = FIRST + timedelta(days=DAYS - back)
    return run_anomalies(runs, histograms, counts, as_of=as_of)


def warehouse(runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hourly counts and daily histograms of successful runs."""
    counts = (
        runs.assign(
            hour=runs["ended_at"].dt.floor("h"),
            zero_record_runs=(runs["records"] == 0).astype("int64"),
            missing_record_runs=0,
            category="success",
            runs=1,
        )
        .groupby(["processor_name", "hour", "category"])[
            ["runs", "zero_record_runs", "missing_record_runs"]
        ]
        .sum()
        .reset_index()
    )
    long = runs.melt(["processor_name", "ended_at"], ["duration_s", "records"], "metric")
    long = long[long["value"] > 0]
    histograms = (
        long.assign(
            day=long["ended_at"].dt.tz_localize(None).dt.normalize(),
            outcome="success",
            bucket=bucket_of(long["value"].to_numpy(dtype=np.float64)),
            runs=1,
        )
        .groupby(["processor_name", "day", "metric", "outcome", "bucket"])["runs"]
        .sum()
        .reset_index()
    )
    return counts, histograms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name, kinds in (("calm", CALM), ("usual", USUAL), ("harsh", HARSH)):
        days = wrong = 0
        hits = dict.fromkeys(FACTORS, 0)
        seconds = 0.0
        for index in range(options.worlds):
            rng = np.random.default_rng([options.seed, index])
            runs = world(rng, kinds)
            counts, histograms = warehouse(runs)
            for back in range(JUDGED):
                began = time.process_time()
                found = judged(runs, counts, histograms, back)
                seconds += time.process_time() - began
                days, wrong = days + 1, wrong + (found.departures > 0)
            last = runs[runs["ended_at"] >= FIRST + timedelta(days=DAYS - 1)]
            for factor in FACTORS:
                chosen = rng.choice(last["processor_name"].unique(), PLANTED, replace=False)
                planted = runs.copy()
                for processor_name in chosen:
                    own = runs.loc[runs["processor_name"] == processor_name, "duration_s"]
                    at = last.index[last["processor_name"] == processor_name][0]
                    planted.loc[at, "duration_s"] = factor * own.median()
                slow = {
                    each.processor
                    for each in judged(planted, counts, histograms, 0).anomalies
                    if each.kind is RunKind.SLOW
                }
                hits[factor] += len(slow & set(chosen))
        print(
            f"{name}: departures on {wrong} of {days} clean days ({wrong / days:.1%}; stated 5 %)"
        )
        for factor, count in hits.items():
            print(
                f"  a run {factor:2d} times as long found: {count / options.worlds / PLANTED:.0%}"
            )
        print(f"  {seconds / days:.2f} s a day of {PROCESSORS} processors")


if __name__ == "__main__":
    main()
