"""Burn-rate alerts on batch histories with known truth, beside the SRE Workbook's on runs.

    python benchmarks/burn_alerts.py [HISTORIES]

Histories of 40 days: a deadline a day, a processor with four runs a day, and one with a run every
five minutes whose failed messages are redelivered in bursts. *Healthy* ones keep their promise,
spending half of the error budget; from day 30 on others fail altogether (`outage`) or spend six
times their budget (`leak`). Each is looked at once a day, at noon, on the last ten days.

Prints how many healthy histories alert on any of the ten days, how many of the others do, and the
median delay. `runs`: the same alerts on single runs within the clock's windows, as the Workbook has
them for requests; `trials`: as nbkit does.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from statistics import median

import numpy as np
import pandas as pd

from nbkit.analysis.slas import Measured, burning
from nbkit.registry import load_registry
from nbkit.registry.slas import BurnAlert, Slas, Target, load_slas

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, ONSET = 40, 30
KINDS = {"one deadline a day": 1.0, "four runs a day": 4.0, "a run every five minutes": 288.0}


def history(kind: str, truth: str, target: Target, draws: np.random.Generator) -> pd.DataFrame:
    """Runs: at, bad."""
    per_day = KINDS[kind]
    count = int(DAYS * per_day)
    day = np.arange(count) / per_day
    allowed = 1 - target.objective
    chance = np.full(count, allowed / 2)
    if truth != "healthy":
        chance[day >= ONSET] = 1.0 if truth == "outage" else 6 * allowed
    bursty = per_day > 24
    if bursty:  # failures come as messages that are redelivered ten times within the hour
        first = draws.random(count) < chance / 10
        bad = np.convolve(first, np.ones(10))[:count] > 0
        if truth == "outage":
            bad |= day >= ONSET
    else:
        bad = draws.random(count) < chance
    at = pd.DatetimeIndex(pd.Timestamp(START) + pd.to_timedelta(day, unit="D"))
    return pd.DataFrame({"at": at, "bad": bad.astype(np.int64)})


def by_trials(runs: pd.DataFrame, target: Target) -> Measured:
    hours = runs.groupby(runs["at"].dt.floor("h"))["bad"].agg(["sum", "size"])
    trials = pd.DataFrame(
        {
            "at": hours.index,
            "processor": "A",
            "good": (hours["size"] - hours["sum"]).to_numpy(),
            "total": hours["size"].to_numpy(),
        }
    )
    return Measured(target=target, trials=trials)


def by_runs(
    runs: pd.DataFrame, alerts: tuple[BurnAlert, ...], target: Target, as_of: datetime
) -> bool:
    """The Workbook's alerts as they stand: the bad share of each window over what is allowed."""

    def rate(length: timedelta) -> float:
        own = runs[(runs["at"] >= as_of - length) & (runs["at"] < as_of)]
        return float(own["bad"].mean()) / (1 - target.objective) if len(own) else 0.0

    return any(min(rate(a.long), rate(a.short)) >= a.rate for a in alerts)


def first_alert(runs: pd.DataFrame, slas: Slas, target: Target, how: str) -> int | None:
    measured = by_trials(runs, target)
    for day in range(ONSET, DAYS):
        as_of = START + timedelta(days=day, hours=12)
        if how == "runs":
            fires = by_runs(runs, slas.burn_alerts, target, as_of)
        else:
            fires = burning(measured, slas.burn_alerts, period=slas.period, as_of=as_of) is not None
        if fires:
            return day - ONSET
    return None


def main() -> None:
    histories = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    slas = load_slas(load_registry())
    target = slas.target("phase_5_success_rate")
    print(f"{'':26}{'':8}{'healthy':>9}{'outage':>9}{'delay':>8}{'leak':>9}{'delay':>8}")
    for kind in KINDS:
        for how in ("runs", "trials"):
            cells = []
            for truth in ("healthy", "outage", "leak"):
                draws = np.random.default_rng(20)
                found = [
                    first_alert(history(kind, truth, target, draws), slas, target, how)
                    for _ in range(histories)
                ]
                fired = [delay for delay in found if delay is not None]
                cells.append(f"{len(fired) / histories:9.0%}")
                if truth != "healthy":
                    cells.append(f"{median(fired):6.0f} d" if fired else f"{'–':>8}")
            print(f"{kind:26}{how:8}{''.join(cells)}")


if __name__ == "__main__":
    main()
