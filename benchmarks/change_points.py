"""How well change points are found: F1 and covering, beside what everybody else uses.

The metrics are those of van den Burg & Williams, *An Evaluation of Change Point Detection
Algorithms* (2020, arXiv 2003.06222): F1 with a margin of 5 points, the first point always a change,
precision against the union of the readings and recall averaged over them; and the average over the
readings of how well segments cover theirs (Jaccard). Methods have their default parameters, on
standardised series.

Three sets: generated series of 17 families (`change_point_series.py`); 63 real ones with three
readings each (`change_point_readings.py`), in sight of which parameters were chosen; and 24 more
that were read and run once afterwards. The real ones need the packages that ship them; ruptures
and Otava are measured if they are there (`pip install ruptures apache-otava`).

Run: python benchmarks/change_points.py [--count 6] [--seed 3]
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Collection, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
from change_point_readings import labelled_series, missing_packages
from change_point_series import FAMILIES
from scipy.special import gammaln

from nbkit.analysis.trends import change_points

Floats = npt.NDArray[np.float64]
Readings = Sequence[Collection[int]]
Method = Callable[[Floats], list[int]]
Case = tuple[str, Floats, Readings]
MARGIN = 5


def f_measure(readings: Readings, found: Collection[int], *, margin: int = MARGIN) -> float:
    """F1 of the changes found: each is right for at most one of a reading, within `margin`."""
    predicted = {0, *found}
    annotated = [{0, *reading} for reading in readings]
    union = set[int]().union(*annotated)
    precision = len(_hit(union, predicted, margin)) / len(predicted)
    recall = np.mean([len(_hit(own, predicted, margin)) / len(own) for own in annotated])
    return float(2 * precision * recall / (precision + recall))


def covering(readings: Readings, found: Collection[int], size: int) -> float:
    """How well the segments found cover those of each reading, by their share of the series."""
    segments = _segments(found, size)
    return float(np.mean([_cover(_segments(own, size), segments) for own in readings]))


def _hit(wanted: set[int], predicted: set[int], margin: int) -> set[int]:
    left, hit = set(predicted), set()
    for at in sorted(wanted):
        near = [(abs(at - other), other) for other in left if abs(at - other) <= margin]
        if near:
            left.remove(min(near)[1])
            hit.add(at)
    return hit


def _segments(changes: Collection[int], size: int) -> list[range]:
    bounds = [0, *sorted({at for at in changes if 0 < at < size}), size]
    return [range(begin, end) for begin, end in itertools.pairwise(bounds)]


def _cover(wanted: list[range], segments: list[range]) -> float:
    def overlap(one: range, other: range) -> float:
        common = min(one.stop, other.stop) - max(one.start, other.start)
        return max(common, 0) / (max(one.stop, other.stop) - min(one.start, other.start))

    parts = [len(own) * max(overlap(own, each) for each in segments) for own in wanted]
    return sum(parts) / wanted[-1].stop


def no_change(values: Floats) -> list[int]:
    return []


def binary_segmentation(values: Floats, *, most: int = 5) -> list[int]:
    """The mean, the modified BIC and at most five changes, as R's `changepoint` has it."""
    where, series = _standardised(values)
    size, found = series.size, [0, series.size]
    while len(found) < most + 2:
        gain, at = max(
            (_best_split(series[a:b], a) for a, b in itertools.pairwise(found) if b - a > 1),
            default=(0.0, 0),
        )
        if gain <= 3 * np.log(size):
            break
        found = sorted([*found, at])
    return [int(where[at]) for at in found[1:-1]]


def at_most_one(values: Floats) -> list[int]:
    return binary_segmentation(values, most=1)


def _best_split(part: Floats, offset: int) -> tuple[float, int]:
    size, left = part.size, np.arange(1, part.size)
    sums, total = np.cumsum(part)[:-1], part.sum()
    gain = sums**2 / left + (total - sums) ** 2 / (size - left) - total**2 / size
    best = int(np.argmax(gain))
    share = left[best] / size
    return float(gain[best] - np.log(share) - np.log(1 - share)), offset + best + 1


