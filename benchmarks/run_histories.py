"""Daily histories made run by run: each run has a duration, records and an outcome, and the day's
row is what `daily_histories` would make of them.

A second way beside `processor_histories`, so that nothing is tuned to one: here the noise of a P95
depends on the number of runs, few runs have a lower one (lower order statistic), failures come in
bursts, loads move durations, and what happened long ago (an incident that passed, a level that
changed for good) stands in the history.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from processor_histories import Floats, ProcessorHistory

END = date(2026, 1, 31)


def run_history(
    seed: int, degradation: str | None = None, *, bad_days: int = 14
) -> ProcessorHistory:
    """One history that ends at `END`; the degradation begins `bad_days` before its end."""
    rng = np.random.default_rng([seed, len(degradation or ""), 77])
    traits: list[str] = []

    def has(name: str, chance: float) -> bool:
        chosen = bool(rng.random() < chance)
        if chosen:
            traits.append(name)
        return chosen

    before = int(rng.integers(20, 120 - bad_days + 1))
    days = before + bad_days
    since = np.arange(days) - before
    bad = (since >= 0) & (degradation is not None)
    weekday = (np.arange(days) + int(rng.integers(0, 7))) % 7

    usual = float(np.exp(rng.uniform(np.log(2), np.log(500))))
    load = np.exp(float(rng.uniform(0.0, 0.3)) * rng.normal(0, 1, days))  # games of the day
    if has("load by weekday", 0.4):
        load *= rng.uniform(0.5, 1.5, 7)[weekday]
    runs = np.maximum(rng.poisson(usual * load) if has("runs vary", 0.6) else round(usual), 1)
    runs = np.broadcast_to(runs, days).astype(np.int64)

    by_day = _memory(rng, days, float(rng.uniform(0, 0.6)) if has("memory", 0.5) else 0.0)
    by_day *= float(rng.uniform(0.02, 0.12))
    if has("weekday effect", 0.4):
        by_day += rng.normal(0, 0.1, 7)[weekday]
    if has("lone outliers", 0.4):
        by_day += np.where(rng.random(days) < 0.02, np.log(rng.uniform(1.5, 8, days)), 0)
    if has("past incident", 0.15) and before > 35:
        at = int(rng.integers(10, before - 15))
        by_day[at : at + int(rng.integers(3, 9))] += np.log(rng.uniform(1.5, 3))
    elif has("past level", 0.15) and before > 60:
        by_day[: int(rng.integers(15, before - 40))] += rng.choice([-1, 1]) * rng.uniform(0.3, 0.8)
    elasticity = float(rng.uniform(0, 0.3)) if has("longer with load", 0.3) else 0.0
    by_day += elasticity * np.log(load)
    rate = np.full(days, float(rng.uniform(0.015, 0.025)))
    if degradation and degradation.startswith("step"):
        by_day += np.where(bad, np.log(float(degradation.split("_")[1])), 0)
    elif degradation == "drift":
        by_day += np.where(bad, float(rng.uniform(0.025, 0.06)) * (since + 1), 0)
    elif degradation == "variance":
        by_day += np.where(bad, rng.uniform(0.25, 0.5) * rng.normal(0, 1, days), 0)
    elif degradation == "failures":
        rate = np.where(bad, 0.06, 0.02)
    spread = float(rng.uniform(0.1, 0.5))
    heavy = has("heavy tails", 0.3)
    durations, records = np.empty(days), np.empty(days)
    base, size = rng.lognormal(3.5, 1), rng.uniform(3, 8)
    for day in range(days):
        own = rng.standard_t(3, runs[day]) if heavy else rng.normal(0, 1, runs[day])
        logs = by_day[day] + spread * own
        durations[day] = base * np.exp(np.quantile(logs, 0.95, method="lower"))
        records[day] = np.exp(
            size + np.log(load[day]) + 0.4 * rng.normal(0, 1) / np.sqrt(runs[day])
        )
    burst = np.where(rng.random(days) < 0.01, 0.3, 0.0) if has("bursts", 0.3) else 0.0
    concentration = np.exp(rng.uniform(np.log(30), np.log(3000)))
    daily_rate = rng.beta(rate * concentration, (1 - rate) * concentration)
    failures = rng.binomial(runs, np.clip(daily_rate + burst, 0, 1))
    durations[failures == runs] = np.nan
    if has("unknown durations", 0.1):
        durations[rng.random(days) < 0.1] = np.nan
    frame = pd.DataFrame(
        {
            "date": pd.date_range(END - timedelta(days=days - 1), periods=days),
            "runs": runs,
            "failures": failures,
            "p95_duration": durations,
            "records_p50": records if has("records", 0.8) else np.nan,
        }
    )
    keep = np.ones(days, dtype=bool)
    if has("off-days", 0.5):
        keep &= ~np.isin(weekday, rng.choice(7, int(rng.integers(1, 3)), replace=False))
    if has("long gap", 0.2) and before > 40:
        at = int(rng.integers(5, before - 12))
        keep[at : at + int(rng.integers(4, 10))] = False
    onset = END - timedelta(days=bad_days - 1) if degradation else None
    return ProcessorHistory(
        frame=frame[keep].reset_index(drop=True),
        degradation=degradation,
        onset=onset,
        end=END,
        traits=tuple(traits),
    )


def _memory(rng: np.random.Generator, days: int, weight: float) -> Floats:
    """AR(1) noise of unit scale."""
    shocks = rng.normal(0, 1, days)
    series = np.empty(days)
    level = shocks[0]
    for day, shock in enumerate(shocks):
        level = weight * level + (np.sqrt(1 - weight**2) * shock if day else 0)
        series[day] = level
    return series
