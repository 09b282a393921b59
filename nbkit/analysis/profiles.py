"""Mergeable summaries: log-spaced histograms from which any quantile can be read.

A value x > 0 lies in bucket CEIL(LN(x) / LN(γ)) with γ = 1.02; the middle of a bucket is within
1 % of every value in it. Histograms merge by adding counts, so any window and any grouping come
from one scan of the warehouse (DDSketch: Masson, Rim & Lee, VLDB 2019).

A value on the very edge of a bucket may be placed in either neighbour, by the last bit of the
engine's logarithm; it is 1 % from the middle of both.
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
# q · (n − 1) of 0.57 and 101 is 56.99999999999999 in floating point: the rank is 57.
_RANK_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Profile:
    """Counts of values by log-spaced bucket, the buckets in rising order.

    `zeros` counts values at or below zero, which have no logarithm; they sort first.
    """

    buckets: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    zeros: int = 0

    @classmethod
    def of_values(cls, values: Iterable[float]) -> Self:
        """The profile of raw values; NaN is left out.

        Raises:
            ValueError: a value is infinite.
        """
        array = np.asarray(list(values), dtype=np.float64)
        array = array[~np.isnan(array)]
        if np.isinf(array).any():
            raise ValueError("an infinite value lies in no bucket")
        positive = array[array > 0]
        buckets, counts = np.unique(bucket_of(positive), return_counts=True)
        return cls(buckets, counts.astype(np.int64), int(array.size - positive.size))

    @classmethod
    def of_buckets(cls, buckets: pd.Series, counts: pd.Series) -> Self:
        """The profile of a warehouse histogram; a null bucket holds values at or below zero."""
        zero = buckets.isna().to_numpy()
        runs = counts.to_numpy(dtype=np.int64)
        known = buckets[~zero].to_numpy(dtype=np.int64)
        return cls(*_added(known, runs[~zero]), int(runs[zero].sum()))

    @classmethod
    def merged(cls, profiles: Iterable[Profile]) -> Self:
        """The profile of all their values together; of no profiles the empty one."""
        parts = list(profiles)
        nothing = np.zeros(0, dtype=np.int64)
        buckets = np.concatenate([nothing, *(part.buckets for part in parts)])
        counts = np.concatenate([nothing, *(part.counts for part in parts)])
        return cls(*_added(buckets, counts), sum(part.zeros for part in parts))

    @property
    def count(self) -> int:
        """How many values went in: exact."""
        return int(self.counts.sum()) + self.zeros

    def merge(self, other: Profile) -> Profile:
        """The profile of both sets of values together."""
        return Profile.merged([self, other])

    def __eq__(self, other: object) -> bool:
        """The same counts in the same buckets."""
        return (
            isinstance(other, Profile)
            and self.zeros == other.zeros
            and np.array_equal(self.buckets, other.buckets)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have none

    def quantile(self, q: float) -> float | None:
        """The value at rank `q` (0 to 1), within 1 %; None where there is no value at all.

        The rank is that of the lower order statistic: floor(q · (n − 1)), counted from 0.
        Values at or below zero count as 0.

        Raises:
            ValueError: `q` does not lie between 0 and 1.
        """
        _check_quantile(q)
        if self.count == 0:
            return None
        rank = int(np.floor(q * (self.count - 1) + _RANK_ROUNDING))
        if rank < self.zeros:
            return 0.0
        index = int(np.searchsorted(np.cumsum(self.counts), rank - self.zeros, side="right"))
        return middle_of(int(self.buckets[index]))

    def count_above(self, limit: float) -> int:
        """How many values lie above `limit`, the limit blurred by the bucket width of 2 %."""
        if limit <= 0:
            return int(self.counts.sum())
        return int(self.counts[self.buckets > bucket_of(np.array([limit]))].sum())


def bucket_of(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The bucket of each positive value, as the warehouse's SQL has it."""
    found: npt.NDArray[np.int64] = np.ceil(np.log(values) / np.log(GAMMA)).astype(np.int64)
    return found


def middle_of(bucket: int) -> float:
    """The value that stands for a bucket: at most 1 % from every value in it."""
    return float(_middles(np.int64(bucket)))


def _middles(buckets: npt.NDArray[np.int64] | np.int64) -> npt.NDArray[np.float64]:
    return np.asarray(2 * np.power(GAMMA, buckets) / (GAMMA + 1))


