"""A second, independently written set of server and business metrics with labelled windows.

It imitates what the Numenta Anomaly Benchmark is made of (Lavin & Ahmad, ICMLA 2015), kind by kind,
from descriptions of its series and not from its data: CloudWatch CPU, disk, network and request
counts, an autoscaling group, machine and room temperature, taxi passengers, ad prices, road sensors
with irregular times, mentions in messages, and its artificial daily patterns. `anomaly_series.py`
is the set that `score` was developed on; this one shows whether it fits that set only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from anomaly_series import Floats, LabelledSeries, Rng

MONTH = 4_032  # two weeks of five minutes, as most series of the benchmark
START = pd.Timestamp("2026-03-02")


def idle_cpu(rng: Rng) -> LabelledSeries:
    """Next to nothing, in steps of the meter; a process that runs away now and then."""
    x = np.round(rng.uniform(0.05, 0.2) + 0.03 * rng.standard_normal(MONTH) ** 2, 3)
    x[rng.random(MONTH) < 0.01] += rng.uniform(0.5, 2)
    at = _spots(rng, MONTH, 2)
    for place in at:
        x[place : place + int(rng.integers(2, 60))] += rng.uniform(3, 30)
    return _labelled("idle_cpu", x, at)


def nightly_job_cpu(rng: Rng) -> LabelledSeries:
    """Quiet but for a job at the same time each day; a job at another time, or one that hangs."""
    x = rng.uniform(2, 6) + 0.4 * rng.standard_normal(MONTH)
    hour, long = int(rng.integers(0, 260)), int(rng.integers(4, 14))
    height = rng.uniform(15, 60)
    for day in range(MONTH // 288):
        begin = day * 288 + hour + int(rng.integers(-1, 2))
        x[begin : begin + long] += height * rng.uniform(0.9, 1.1)
    at = _spots(rng, MONTH, 2)
    for place in at:
        if rng.random() < 0.5:
            x[place : place + long * int(rng.integers(1, 6))] += height * rng.uniform(0.9, 1.6)
        else:
            x[place : place + 3] += height * rng.uniform(1.6, 2.5)
    return _labelled("nightly_job_cpu", np.clip(x, 0, 100), at)


def cron_every_hour(rng: Rng) -> LabelledSeries:
    """A spike each hour, all alike; twice as high, or missing for half a day."""
    x = 10 + rng.standard_normal(MONTH)
    every, height = int(rng.choice([6, 12, 24])), rng.uniform(10, 40)
    at = _spots(rng, MONTH, 2)
    missing = rng.random() < 0.5
    for begin in range(0, MONTH - 2, every):
        wrong = any(0 <= begin - place < (150 if missing else every) for place in at)
        size = height * rng.uniform(0.85, 1.15)
        if wrong:
            size = 0.0 if missing else size * rng.uniform(1.7, 2.5)
        x[begin : begin + 2] += size
    return _labelled("cron_every_hour", x, at)


def busy_and_idle(rng: Rng) -> LabelledSeries:
    """A worker that is busy or idle for hours at a time; stuck in between, or far above."""
    x, here, busy = np.empty(MONTH), 0, True
    low, high = rng.uniform(5, 15), rng.uniform(45, 65)
    while here < MONTH:
        long = int(rng.gamma(4, 12)) + 3
        x[here : here + long] = high if busy else low
        here, busy = here + long, not busy
    x += rng.uniform(0.5, 2.5) * rng.standard_normal(MONTH)
    at = _spots(rng, MONTH, 2)
    for place in at:
        long = int(rng.integers(10, 120))
        level = (low + high) / 2 if rng.random() < 0.4 else high + 0.6 * (high - low)
        x[place : place + long] = level + rng.standard_normal(x[place : place + long].size)
    return _labelled("busy_and_idle", x, at)


def memory_leak(rng: Rng) -> LabelledSeries:
    """Memory that climbs and is freed by a restart each night; a leak that is faster."""
    per_day = 288
    climb = np.arange(MONTH) % per_day / per_day
    x = rng.uniform(20, 40) + rng.uniform(5, 15) * climb + 0.3 * rng.standard_normal(MONTH)
    at = _spots(rng, MONTH, 1)
    for place in at:
        long = int(rng.integers(150, 500))
        x[place : place + long] += np.linspace(0, rng.uniform(20, 45), x[place : place + long].size)
    return _labelled("memory_leak", np.clip(x, 0, 100), at)


def disk_bursts(rng: Rng) -> LabelledSeries:
    """Zero bytes written but for rare bursts of all sizes; a long flood."""
    x = np.zeros(MONTH)
    bursts = rng.random(MONTH) < rng.uniform(0.01, 0.05)
    x[bursts] = np.exp(rng.normal(13, 1, int(bursts.sum())))
    at = _spots(rng, MONTH, 2)
    for place in at:
        long = int(rng.integers(6, 60))
        x[place : place + long] = np.exp(rng.normal(15, 0.5, x[place : place + long].size))
    return _labelled("disk_bursts", x, at)


def network_in(rng: Rng) -> LabelledSeries:
    """Bytes, heavy-tailed, with a small daily rhythm; a transfer, or silence."""
    n = int(rng.choice([1_243, MONTH, 4_730]))
    day = np.sin(np.arange(n) / 288 * 2 * np.pi)
    x = np.exp(10 + 0.3 * day + 0.35 * rng.standard_t(5, n))
    at = _spots(rng, n, 2)
    for place in at:
        part = slice(place, place + int(rng.integers(3, 70)))
        x[part] *= rng.uniform(8, 40) if rng.random() < 0.7 else 0.02
    return _labelled("network_in", x, at)


def request_count(rng: Rng) -> LabelledSeries:
    """Requests of a site by the five minutes, by day and by night; a rush, or none at all."""
    hours = np.arange(MONTH) / 288 * 2 * np.pi
    rate = rng.uniform(20, 80) * np.exp(0.9 * np.sin(hours + rng.uniform(0, 6)))
    rate *= np.exp(0.25 * rng.standard_normal(MONTH))
    at = _spots(rng, MONTH, 3)
    for place in at:
        part = slice(place, place + int(rng.integers(4, 60)))
        rate[part] *= rng.uniform(3, 8) if rng.random() < 0.7 else 0.01
    return _labelled("request_count", rng.poisson(rate).astype(np.float64), at)


def autoscaled(rng: Rng) -> LabelledSeries:
    """The CPU of a group, held at its target by scaling; a deployment that breaks that."""
    n = int(rng.choice([4_621, 18_050]))
    x = 40 + 6 * np.sin(np.arange(n) / 288 * 2 * np.pi) + 4 * rng.standard_normal(n)
    at = _spots(rng, n, 1)
    for place in at:
        long = int(rng.integers(300, 1_500))
        x[place : place + long] = x[place : place + long] * 0.4 + rng.uniform(45, 55)
    return _labelled("autoscaled", np.clip(x, 0, 100), at)


def latency(rng: Rng) -> LabelledSeries:
    """Latency of requests that wanders; fails towards the end with growing spikes."""
    x = 45 + np.cumsum(0.05 * rng.standard_normal(MONTH)) + 1.5 * rng.standard_normal(MONTH)
    x[rng.random(MONTH) < 0.003] += rng.uniform(5, 15)
    at = _spots(rng, MONTH, 3)
    for place in at:
        long = int(rng.integers(2, 40))
        x[place : place + long] += rng.uniform(12, 40) * rng.choice([-1, 1, 1])
    return _labelled("latency", x, at)


def machine_temperature(rng: Rng) -> LabelledSeries:
    """A machine that runs hot for weeks, cools when it stops; a fault foretold by a slow fall."""
    n = 22_695
    slow = rng.normal(0, 4, n // 300 + 2)
    x = 85 + np.interp(np.arange(n), np.arange(slow.size) * 300, slow)
    x += 1.2 * rng.standard_normal(n)
    at = _spots(rng, n, 3)
    for place in at:
        fall = int(rng.integers(20, 300))
        x[place : place + fall] -= np.linspace(0, rng.uniform(20, 60), x[place : place + fall].size)
    return _labelled("machine_temperature", x, at)


def room_temperature(rng: Rng) -> LabelledSeries:
    """An office by the hour: days, weekends and weather; a heater that fails."""
    n = 7_267
    weekend = (np.arange(n) // 24 % 7) >= 5
    x = 70 + 2.5 * np.sin(np.arange(n) / 24 * 2 * np.pi) * np.where(weekend, 0.3, 1)
    slow = rng.normal(0, 1.5, n // 120 + 2)
    x += np.interp(np.arange(n), np.arange(slow.size) * 120, slow) + 0.5 * rng.standard_normal(n)
    at = _spots(rng, n, 2)
    for place in at:
        long = int(rng.integers(12, 60))
        x[place : place + long] += rng.choice([-1, 1]) * rng.uniform(6, 12)
    return _labelled("room_temperature", x, at, minutes=60)


def taxi(rng: Rng) -> LabelledSeries:
    """Passengers by the half-hour, by day and week; holidays and a storm."""
    n, per_day = 10_320, 48
    hour = np.arange(n) % per_day / per_day * 2 * np.pi
    weekday = np.arange(n) // per_day % 7
    shape = 1 - 0.65 * np.cos(hour - 0.6) - 0.25 * np.cos(2 * hour)
    x = 14_000 * np.clip(shape, 0.1, None) * np.array([0.9, 0.95, 1, 1, 1.05, 1.1, 1])[weekday]
    night = (hour < 1.3) & (weekday >= 5)
    x[night] *= 1.8
    x *= np.exp(0.06 * rng.standard_normal(n))
    at = [place // per_day * per_day for place in _spots(rng, n, 4)]
    for place in at:
        x[place : place + per_day] *= rng.uniform(0.35, 0.65)
    return _labelled("taxi", np.round(x), at, minutes=30)


def ad_price(rng: Rng) -> LabelledSeries:
    """What a thousand views cost, by the hour: a wide band and rare spikes."""
    n = int(rng.integers(1_530, 1_650))
    hour = np.arange(n) / 24 * 2 * np.pi
    x = 0.5 + 0.15 * np.sin(hour) + 0.08 * rng.standard_t(4, n)
    at = _spots(rng, n, 3)
    for place in at:
        x[place : place + int(rng.integers(1, 4))] += rng.uniform(1.2, 5)
    return _labelled("ad_price", np.clip(x, 0.02, None), at, minutes=60)


def road_sensor(rng: Rng) -> LabelledSeries:
    """Speed or occupancy, whole numbers at irregular times with gaps; a jam at a wrong time."""
    n = int(rng.integers(1_100, 2_500))
    steps = rng.choice([5, 5, 5, 10, 15, 60], n)
    times = START + pd.to_timedelta(np.cumsum(steps), unit="min")
    hour = times.hour.to_numpy() + times.minute.to_numpy() / 60
    rush = np.exp(-((hour - 8) ** 2) / 4) + np.exp(-((hour - 17.5) ** 2) / 4)
    workday = times.dayofweek.to_numpy() < 5
    x = 75 - 12 * rush * workday + 4 * rng.standard_normal(n)
    at = _spots(rng, n, 2)
    for place in at:
        x[place : place + int(rng.integers(4, 20))] -= rng.uniform(30, 60)
    x = np.round(np.clip(x, 3, None))
    return LabelledSeries(family="road_sensor", values=x, timestamps=times, windows=_windows(n, at))


def mentions(rng: Rng) -> LabelledSeries:
    """Messages that name a company: days, weekends, bursts of all sizes; a scandal."""
    n = 15_900
    hour = np.arange(n) / 288 * 2 * np.pi
    rate = rng.uniform(3, 40) * np.exp(0.6 * np.sin(hour))
    burst = np.zeros(n)
    for begin in rng.integers(0, n, n // 250):
        fading = np.exp(-np.arange(12) / 3)[: n - begin]
        burst[begin : begin + 12] += rng.pareto(2.5) * fading
    x = rng.negative_binomial(4, 4 / (4 + rate * (1 + burst))).astype(np.float64)
    at = _spots(rng, n, 4)
    for place in at:
        long = int(rng.integers(6, 60))
        many = rate.max() * rng.uniform(8, 25)
        x[place : place + long] += rng.poisson(many, x[place : place + long].size)
    return _labelled("mentions", x, at)


def daily_pattern(rng: Rng) -> LabelledSeries:
    """Made by rule: high by day, low by night; a day that is flat, higher, or not there."""
    per_day = 288
    high = (np.arange(MONTH) % per_day >= 108) & (np.arange(MONTH) % per_day < 216)
    x = np.where(high, 80.0, 20.0) + rng.uniform(-3, 3, MONTH)
    day = int(rng.integers(8, 13))
    part = slice(day * per_day + 108, day * per_day + 216)
    kind = rng.choice(["flat", "up", "down", "none"])
    x[part] += {"flat": -60.0, "up": 60.0, "down": -40.0, "none": 0.0}[str(kind)]
    at = [] if kind == "none" else [part.start]
    return _labelled("daily_pattern", x, at)


def denser_spikes(rng: Rng) -> LabelledSeries:
    """Spikes of one height now and then; from one point on they come much more often."""
    x = 20 + rng.uniform(-1, 1, MONTH)
    spikes = rng.random(MONTH) < 0.02
    (place,) = _spots(rng, MONTH, 1) or [MONTH]
    spikes[place : place + 400] |= rng.random(spikes[place : place + 400].size) < 0.2
    x[spikes] += 20
    return _labelled("denser_spikes", x, [place] if place < MONTH else [])


FAMILIES: tuple[Callable[[Rng], LabelledSeries], ...] = (
    idle_cpu,
    nightly_job_cpu,
    cron_every_hour,
    busy_and_idle,
    memory_leak,
    disk_bursts,
    network_in,
    request_count,
    autoscaled,
    latency,
    machine_temperature,
    room_temperature,
    taxi,
    ad_price,
    road_sensor,
    mentions,
    daily_pattern,
    denser_spikes,
)


def _spots(rng: Rng, n: int, most: int) -> list[int]:
    """After a fifth of the series, and a tenth of it apart; one in ten has none."""
    if rng.random() < 0.1:
        return []
    count = int(rng.integers(1, most + 1))
    while True:
        chosen = np.sort(rng.integers(n // 5, n - n // 20, count))
        if (np.diff(chosen) > n // 10).all():
            return [int(at) for at in chosen]


def _windows(n: int, at: list[int]) -> tuple[tuple[int, int], ...]:
    half = n // 10 // max(len(at), 1) // 2
    return tuple((max(place - half, 0), min(place + half, n)) for place in at)


def _labelled(family: str, x: Floats, at: list[int], *, minutes: int = 5) -> LabelledSeries:
    times = START + pd.to_timedelta(np.arange(x.size) * minutes, unit="min")
    return LabelledSeries(family=family, values=x, timestamps=times, windows=_windows(x.size, at))
