"""How many degradations `assess` finds, how soon, and how often it alarms on clean histories.

Against the seed's rules, a 3-sigma band and a MAD band on the same histories.
Run: python benchmarks/degradations.py [--count 100] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd
from processor_histories import DEGRADATIONS, clean_histories, degraded_histories

from nbkit.analysis.trends.assessment import assess

Judge = Callable[[pd.DataFrame], bool]


def seed_rules(frame: pd.DataFrame) -> bool:
    """P95 of the last seven days over twice the P95 before; failure rate over 1.5 x and 5 %."""
    last = frame["date"].iloc[-1]
    recent = frame[frame["date"] > last - timedelta(days=7)]
    before = frame[frame["date"] <= last - timedelta(days=7)].tail(30)
    slow = recent["p95_duration"].quantile(0.95) > 2 * before["p95_duration"].quantile(0.95)
    now = recent["failures"].sum() / max(recent["runs"].sum(), 1)
    usual = before["failures"].sum() / max(before["runs"].sum(), 1)
    return bool(slow or (now > 1.5 * usual and now > 0.05))


def band(centre: str) -> Judge:
    """The last day lies over three deviations above the days before it."""

    def judge(frame: pd.DataFrame) -> bool:
        durations = frame["p95_duration"].dropna().to_numpy()
        rates = (frame["failures"] / frame["runs"].clip(lower=1)).to_numpy()
        return any(_off(values, centre) for values in (durations, rates))

    return judge


def _off(values: np.ndarray, centre: str) -> bool:
    before, last = values[:-1], values[-1]
    if centre == "mean":
        return bool(last > before.mean() + 3 * before.std())
    middle = np.median(before)
    return bool(last > middle + 3 * 1.4826 * np.median(np.abs(before - middle)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    judges: dict[str, Judge] = {
        "nbkit": lambda frame: assess(frame).alert,
        "seed": seed_rules,
        "3-sigma": band("mean"),
        "MAD": band("median"),
    }
    for name, judge in judges.items():
        started, calls = time.perf_counter(), 0
        alarms, weeks = [], []
        for history in clean_histories(4 * options.count, seed=options.seed):
            days = [history.end - timedelta(days=back) for back in range(7)]
            said = [judge(history.up_to(day)) for day in days]
            calls += len(said)
            alarms += said
            weeks.append(any(said))
        print(f"{name:8s} clean: {np.mean(alarms):6.2%} a day, {np.mean(weeks):6.2%} a week")
        for kind in DEGRADATIONS:
            delays = []
            for history in degraded_histories(options.count, kind, seed=options.seed):
                assert history.onset is not None
                delay = None
                for day in range(14):
                    calls += 1
                    if judge(history.up_to(history.onset + timedelta(days=day))):
                        delay = day
                        break
                delays.append(delay)
            found = [d for d in delays if d is not None]
            median = np.median(found) if found else float("nan")
            print(
                f"{name:8s} {kind:10s} {len(found) / len(delays):6.1%} found, delay {median:.1f} d"
            )
        print(f"{name:8s} {1e3 * (time.perf_counter() - started) / calls:.2f} ms a judgement")


if __name__ == "__main__":
    main()
