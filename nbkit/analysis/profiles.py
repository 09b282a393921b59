"""Mergeable summaries: log-spaced histograms from which any quantile can be read.

A value x > 0 lies in bucket CEIL(LN(x) / LN(γ)) with γ = 1.02; the middle of a bucket is within
1 % of every value in it. Histograms merge by adding counts, so any window and any grouping come
from one scan of the warehouse (DDSketch: Masson, Rim & Lee, VLDB 2019).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

GAMMA = 1.02
RELATIVE_ERROR = (GAMMA - 1) / (GAMMA + 1)


@dataclass(frozen=True)
class Profile:
    """Counts of values by log-spaced bucket, the buckets in rising order.

    `zeros` counts values at or below zero, which have no logarithm; they sort first.
    """

    buckets: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    zeros: int = 0

    @classmethod
    def of_values(cls, values: Iterable[float]) -> Self:
        """The profile of raw values; NaN is left out."""
        array = np.asarray(list(values), dtype=np.float64)
        array = array[~np.isnan(array)]
        positive = array[array > 0]
        buckets, counts = np.unique(
            np.ceil(np.log(positive) / np.log(GAMMA)).astype(np.int64), return_counts=True
        )
        return cls(buckets, counts.astype(np.int64), int(array.size - positive.size))

    @classmethod
    def of_buckets(cls, buckets: pd.Series, counts: pd.Series) -> Self:
        """The profile of a warehouse histogram; a null bucket holds values at or below zero."""
        zero = buckets.isna().to_numpy()
        runs = counts.to_numpy(dtype=np.int64)
        known = buckets[~zero].to_numpy(dtype=np.int64)
        unique, position = np.unique(known, return_inverse=True)
        summed = np.zeros(unique.size, dtype=np.int64)
        np.add.at(summed, position, runs[~zero])
        return cls(unique, summed, int(runs[zero].sum()))

    @property
    def count(self) -> int:
        """How many values went in: exact."""
        return int(self.counts.sum()) + self.zeros

    def merge(self, other: Profile) -> Profile:
        """The profile of both sets of values together."""
        return Profile.of_buckets(
            pd.Series(np.concatenate([self.buckets, other.buckets])),
            pd.Series(np.concatenate([self.counts, other.counts])),
        )._with_zeros(self.zeros + other.zeros)

    def quantile(self, q: float) -> float | None:
        """The value at rank `q` (0 to 1), within 1 %; None where there is no value at all.

        The rank is that of the lower order statistic: floor(q · (n − 1)), counted from 0.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile lies between 0 and 1, not at {q}")
        if self.count == 0:
            return None
        rank = int(np.floor(q * (self.count - 1) + 1e-9))
        if rank < self.zeros:
            return 0.0
        index = int(np.searchsorted(np.cumsum(self.counts), rank - self.zeros, side="right"))
        return middle_of(int(self.buckets[index]))

    def count_above(self, limit: float) -> int:
        """How many values lie above `limit`, the limit blurred by the bucket width of 2 %."""
        if limit <= 0:
            return int(self.counts.sum())
        return int(self.counts[self.buckets > np.ceil(np.log(limit) / np.log(GAMMA))].sum())

    def _with_zeros(self, zeros: int) -> Profile:
        return Profile(self.buckets, self.counts, zeros)


def middle_of(bucket: int) -> float:
    """The value that stands for a bucket: at most 1 % from every value in it."""
    return float(2 * GAMMA**bucket / (GAMMA + 1))


def profiles_by(histograms: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[str, ...], Profile]:
    """One profile per combination of `keys`.

    Args:
        histograms: columns `bucket` (Int64, null for values at or below zero), `runs`, and `keys`.
    """
    return {
        tuple(str(part) for part in key): Profile.of_buckets(group["bucket"], group["runs"])
        for key, group in histograms.groupby(list(keys), sort=True, observed=True)
    }