def profiles_by(histograms: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[str, ...], Profile]:
    """One profile per combination of `keys`, in their order; a row with a null key belongs to none.

    Args:
        histograms: columns `bucket` (Int64, null for values at or below zero), `runs`, and `keys`.
    """
    rows = _sorted_rows(histograms, keys)
    # Rows of one group and bucket are neighbours: each run of them becomes one count.
    first = np.ones(rows.group.size, dtype=bool)
    first[1:] = (np.diff(rows.group) != 0) | (np.diff(rows.bucket) != 0)
    begin = np.flatnonzero(first)
    counts = np.add.reduceat(rows.runs, begin) if begin.size else rows.runs
    buckets, group = rows.bucket[begin], rows.group[begin]
    bounds = np.searchsorted(group, np.arange(len(rows.keys) + 1))
    profiles = {}
    for index, key in enumerate(rows.keys.itertuples(index=False, name=None)):
        start, stop = bounds[index], bounds[index + 1]
        zeros = int(counts[start]) if buckets[start] == _ZEROS else 0
        start += buckets[start] == _ZEROS
        profiles[tuple(str(part) for part in key)] = Profile(
            buckets[start:stop], counts[start:stop], zeros
        )
    return profiles


def quantiles_by(
    histograms: pd.DataFrame, keys: Sequence[str], qs: Sequence[float]
) -> pd.DataFrame:
    """Quantiles of every combination of `keys`, without a profile for each: for many groups.

    Args:
        histograms: columns `bucket` (Int64, null for values at or below zero), `runs`, and `keys`.
        qs: ranks from 0 to 1.

    Returns:
        A row per combination, in their order: the keys, `count` (exact), and a column per rank
        named by its number (0.95), equal to `Profile.quantile`. A row with a null key is in none.

    Raises:
        ValueError: a rank does not lie between 0 and 1.
    """
    for q in qs:
        _check_quantile(q)
    rows = _sorted_rows(histograms, keys)
    ends = np.cumsum(rows.runs)
    last = np.searchsorted(rows.group, np.arange(len(rows.keys)), side="right") - 1
    count = np.diff(ends[last], prepend=0)
    before = ends[last] - count
    found = rows.keys.assign(count=count)
    for q in qs:
        rank = np.floor(q * (count - 1) + _RANK_ROUNDING).astype(np.int64)
        bucket = rows.bucket[np.searchsorted(ends, before + rank, side="right")]
        is_zero = bucket == _ZEROS
        found[q] = np.where(is_zero, 0.0, _middles(np.where(is_zero, 0, bucket)))
    return found


_ZEROS = np.iinfo(np.int64).min  # sorts before every bucket


@dataclass(frozen=True)
class _Rows:
    """Rows of histograms sorted by group and bucket; `keys` has a row per group."""

    keys: pd.DataFrame
    group: npt.NDArray[np.int64]
    bucket: npt.NDArray[np.int64]
    runs: npt.NDArray[np.int64]


def _sorted_rows(histograms: pd.DataFrame, keys: Sequence[str]) -> _Rows:
    named = list(keys)
    histograms = histograms[histograms["runs"] > 0]
    histograms = histograms.dropna(subset=named)
    group = np.asarray(histograms.groupby(named, sort=True, observed=True).ngroup(), dtype=np.int64)
    bucket = np.asarray(histograms["bucket"].astype("Int64").fillna(_ZEROS), dtype=np.int64)
    runs = np.asarray(histograms["runs"], dtype=np.int64)
    order = np.lexsort((bucket, group))
    group = group[order]
    firsts = order[np.flatnonzero(np.diff(group, prepend=-1))]
    labels = histograms[named].iloc[firsts].reset_index(drop=True)
    return _Rows(labels, group, bucket[order], runs[order])


def _added(
    buckets: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Distinct buckets in rising order, and the sum of the counts of each."""
    unique, position = np.unique(buckets, return_inverse=True)
    summed = np.zeros(unique.size, dtype=np.int64)
    np.add.at(summed, position, counts)
    return unique, summed


def _check_quantile(q: float) -> None:
    if not 0 <= q <= 1:
        raise ValueError(f"a quantile lies between 0 and 1, not at {q}")
