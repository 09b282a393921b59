"""Short series as people keep them, with the points at which an annotator would say: here it turns.

Each family is a function of a random generator that returns a `ChangingSeries`; every parameter is
drawn anew. Half of the families have no change: trends, curves, seasons, wandering, outliers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class ChangingSeries:
    """Values (NaN: missing), and the indices at which a new regime starts."""

    family: str
    values: Floats
    changes: tuple[int, ...]


def noise_only(rng: Rng) -> ChangingSeries:
    """Nothing but noise."""
    return _series("noise_only", _noise(rng, _length(rng)), [])


def levels(rng: Rng) -> ChangingSeries:
    """One to four new levels."""
    n = _length(rng)
    changes = _places(rng, n, most=4)
    return _series("levels", _noise(rng, n) + _levels(rng, n, changes, least=2.5), changes)


def plateau(rng: Rng) -> ChangingSeries:
    """A level, and back to the old one: a strike, an outage, a promotion."""
    n = _length(rng)
    long = max(int(n * rng.uniform(0.06, 0.3)), 6)
    at = int(rng.integers(n // 8, n - long - n // 8))
    x = _noise(rng, n)
    x[at : at + long] += rng.choice([-1, 1]) * rng.uniform(3, 8)
    return _series("plateau", x, [at, at + long])


def straight_trend(rng: Rng) -> ChangingSeries:
    """One slope from the first point to the last."""
    n = _length(rng)
    return _series("straight_trend", _noise(rng, n) + _time(n) * rng.uniform(3, 20), [])


def step_on_a_trend(rng: Rng) -> ChangingSeries:
    """A jump, the slope the same before and after."""
    n = _length(rng)
    changes = _places(rng, n, most=1)
    slope = _time(n) * rng.uniform(3, 12) * rng.choice([-1, 1])
    x = slope + _levels(rng, n, changes, least=5, most=10)
    return _series("step_on_a_trend", x + _noise(rng, n), changes)


def kinks(rng: Rng) -> ChangingSeries:
    """A line that turns: once or twice, by so much that it is seen."""
    n = _length(rng, least=30)
    changes = _places(rng, n, most=2)
    slope, x = rng.uniform(-1, 1) * 10, np.zeros(n)
    x += slope * _time(n)
    for at in changes:
        turn = -np.sign(slope or 1) * rng.uniform(12, 40)
        x += turn * np.maximum(np.arange(n) - at, 0) / n
        slope += turn
    return _series("kinks", x + _noise(rng, n) * rng.uniform(0.2, 1), changes)


def hockey_stick(rng: Rng) -> ChangingSeries:
    """Flat for long, then a steady climb."""
    n = _length(rng, least=30)
    (at,) = _places(rng, n, most=1)
    climb = rng.uniform(15, 50) * np.maximum(np.arange(n) - at, 0) / (n - at)
    return _series("hockey_stick", climb + _noise(rng, n) * rng.uniform(0.2, 1), [at])


def smooth_curve(rng: Rng) -> ChangingSeries:
    """Growth without a turn: exponential, logistic or a parabola."""
    n = _length(rng)
    u = (np.arange(n) + 0.5) / n
    kind = rng.choice(["exponential", "logistic", "parabola"])
    if kind == "exponential":
        x = np.exp(u * rng.uniform(0.7, 2.2))
    elif kind == "logistic":
        x = 1 / (1 + np.exp(-(u - rng.uniform(0.35, 0.65)) * rng.uniform(3, 6)))
    else:
        x = (u - rng.uniform(-0.2, 0.3)) ** 2
    x = 10 * (x - x.min()) / np.ptp(x) * rng.uniform(1, 3)
    return _series("smooth_curve", x + _noise(rng, n) * rng.uniform(0.1, 1), [])


def seasons(rng: Rng) -> ChangingSeries:
    """Months or quarters, with or without growth."""
    period, n = _seasonal(rng)
    growth = _time(n) * rng.choice([0, rng.uniform(2, 15)])
    return _series("seasons", growth + _season(rng, period, n) + _noise(rng, n), [])


def step_in_seasons(rng: Rng) -> ChangingSeries:
    """Months or quarters, and a new level."""
    period, n = _seasonal(rng)
    changes = _places(rng, n, most=1)
    x = _season(rng, period, n) + _levels(rng, n, changes, least=3.5)
    return _series("step_in_seasons", x + _noise(rng, n), changes)


def wandering(rng: Rng) -> ChangingSeries:
    """A level that wanders and comes back; no regime."""
    n = _length(rng, least=60)
    return _series("wandering", _ar(rng, n, rng.uniform(0.6, 0.85)), [])


def counts(rng: Rng) -> ChangingSeries:
    """Whole numbers by the handful; half of them with a new rate."""
    n = _length(rng)
    changes = _places(rng, n, most=1) if rng.random() < 0.5 else []
    rate = np.full(n, rng.uniform(2, 15))
    for at in changes:
        rate[at:] *= rng.choice([0.25, 0.4, 2.5, 4.0])
    return _series("counts", rng.poisson(rate).astype(np.float64), changes)


def outliers(rng: Rng) -> ChangingSeries:
    """Single wild points, as in a well log; half of them with new levels."""
    n = _length(rng, least=60)
    changes = _places(rng, n, most=3) if rng.random() < 0.5 else []
    x = _noise(rng, n) + _levels(rng, n, changes, least=4)
    wild = rng.choice(n, size=max(n // 50, 1), replace=False)
    x[wild] += rng.choice([-1, 1], wild.size) * rng.uniform(6, 20, wild.size)
    return _series("outliers", x, changes)


def restless(rng: Rng) -> ChangingSeries:
    """The level stays; from some point on the scatter is another one."""
    n = _length(rng, least=100)
    (at,) = _places(rng, n, most=1)
    x = rng.standard_normal(n) if rng.random() < 0.5 else rng.standard_t(5, n)
    x[at:] *= rng.uniform(2.5, 5)
    return _series("restless", x[::-1] if rng.random() < 0.5 else x, [at])


def gaps(rng: Rng) -> ChangingSeries:
    """New levels, and days that are missing."""
    n = _length(rng, least=60)
    changes = _places(rng, n, most=2)
    x = _noise(rng, n) + _levels(rng, n, changes, least=3)
    x[rng.random(n) < 0.1] = np.nan
    hole = int(rng.integers(0, n - 10))
    x[hole : hole + 8] = np.nan
    return _series("gaps", x, changes)


def short(rng: Rng) -> ChangingSeries:
    """Years: fifteen to forty; a step, a kink, a trend or nothing."""
    n = int(rng.integers(15, 41))
    x, kind = rng.standard_normal(n), rng.choice(["nothing", "trend", "step", "kink"])
    changes: list[int] = []
    if kind == "trend":
        x += _time(n) * rng.uniform(6, 25)
    elif kind != "nothing":
        at = int(rng.integers(n // 4, n - n // 4))
        changes = [at]
        if kind == "step":
            x[at:] += rng.choice([-1, 1]) * rng.uniform(4, 10)
        else:
            x = 0.5 * x + rng.uniform(15, 40) * np.maximum(np.arange(n) - at, 0) / (n - at)
    return _series("short", x, changes)


def prices(rng: Rng) -> ChangingSeries:
    """A price that is changed by hand: constant between few steps."""
    n = _length(rng, least=60)
    changes = _places(rng, n, most=4)
    x = np.round(_levels(rng, n, changes, least=2, most=8))
    return _series("prices", x, [at for at in changes if x[at] != x[at - 1]])


FAMILIES: tuple[Callable[[Rng], ChangingSeries], ...] = (
    noise_only,
    levels,
    plateau,
    straight_trend,
    step_on_a_trend,
    kinks,
    hockey_stick,
    smooth_curve,
    seasons,
    step_in_seasons,
    wandering,
    counts,
    outliers,
    restless,
    gaps,
    short,
    prices,
)


def _length(rng: Rng, *, least: int = 40) -> int:
    return int(least * np.exp(rng.uniform(0, np.log(400 / least))))


def _time(n: int) -> Floats:
    return np.arange(n) / n


def _ar(rng: Rng, n: int, phi: float) -> Floats:
    steps = rng.standard_normal(n + 200) * np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], steps))[200:]


def _noise(rng: Rng, n: int) -> Floats:
    """Of variance near 1."""
    kind = rng.choice(["normal", "autocorrelated", "heavy"], p=[0.5, 0.3, 0.2])
    if kind == "normal":
        return rng.standard_normal(n)
    if kind == "autocorrelated":
        return _ar(rng, n, rng.uniform(0.2, 0.6))
    return rng.standard_t(4, n) / np.sqrt(2)


def _places(rng: Rng, n: int, *, most: int) -> list[int]:
    """Where it changes: an eighth of the series apart, and from its ends."""
    count = int(rng.integers(1, most + 1))
    apart = max(n // 8, 5)
    while True:
        chosen = np.sort(rng.integers(apart, n - apart + 1, count))
        if (np.diff(chosen) >= apart).all():
            return [int(at) for at in chosen]


def _levels(rng: Rng, n: int, changes: list[int], *, least: float, most: float = 8) -> Floats:
    x = np.zeros(n)
    for at in changes:
        x[at:] += rng.choice([-1, 1]) * rng.uniform(least, most)
    return x


def _seasonal(rng: Rng) -> tuple[int, int]:
    period = int(rng.choice([4, 7, 12]))
    return period, period * int(rng.integers(6, 20))


def _season(rng: Rng, period: int, n: int) -> Floats:
    shape = rng.standard_normal(period)
    shape = (shape - shape.mean()) / shape.std() * rng.uniform(1.5, 5)
    growing = 1 + rng.choice([0, 1]) * _time(n)
    return np.resize(shape, n) * growing


def _series(family: str, values: Floats, changes: list[int]) -> ChangingSeries:
    return ChangingSeries(family=family, values=values, changes=tuple(changes))
