"""Which windows a detector hits, and how often it alarms outside of them, on labelled series.

`score` beside three detectors that everybody has: a 3-sigma band, a MAD band, and the tail of a
windowed Gaussian (the baseline of the Numenta Anomaly Benchmark: Lavin & Ahmad, ICMLA 2015). All
are causal. The first 15 % of a series are not counted. Windows cover a tenth of a series, so some
hits are luck: `by chance` is what as many alarms at random places would hit.

Two sets of generators: `anomaly_series.py`, that `score` was developed on, and `metric_series.py`,
written later and apart.

Run: python benchmarks/anomalies.py [--count 10] [--seed 1000] [--set development|second]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import anomaly_series
import metric_series
import numpy as np
import numpy.typing as npt
import pandas as pd
from anomaly_series import LabelledSeries
from scipy.special import ndtr

from nbkit.analysis.anomalies import THRESHOLD, score

Alarms = npt.NDArray[np.bool_]
Detector = Callable[[LabelledSeries], Alarms]
WINDOW = 288
PROBATION = 0.15
SETS = {"development": anomaly_series.FAMILIES, "second": metric_series.FAMILIES}


@dataclass
class Tally:
    windows: int = 0
    hits: int = 0
    lucky: float = 0.0
    false_alarms: int = 0
    points: int = 0
    seconds: float = 0.0
    families: dict[str, list[float]] = field(default_factory=dict)

    def add(self, series: LabelledSeries, alarms: Alarms) -> None:
        start = int(PROBATION * alarms.size)
        alarms[:start] = False
        inside = np.zeros(alarms.size, dtype=bool)
        own = self.families.setdefault(series.family, [0, 0, 0, 0])
        share = alarms.sum() / (alarms.size - start)
        for first, end in series.windows:
            inside[first:end] = True
            hit = bool(alarms[first:end].any())
            self.windows, self.hits = self.windows + 1, self.hits + hit
            own[0], own[1] = own[0] + 1, own[1] + hit
            self.lucky += 1 - (1 - share) ** (end - first)
        wrong = int((alarms & ~inside).sum())
        self.false_alarms += wrong
        self.points += alarms.size - start
        own[2], own[3] = own[2] + wrong, own[3] + alarms.size - start


def ours(series: LabelledSeries) -> Alarms:
    return np.asarray(score(series.values, series.timestamps) >= THRESHOLD)


def three_sigma(series: LabelledSeries) -> Alarms:
    values = pd.Series(series.values)
    past = values.rolling(WINDOW, min_periods=20)
    return _over((values - past.mean().shift(1)).abs(), 3 * past.std().shift(1))


def mad(series: LabelledSeries) -> Alarms:
    values = pd.Series(series.values)
    middle = values.rolling(WINDOW, min_periods=20).median().shift(1)
    away = (values - middle).abs()
    return _over(away, 3 * 1.4826 * away.rolling(WINDOW, min_periods=20).median().shift(1))


def windowed_gaussian(series: LabelledSeries) -> Alarms:
    values = pd.Series(series.values)
    past = values.rolling(6_400, min_periods=20)
    z = (values - past.mean().shift(1)) / past.std().shift(1)
    return np.asarray(2 * ndtr(-z.abs().fillna(0.0)) < 1e-5)


def _over(away: pd.Series, limit: pd.Series) -> Alarms:
    return np.asarray((away > limit) & (limit > 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="series of each family")
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--set", choices=SETS, default="second")
    options = parser.parse_args()
    detectors: dict[str, Detector] = {
        "nbkit": ours,
        "3-sigma": three_sigma,
        "MAD": mad,
        "Gaussian": windowed_gaussian,
    }
    tallies = {name: Tally() for name in detectors}
    for number, family in enumerate(SETS[options.set]):
        for index in range(options.count):
            series = family(np.random.default_rng([options.seed, number, index]))
            for name, detector in detectors.items():
                started = time.perf_counter()
                alarms = detector(series)
                tallies[name].seconds += time.perf_counter() - started
                tallies[name].add(series, alarms.copy())
    for name, tally in tallies.items():
        print(
            f"{name:9s} {tally.hits / tally.windows:6.1%} of {tally.windows} windows "
            f"({tally.lucky / tally.windows:.1%} by chance), "
            f"{1_000 * tally.false_alarms / tally.points:7.2f} false alarms in 1,000 points, "
            f"{1e6 * tally.seconds / tally.points:5.1f} µs a point"
        )
    for name, (windows, hits, wrong, points) in sorted(tallies["nbkit"].families.items()):
        print(f"  nbkit {name:20s} {hits:3d} of {windows:3d}, {1_000 * wrong / points:5.2f}")


if __name__ == "__main__":
    main()
