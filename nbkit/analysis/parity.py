"""Do two versions of a job give the same? Outputs joined by key, durations and failures beside.

The outputs need no statistics: a row is there or not, a value differs or not. Durations and
failures vary by themselves, so they are compared by intervals: parity is shown where the whole
interval of the difference lies below a margin (non-inferiority; Wellek 2010, ch. 1), not where no
difference is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.day_clusters import bootstrap_days, share_of
from nbkit.analysis.profiles import Profile, middle_of
from nbkit.analysis.proportions import Difference, Proportion, difference

Flags = npt.NDArray[np.bool_]
_EXAMPLES = 5
_DAYS = 3  # below it, days drawn again say nothing of how days differ


@dataclass(frozen=True, kw_only=True)
class ColumnParity:
    """One column of the rows that both have. `largest` is the greatest difference of numbers.

    `examples` are keys with both values, at most five.
    """

    name: str
    compared: int
    differing: int
    within_tolerance: int
    largest: float | None
    examples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class OutputParity:
    """Two tables, joined by `keys`.

    `left_repeated` and `right_repeated` count rows whose key is not unique on that side: such keys
    are compared on neither. `only_left` and `only_right` are keys, `left_columns` and
    `right_columns` names, that the other side lacks.
    """

    keys: tuple[str, ...]
    left_rows: int
    right_rows: int
    matched: int
    left_repeated: int
    right_repeated: int
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    left_columns: tuple[str, ...]
    right_columns: tuple[str, ...]
    columns: tuple[ColumnParity, ...]

    @property
    def differing(self) -> int:
        """Values that differ beyond the tolerance."""
        return sum(column.differing for column in self.columns)

    @property
    def is_equal(self) -> bool:
        """The same keys, once each, the same columns, and the same values within tolerance."""
        return not (
            self.differing
            or self.only_left
            or self.only_right
            or self.left_repeated
            or self.right_repeated
            or self.left_columns
            or self.right_columns
        )


def compare_outputs(
    left: pd.DataFrame,
    right: pd.DataFrame,
    *,
    keys: Sequence[str],
    ignore: Sequence[str] = (),
    tolerance: float = 0.0,
    relative_tolerance: float = 0.0,
) -> OutputParity:
    """Join two tables by key, and compare what both have.

    Two nulls are equal; a null and a value are not. Numbers are equal within
    `tolerance` + `relative_tolerance` × |left|. A number and a text are never equal.

    Args:
        keys: columns that name a row.
        ignore: columns that may differ (when it was written, by which host).

    Raises:
        ValueError: no key, a key that a side lacks, or a negative tolerance.
    """
    for side, frame in (("left", left), ("right", right)):
        missing = [key for key in keys if key not in frame.columns]
        if missing or not keys:
            raise ValueError(f"the {side} table has no column {missing or 'to join by'}")
    if tolerance < 0 or relative_tolerance < 0:
        raise ValueError("a tolerance is not negative")
    listed = list(keys)
    skipped = {*listed, *ignore}
    common = [c for c in left.columns if c in right.columns and c not in skipped]
    left_twice, right_twice = (frame.duplicated(listed, keep=False) for frame in (left, right))
    repeated = pd.concat([left.loc[left_twice, listed], right.loc[right_twice, listed]])
    sides = []
    for frame in (left, right):
        names = _key_texts(frame, listed)
        once = ~names.isin(set(_key_texts(repeated, listed)))
        sides.append(frame[once].set_axis(pd.Index(names[once]), axis=0))
    one, other = sides
    both = one.index[one.index.isin(other.index)]
    one_rows, other_rows = one.loc[both], other.loc[both]
    return OutputParity(
        keys=tuple(keys),
        left_rows=len(left),
        right_rows=len(right),
        matched=len(both),
        left_repeated=int(left_twice.sum()),
        right_repeated=int(right_twice.sum()),
        only_left=tuple(sorted(one.index[~one.index.isin(other.index)])),
        only_right=tuple(sorted(other.index[~other.index.isin(one.index)])),
        left_columns=tuple(c for c in left.columns if c not in right.columns and c not in skipped),
        right_columns=tuple(c for c in right.columns if c not in left.columns and c not in skipped),
        columns=tuple(
            _column(name, one_rows[name], other_rows[name], tolerance, relative_tolerance)
            for name in common
        ),
    )


def _key_texts(frame: pd.DataFrame, keys: list[str]) -> pd.Series:
    """One text a row: what its key reads as, so that keys of other types still meet."""
    parts = [_shown(frame[key]) for key in keys]
    text = parts[0]
    for part in parts[1:]:
        text = text + " · " + part
    return text


def _shown(values: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.astype("float64")
        whole = numbers.notna() & (numbers == np.floor(numbers)) & (numbers.abs() < 2**53)
        text = numbers.map(repr)
        return text.mask(whole, numbers.where(whole, 0).astype("int64").astype("str")).where(
            numbers.notna(), "null"
        )
    return values.astype("object").map(lambda value: "null" if pd.isna(value) else str(value))


def _column(
    name: str, left: pd.Series, right: pd.Series, tolerance: float, relative: float
) -> ColumnParity:
    nulls = [np.asarray(side.isna(), dtype=np.bool_) for side in (left, right)]
    numeric = [
        pd.api.types.is_numeric_dtype(side) and not pd.api.types.is_bool_dtype(side)
        for side in (left, right)
    ]
    texts = (_shown(left).to_numpy(), _shown(right).to_numpy())
    largest = None
    near = np.zeros(len(left), dtype=np.bool_)
    if all(numeric):
        first, second = (side.to_numpy(dtype=np.float64, na_value=np.nan) for side in (left, right))
        gap = np.abs(first - second)
        same = np.asarray(first == second, dtype=np.bool_)
        near = ~same & (gap <= tolerance + relative * np.abs(first))
        known = gap[np.isfinite(gap)]
        largest = float(known.max()) if known.size else None
    elif any(numeric) and not (nulls[0].all() or nulls[1].all()):
        same = np.zeros(len(left), dtype=np.bool_)
    else:
        same = np.asarray(texts[0] == texts[1], dtype=np.bool_)
    same |= nulls[0] & nulls[1]
    off = np.flatnonzero(~(same | near))
    return ColumnParity(
        name=name,
        compared=len(left),
        differing=int(off.size),
        within_tolerance=int(near.sum()),
        largest=largest,
        examples=tuple(
            (str(left.index[at]), str(texts[0][at]), str(texts[1][at])) for at in off[:_EXAMPLES]
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The right median duration over the left one, with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class TwinRuns:
    """The runs of two processors over the same days.

    `days` are those on which both ran. `failures` is the share of runs that really failed, right
    minus left; `duration` the ratio of the median durations of successes. None: a side has none, or
    successes on fewer than three days, or its median may be 0 s.
    """

    left: str
    right: str
    days: int
    left_failed: Proportion
    right_failed: Proportion
    left_median_s: float | None
    right_median_s: float | None
    failures: Difference | None
    duration: Ratio | None


def compare_runs(
    outcomes: pd.DataFrame,
    durations: dict[tuple[str, str], Profile],
    *,
    left: str,
    right: str,
) -> TwinRuns:
    """Compare two processors on the days on which both ran.

    Args:
        outcomes: `nbkit.analysis.daily.daily_outcomes` (index: processor_name, day).
        durations: profiles of successful runs by (processor, day as `YYYY-MM-DD`).
    """
    by_day: dict[str, dict[pd.Timestamp, tuple[int, int]]] = {left: {}, right: {}}
    for (name, day), wins, losses in zip(
        outcomes.index, outcomes["successes"], outcomes["failures"], strict=True
    ):
        if name in by_day and wins + losses:
            by_day[name][day] = (int(losses), int(wins + losses))
    shared = sorted(by_day[left].keys() & by_day[right].keys())
    failed = []
    for name in (left, right):
        counts = np.array([by_day[name][day] for day in shared], dtype=np.int64).reshape(-1, 2)
        failed.append(share_of(counts[:, 0], counts[:, 1]))
    days = [f"{day:%Y-%m-%d}" for day in shared]
    profiles = [
        [durations[name, day] for day in days if (name, day) in durations] for name in (left, right)
    ]
    medians = [Profile.merged(each).quantile(0.5) if each else None for each in profiles]
    return TwinRuns(
        left=left,
        right=right,
        days=len(shared),
        left_failed=failed[0],
        right_failed=failed[1],
        left_median_s=medians[0],
        right_median_s=medians[1],
        failures=difference(failed[0], failed[1]),
        duration=_ratio(profiles[0], profiles[1]) if min(map(len, profiles)) >= _DAYS else None,
    )


def _ratio(left: list[Profile], right: list[Profile], *, confidence: float = 0.95) -> Ratio | None:
    """Of the medians, with the days of both drawn again whole. None where half of the runs, drawn
    again, may have taken no time at all: nothing is a multiple of that."""
    seen = [Profile.merged(side).quantile(0.5) or 0.0 for side in (left, right)]
    drawn = [_medians(side, seed) for seed, side in enumerate((left, right))]
    if min(*seen, *(each.min() for each in drawn)) <= 0:
        return None
    tail = 50 * (1 - confidence)
    value = seen[1] / seen[0]
    low, high = np.percentile(drawn[1] / drawn[0], [tail, 100 - tail])
    return Ratio(value=value, low=min(float(low), value), high=max(float(high), value))


def _medians(days: list[Profile], seed: int) -> npt.NDArray[np.float64]:
    buckets, counts, zeros = bootstrap_days(days, seed=seed)
    middles = np.array([0.0, *(middle_of(int(bucket)) for bucket in buckets)])
    counts = np.column_stack([zeros, counts])
    reached: Any = np.cumsum(counts, axis=1) * 2 >= counts.sum(axis=1, keepdims=True)
    return np.asarray(middles[np.argmax(reached, axis=1)], dtype=np.float64)