def online_bayes(values: Floats, *, hazard: float = 0.01) -> list[int]:
    """The most likely segments under the model of Adams & MacKay (2007), normal-gamma prior 1."""
    where, series = _standardised(values)
    size = series.size
    best, begin = np.zeros(size + 1), np.zeros(size + 1, dtype=np.int64)
    starts, score = np.empty(0, dtype=np.int64), np.empty(0)
    mean, weight, shape, rate = (np.empty(0) for _ in range(4))
    for at, value in enumerate(series):
        starts = np.append(starts, at)
        score = np.append(score, best[at] + (np.log(hazard) if at else 0.0))
        mean, weight = np.append(mean, 0.0), np.append(weight, 1.0)
        shape, rate = np.append(shape, 1.0), np.append(rate, 1.0)
        spread = rate * (weight + 1) / (shape * weight)
        away = (value - mean) ** 2
        score = score + np.log(1 - hazard) + gammaln(shape + 0.5) - gammaln(shape)
        score -= 0.5 * np.log(2 * np.pi * shape * spread)
        score -= (shape + 0.5) * np.log1p(away / (2 * shape * spread))
        rate = rate + weight * away / (2 * (weight + 1))
        mean = (weight * mean + value) / (weight + 1)
        weight, shape = weight + 1, shape + 0.5
        chosen = int(np.argmax(score))
        best[at + 1], begin[at + 1] = score[chosen], starts[chosen]
    found, at = [], int(begin[size])
    while at > 0:
        found.append(int(where[at]))
        at = int(begin[at])
    return found[::-1]


def pelt(kernel: str, penalty: float) -> Method:
    """ruptures' exact search, the penalty in log(n)."""
    import ruptures

    def find(values: Floats) -> list[int]:
        where, series = _standardised(values)
        if series.size < 4:
            return []
        search = ruptures.KernelCPD(kernel=kernel, min_size=2).fit(series.reshape(-1, 1))
        return [int(where[at]) for at in search.predict(pen=penalty * np.log(series.size))[:-1]]

    return find


def otava(values: Floats) -> list[int]:
    from otava.analysis import compute_change_points

    where, series = _standardised(values)
    found, _ = compute_change_points(list(series - series.min() + 1))
    return [int(where[each.index]) for each in found if each.index > 0]


def _standardised(values: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    where = np.flatnonzero(np.isfinite(values))
    known = values[where]
    return where, (known - known.mean()) / (known.std() or 1.0)


def _table(title: str, cases: list[Case], methods: dict[str, Method]) -> None:
    print(f"\n{title}: {len(cases)} series")
    for name, method in methods.items():
        began = time.process_time()
        found = [method(values) for _, values, _ in cases]
        took = (time.process_time() - began) / len(cases)
        scores = _scores(cases, found)
        changes = np.mean([len(each) for each in found])
        print(
            f"  {name:22s} F1 {scores[0]:.3f}  covering {scores[1]:.3f}  "
            f"{changes:4.1f} changes  {1e3 * took:6.1f} ms a series"
        )


def _scores(cases: list[Case], found: list[list[int]]) -> tuple[float, float]:
    pairs = [
        (f_measure(readings, own), covering(readings, own, values.size))
        for (_, values, readings), own in zip(cases, found, strict=True)
    ]
    return float(np.mean([f for f, _ in pairs])), float(np.mean([c for _, c in pairs]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6, help="series of each family")
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    methods: dict[str, Method] = {
        "nbkit": change_points,
        "no change": no_change,
        "at most one": at_most_one,
        "binary segmentation": binary_segmentation,
        "online Bayes": online_bayes,
    }
    if find_spec("ruptures"):
        methods["PELT l2, 3 log n"] = pelt("linear", 3)
        methods["PELT l2, log n"] = pelt("linear", 1)
        methods["PELT rbf, 3 log n"] = pelt("rbf", 3)
    if find_spec("otava"):
        methods["Otava"] = otava
    made: list[Case] = []
    for number, family in enumerate(FAMILIES):
        for index in range(options.count):
            series = family(np.random.default_rng([options.seed, number, index]))
            made.append((series.family, series.values, [series.changes]))
    if absent := missing_packages():
        print(f"real series left out: pip install {' '.join(absent)}")
    else:
        for title, held_out in (("real", False), ("real, held out", True)):
            real = labelled_series(held_out=held_out)
            _table(title, [(s.name, s.values, s.readings) for s in real], methods)
    _table("generated", made, methods)
    _by_family(made)
    _speed()


def _by_family(cases: list[Case]) -> None:
    print("\nnbkit by family (F1, covering)")
    for family in dict.fromkeys(name for name, _, _ in cases):
        own = [case for case in cases if case[0] == family]
        f, c = _scores(own, [change_points(values) for _, values, _ in own])
        print(f"  {family:18s} {f:.2f} {c:.2f}")


def _speed() -> None:
    rng: Any = np.random.default_rng(0)
    print("\nseconds of one core")
    for size, count in ((90, 300), (1_000, 20), (10_000, 5), (100_000, 2)):
        series = [
            rng.standard_normal(size) + 2 * (np.arange(size) > size / 2) for _ in range(count)
        ]
        began = time.process_time()
        for values in series:
            change_points(values)
        each = (time.process_time() - began) / count
        print(f"  {size:7,d} points: {each:.4f} a series")


if __name__ == "__main__":
    main()
