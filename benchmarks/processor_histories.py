"""Synthetic daily histories of processors, with the degradation planted in them as their truth.

What makes real histories hard is in them: weekday effects, off-days, gaps, heavy tails, lone
outliers, autocorrelation, failure rates that vary from day to day, and days of few runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
START = date(2025, 9, 1)

DEGRADATIONS = (
    "step_1.3",
    "step_1.5",
    "step_2.0",
    "drift",
    "variance",
    "failures",
)


@dataclass(frozen=True, kw_only=True)
class ProcessorHistory:
    """`frame` is what `assess` takes, one row per day with runs; `onset` is None where the
    history is clean, `end` its last day."""

    frame: pd.DataFrame = field(repr=False)
    degradation: str | None
    onset: date | None
    end: date
    traits: tuple[str, ...]

    def up_to(self, day: date) -> pd.DataFrame:
        return self.frame[self.frame["date"] <= pd.Timestamp(day)]


def processor_history(
    seed: int, degradation: str | None = None, *, days: int = 90, bad_days: int = 14
) -> ProcessorHistory:
    """One history; the degradation begins `bad_days` before its end."""
    rng = np.random.default_rng([seed, len(degradation or ""), days])
    traits: list[str] = []
    weekday = (np.datetime64(START) + np.arange(days)).astype("datetime64[D]").view("int64") % 7

    def has(name: str, chance: float) -> bool:
        chosen = bool(rng.random() < chance)
        if chosen:
            traits.append(name)
        return chosen

    noise = _noise(rng, days, heavy=has("heavy tails", 0.3), correlated=has("autocorrelated", 0.3))
    sigma = float(rng.uniform(0.05, 0.2))
    log_duration = np.log(rng.lognormal(4, 1)) + sigma * noise
    if has("weekday effect", 0.5):
        log_duration += rng.normal(0, 0.12, 7)[weekday]
    if has("lone outliers", 0.4):
        hit = rng.random(days) < 0.03
        log_duration += np.where(hit, np.log(rng.uniform(2, 6, days)), 0)
    runs = rng.poisson(float(np.exp(rng.uniform(np.log(8), np.log(200)))), days) + 1
    if has("runs by weekday", 0.4):
        runs = np.maximum(1, (runs * rng.uniform(0.4, 1.6, 7)[weekday]).astype(np.int64))
    records = np.exp(rng.uniform(3, 8) + float(rng.uniform(0.02, 0.3)) * _noise(rng, days))
    rate = np.full(days, 0.02)
    since = np.arange(days) - (days - bad_days)
    bad = since >= 0
    if degradation and degradation.startswith("step"):
        log_duration += np.where(bad, np.log(float(degradation.split("_")[1])), 0)
    elif degradation == "drift":
        log_duration += np.where(bad, float(rng.uniform(0.03, 0.07)) * (since + 1), 0)
    elif degradation == "variance":
        middle = np.median(log_duration)
        log_duration = np.where(
            bad, middle + (log_duration - middle) * rng.uniform(3, 5), log_duration
        )
    elif degradation == "failures":
        rate = np.where(bad, 0.06, 0.02)
    concentration = np.exp(rng.uniform(np.log(50), np.log(2000)))
    failures = rng.binomial(runs, rng.beta(rate * concentration, (1 - rate) * concentration))
    keep = np.ones(days, dtype=bool)
    if has("off-days", 0.4):
        keep &= ~np.isin(weekday, rng.choice(7, int(rng.integers(1, 3)), replace=False))
    if has("irregular off-days", 0.2):
        keep &= rng.random(days) > 0.2
    if has("gap", 0.2):
        at = int(rng.integers(5, days - bad_days - 12))
        keep[at : at + int(rng.integers(3, 10))] = False
    frame = pd.DataFrame(
        {
            "date": pd.date_range(START, periods=days),
            "runs": runs,
            "failures": failures,
            "p95_duration": np.exp(log_duration),
            "records_p50": records,
        }
    )
    if has("off-days as empty rows", 0.3):
        frame.loc[~keep, ["runs", "failures"]] = 0
        frame.loc[~keep, ["p95_duration", "records_p50"]] = np.nan
    else:
        frame = frame[keep]
    onset = START + timedelta(days=days - bad_days) if degradation else None
    return ProcessorHistory(
        frame=frame.reset_index(drop=True),
        degradation=degradation,
        onset=onset,
        end=START + timedelta(days=days - 1),
        traits=tuple(traits),
    )


def _noise(
    rng: np.random.Generator, days: int, *, heavy: bool = False, correlated: bool = False
) -> Floats:
    """Noise of unit scale."""
    shocks = rng.standard_t(3, days) / np.sqrt(3) * 1.2 if heavy else rng.normal(0, 1, days)
    if not correlated:
        return shocks
    weight = float(rng.uniform(0.2, 0.6))
    series = np.empty(days)
    level = shocks[0]
    for day, shock in enumerate(shocks):
        level = weight * level + np.sqrt(1 - weight**2) * shock
        series[day] = level
    return series
