"""Series like those of servers and business metrics, with the windows in which they are abnormal.

Each family is a function of a random generator that returns a `LabelledSeries`; every parameter
(length, step, noise, size and number of anomalies) is drawn anew, so that a detector can be tuned
to a family but not to a series. Windows are 10 % of a series divided among its anomalies, each
around the place where something was planted, as in the Numenta Anomaly Benchmark (Lavin & Ahmad,
ICMLA 2015). About one series in eight has no anomaly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
CLEAN_SHARE = 0.12
WINDOW_SHARE = 0.10


@dataclass(frozen=True, kw_only=True)
class LabelledSeries:
    """Values by time, and half-open index ranges in which an alarm is right."""

    family: str
    values: Floats
    timestamps: pd.DatetimeIndex
    windows: tuple[tuple[int, int], ...]


def quiet_baseline(rng: Rng) -> LabelledSeries:
    """Low flat load with small everyday peaks; a few large spikes are wrong."""
    n = _length(rng)
    x = rng.uniform(0.05, 50) + _noise(rng, n)
    x = _sprinkle(rng, x, rate=rng.uniform(0.001, 0.02), height=rng.uniform(2, 6))
    top = np.ptp(x)
    places = _places(rng, n)
    for at in places:
        width = int(rng.integers(1, 8))
        x[at : at + width] += top * rng.uniform(0.5, 2.5)
    return _series(rng, "quiet_baseline", x, places)


def scheduled_jobs(rng: Rng) -> LabelledSeries:
    """Bursts every few hours are normal; a larger, a longer or a missing one is not."""
    n = _length(rng)
    period = rng.integers(20, 150)
    x = rng.uniform(1, 20) + _noise(rng, n) * 0.5
    spread, width = rng.uniform(0.05, 0.35), int(rng.integers(1, 6))
    height, jitter = rng.uniform(10, 60), rng.uniform(0, 0.15)
    places = _places(rng, n)
    kind = rng.choice(["larger", "longer", "missing"])
    wrong = {at // period for at in places}
    for k in range(n // period):
        at = int(k * period + rng.normal(0, jitter * period))
        size = height * np.exp(rng.normal(0, spread))
        long = width
        if kind == "larger" and k in wrong:
            size *= rng.uniform(1.8, 3.5)
        elif kind == "longer" and k in wrong:
            long = width * int(rng.integers(5, 12)) + 6
        elif kind == "missing" and any(0 <= k - each < 8 for each in wrong):
            continue
        x[max(at, 0) : max(at + long, 0)] += size * rng.uniform(0.8, 1.2)
    return _series(rng, "scheduled_jobs", x, places)


def level_shift(rng: Rng) -> LabelledSeries:
    """A new level that stays, or lasts for a while."""
    n = _length(rng)
    noise = _noise(rng, n)
    x = rng.uniform(20, 200) + noise
    places = _places(rng, n, most=2)
    for at in places:
        size = rng.choice([-1, 1]) * rng.uniform(2.5, 8) * _spread(noise)
        long = n if rng.random() < 0.5 else int(rng.integers(n // 60, n // 12))
        x[at : at + long] += size
    return _series(rng, "level_shift", x, places)


def drift_to_crash(rng: Rng) -> LabelledSeries:
    """A slow climb, then a fall to almost nothing and a return."""
    n = _length(rng)
    noise = _noise(rng, n)
    x = rng.uniform(30, 60) + noise
    places = _places(rng, n, most=2)
    for at in places:
        ramp = int(rng.integers(30, n // 15))
        rise = rng.uniform(3, 8) * _spread(noise)
        begin = max(at - ramp, 0)
        x[begin:at] += np.linspace(0, rise, at - begin)
        down = int(rng.integers(5, 60))
        x[at : at + down] = x.min() - rng.uniform(1, 6) * _spread(noise)
    return _series(rng, "drift_to_crash", x, places)


def daily_rhythm(rng: Rng) -> LabelledSeries:
    """A day and a week as people make them; an unusual day, or the wrong height for the hour."""
    step = int(rng.choice([5, 10, 30, 60]))
    per_day = 24 * 60 // step
    days = int(rng.integers(20, 60)) if step < 30 else int(rng.integers(60, 220))
    n = min(per_day * days, 12_000)
    hour = np.arange(n) % per_day / per_day * 2 * np.pi
    phase, second = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.5)
    shape = np.sin(hour + phase) + second * np.sin(2 * hour + rng.uniform(0, 6))
    weekday = (np.arange(n) // per_day) % 7
    weekend = np.where(weekday >= 5, rng.uniform(0.5, 1.0), 1.0)
    amplitude, noise = rng.uniform(5, 30), rng.uniform(0.05, 0.2)
    base = rng.uniform(1.8, 4) * amplitude
    x = (base + amplitude * shape) * weekend + amplitude * noise * _noise(rng, n)
    places = _places(rng, n)
    for at in places:
        kind = rng.choice(["flat day", "busy", "quiet", "spike"])
        long = int(per_day * rng.uniform(0.4, 1.5))
        part = slice(at, at + long)
        if kind == "flat day":
            x[part] = base * 0.6 + amplitude * noise * rng.standard_normal(x[part].size)
        elif kind == "busy":
            x[part] *= rng.uniform(1.25, 1.6)
        elif kind == "quiet":
            x[part] *= rng.uniform(0.4, 0.75)
        else:
            x[at : at + 3] += amplitude * rng.uniform(1.5, 3)
    return _series(rng, "daily_rhythm", x, places, step=step)


def dropouts(rng: Rng) -> LabelledSeries:
    """The source stands still: a constant, or zero, for a while."""
    n = _length(rng)
    x = rng.uniform(20, 100) + _noise(rng, n) * rng.uniform(0.5, 5)
    places = _places(rng, n)
    for at in places:
        long = int(rng.integers(15, 150))
        x[at : at + long] = 0.0 if rng.random() < 0.5 else x[at]
    return _series(rng, "dropouts", x, places)


def restless(rng: Rng) -> LabelledSeries:
    """The level stays, the scatter does not."""
    n = _length(rng)
    x = _noise(rng, n)
    places = _places(rng, n, most=2)
    for at in places:
        long = int(rng.integers(40, 300))
        x[at : at + long] *= rng.uniform(2.5, 6)
    return _series(rng, "restless", 50 + x, places)


def heavy_traffic(rng: Rng) -> LabelledSeries:
    """Bytes and requests: log-normal, a little daily rhythm; a flood or a famine."""
    n = _length(rng)
    hour = np.arange(n) / 288 * 2 * np.pi
    log = rng.uniform(0, 0.6) * np.sin(hour) + rng.uniform(0.2, 0.8) * _ar(
        rng, n, rng.uniform(0, 0.7)
    )
    x = np.exp(rng.uniform(2, 12) + log)
    places = _places(rng, n)
    for at in places:
        kind = rng.choice(["flood", "famine", "burst"])
        if kind == "burst":
            x[at : at + int(rng.integers(1, 5))] = x.max() * rng.uniform(1.5, 4)
        else:
            long = int(rng.integers(30, 200))
            x[at : at + long] *= rng.uniform(3, 8) if kind == "flood" else rng.uniform(0.05, 0.2)
    return _series(rng, "heavy_traffic", x, places)


def saturated(rng: Rng) -> LabelledSeries:
    """A busy machine at its limit with everyday dips; a deep fall or a rest is wrong."""
    n = _length(rng)
    x = 97 + _noise(rng, n) * rng.uniform(0.5, 2)
    x = _sprinkle(rng, x, rate=rng.uniform(0.001, 0.03), height=-rng.uniform(3, 10))
    places = _places(rng, n)
    low = x.min()
    for at in places:
        x[at : at + int(rng.integers(2, 120))] -= (97 - low) * rng.uniform(1.2, 2.5)
    return _series(rng, "saturated", np.clip(x, 0, 100), places)


def two_modes(rng: Rng) -> LabelledSeries:
    """Idle and busy take turns, as machines in a group do; a third level is wrong."""
    n = _length(rng)
    mean = rng.integers(30, 200)
    x = np.empty(n)
    at, busy, gap = 0, False, rng.uniform(10, 40)
    while at < n:
        long = int(rng.exponential(mean)) + 5
        x[at : at + long] = gap if busy else 0
        at, busy = at + long, not busy
    x += 10 + _noise(rng, n) * rng.uniform(0.5, 2)
    places = _places(rng, n, most=2)
    for at in places:
        long = int(rng.integers(5, 150))
        x[at : at + long] = (
            10 + gap * rng.uniform(1.6, 2.5) + rng.standard_normal(x[at : at + long].size)
        )
    return _series(rng, "two_modes", x, places)


def smooth_temperature(rng: Rng) -> LabelledSeries:
    """Slow wandering and a daily rhythm; a sudden fall, or a climb never seen."""
    n = int(rng.integers(5_000, 22_000)) if rng.random() < 0.5 else _length(rng)
    per_day = int(rng.choice([24, 288]))
    x = 80 + rng.uniform(0, 4) * np.sin(np.arange(n) / per_day * 2 * np.pi)
    x += _ar(rng, n, rng.uniform(0.99, 0.998)) * rng.uniform(1, 5) + 0.3 * rng.standard_normal(n)
    places = _places(rng, n)
    usual = _spread(x)
    for at in places:
        long = int(rng.integers(20, 200))
        fall = np.sin(np.linspace(0, np.pi, long))[: max(n - at, 0)]
        x[at : at + long] += rng.choice([-1, -1, 1]) * rng.uniform(3, 8) * usual * fall
    return _series(rng, "smooth_temperature", x, places, step=24 * 60 // per_day)


def small_counts(rng: Rng) -> LabelledSeries:
    """Requests by the handful, whole numbers; far too many, or none for long."""
    n = _length(rng)
    rate = rng.uniform(1, 25) * np.exp(rng.uniform(0, 0.3) * _ar(rng, n, 0.9))
    places = _places(rng, n)
    for at in places:
        if rng.random() < 0.6:
            rate[at : at + int(rng.integers(2, 40))] *= rng.uniform(3, 6)
        else:
            rate[at : at + int(rng.integers(40, 150))] = 0.0
    return _series(rng, "small_counts", rng.poisson(rate).astype(np.float64), places)


def slow_requests(rng: Rng) -> LabelledSeries:
    """Latency: a long tail of single slow answers is normal, a cluster of them is not."""
    n = _length(rng)
    x = 40 * np.exp(0.08 * _ar(rng, n, rng.uniform(0, 0.6)))
    rare = rng.random(n) < rng.uniform(0.002, 0.02)
    x[rare] *= 1 + rng.pareto(rng.uniform(2, 4), int(rare.sum()))
    places = _places(rng, n)
    for at in places:
        long = int(rng.integers(5, 60))
        part = x[at : at + long]
        x[at : at + long] = part * (1 + rng.uniform(0.4, 1.5) * rng.random(part.size) * 2)
    return _series(rng, "slow_requests", x, places)


FAMILIES: tuple[Callable[[Rng], LabelledSeries], ...] = (
    quiet_baseline,
    scheduled_jobs,
    level_shift,
    drift_to_crash,
    daily_rhythm,
    dropouts,
    restless,
    heavy_traffic,
    saturated,
    two_modes,
    smooth_temperature,
    small_counts,
    slow_requests,
)


def _length(rng: Rng) -> int:
    return int(rng.choice([1_250, 4_032, 4_032, 4_032, 4_730]))


def _ar(rng: Rng, n: int, phi: float) -> Floats:
    """An autoregressive series with variance 1."""
    from scipy.signal import lfilter

    steps = rng.standard_normal(n + 500) * np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], steps))[500:]


def _noise(rng: Rng, n: int) -> Floats:
    kind = rng.choice(["normal", "autocorrelated", "heavy", "skewed"])
    if kind == "normal":
        return rng.standard_normal(n)
    if kind == "autocorrelated":
        return _ar(rng, n, rng.uniform(0.3, 0.95))
    if kind == "heavy":
        return rng.standard_t(rng.uniform(3, 6), n)
    return np.exp(0.6 * rng.standard_normal(n)) - 1.2


def _spread(x: Floats) -> float:
    return float(np.subtract(*np.percentile(x, [75, 25])) / 1.35) or 1.0


def _sprinkle(rng: Rng, x: Floats, *, rate: float, height: float) -> Floats:
    hit = rng.random(x.size) < rate
    x = x.copy()
    x[hit] += height * rng.gamma(2, 0.5, int(hit.sum())) * _spread(x)
    return x


def _places(rng: Rng, n: int, *, most: int = 4) -> list[int]:
    """Where anomalies begin: after a fifth of the series, a tenth of it apart."""
    if rng.random() < CLEAN_SHARE:
        return []
    slots = rng.choice(np.arange(4, 19), size=int(rng.integers(1, most + 1)), replace=False)
    chosen: list[int] = []
    for slot in sorted(slots):
        at = int((slot + rng.uniform(0.2, 0.8)) * n / 20)
        if not chosen or at - chosen[-1] > n / 10:
            chosen.append(at)
    return chosen


def _unlabelled_change(rng: Rng, x: Floats) -> Floats:
    """What real series do without anybody calling it an anomaly: drift, and step a little."""
    n, scale = x.size, _spread(x[np.isfinite(x)])
    if rng.random() < 0.5:
        walk = np.cumsum(rng.standard_normal(n // 50 + 2))
        drift = np.interp(np.arange(n), np.arange(walk.size) * 50, walk)
        return x + scale * rng.uniform(0.5, 2) * drift / np.std(drift)
    x = x.copy()
    for at in rng.integers(0, n, int(rng.integers(1, 4))):
        x[at:] += scale * rng.choice([-1, 1]) * rng.uniform(0.5, 1.5)
    return x


def _series(
    rng: Rng, family: str, x: Floats, places: list[int], *, step: int | None = None
) -> LabelledSeries:
    """Round, lose and shift some points as collectors do, and put a window around each place."""
    n = x.size
    minutes = step if step is not None else 5
    times = pd.Timestamp("2026-01-05") + pd.to_timedelta(np.arange(n) * minutes, unit="min")
    if rng.random() < 0.3:
        x = np.round(x, int(rng.integers(0, 3)))
    if rng.random() < 0.2:
        x = x.copy()
        x[rng.random(n) < 0.005] = np.nan
    if rng.random() < 0.2:
        times = times + pd.to_timedelta(np.where(np.arange(n) > n // 2, 3, 0), unit="h")
    if rng.random() < 0.5:
        x = _unlabelled_change(rng, x)
    half = int(n * WINDOW_SHARE / max(len(places), 1) / 2)
    windows = tuple((max(at - half, 0), min(at + half, n)) for at in places)
    return LabelledSeries(family=family, values=x, timestamps=times, windows=windows)
