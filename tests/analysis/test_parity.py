"""Two versions that give the same are called equal, and each way of differing is told apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.analysis.parity import OutputParity, TwinRuns, compare_outputs, compare_runs
from nbkit.analysis.profiles import Profile


def rows(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {"id": [1, 2, 3], "value": [1.0, 2.0, 3.0], "word": ["a", "b", "c"]} | columns
    )


def compared(left: pd.DataFrame, right: pd.DataFrame, **how: object) -> OutputParity:
    return compare_outputs(left, right, keys=["id"], **how)  # type: ignore[arg-type]


def test_equal_tables_in_another_order_are_equal() -> None:
    found = compared(rows(), rows().iloc[::-1])
    assert found.is_equal
    assert found.matched == 3
    assert [column.differing for column in found.columns] == [0, 0]


def test_missing_and_extra_rows_are_named_by_their_key() -> None:
    found = compared(rows(), rows(id=[1, 2, 9]))
    assert (found.only_left, found.only_right) == (("3",), ("9",))
    assert not found.is_equal


def test_values_that_differ_are_shown_with_both_sides() -> None:
    found = compared(rows(), rows(word=["a", "B", "c"]))
    (column,) = [c for c in found.columns if c.name == "word"]
    assert column.differing == 1
    assert column.examples == (("2", "b", "B"),)


def test_numbers_may_differ_within_tolerance() -> None:
    near = rows(value=[1.004, 2.0, 3.0])
    assert compared(rows(), near).differing == 1
    assert compared(rows(), near, tolerance=0.01).is_equal
    assert compared(rows(), near, relative_tolerance=0.005).is_equal
    (column,) = [c for c in compared(rows(), near, tolerance=0.01).columns if c.name == "value"]
    assert (column.within_tolerance, column.differing) == (1, 0)
    assert column.largest == pytest.approx(0.004)


def test_two_nulls_are_equal_and_a_null_and_a_value_are_not() -> None:
    gaps = rows(value=[1.0, None, 3.0], word=["a", None, "c"])
    assert compared(gaps, gaps).is_equal
    assert compared(gaps, rows()).differing == 2


def test_a_number_and_a_text_are_never_equal_but_integers_and_floats_are() -> None:
    assert compared(rows(value=[1, 2, 3]), rows()).is_equal
    assert compared(rows(), rows(value=["1.0", "2.0", "3.0"])).differing == 3


def test_a_key_that_is_not_unique_is_compared_on_neither_side() -> None:
    found = compared(rows(), rows(id=[1, 1, 3]))
    assert found.right_repeated == 2
    assert found.matched == 1
    assert found.only_left == ("2",)


def test_keys_of_several_columns_and_other_types_meet() -> None:
    left = rows(day=pd.to_datetime(["2026-01-01"] * 3))
    right = left.assign(id=left["id"].astype("float64"))
    assert compare_outputs(left, right, keys=["day", "id"]).matched == 3


def test_columns_that_one_side_lacks_are_named_unless_ignored() -> None:
    more = rows(extra=[1, 2, 3])
    assert compared(rows(), more).right_columns == ("extra",)
    assert compared(rows(), more, ignore=["extra"]).is_equal


def test_keys_that_a_side_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="the right table has no column"):
        compare_outputs(rows(), rows().drop(columns="id"), keys=["id"])
    with pytest.raises(ValueError, match="to join by"):
        compare_outputs(rows(), rows(), keys=[])
    with pytest.raises(ValueError, match="not negative"):
        compared(rows(), rows(), tolerance=-1)


@given(st.lists(st.integers(0, 50), unique=True, max_size=30), st.integers(0, 2**16))
def test_a_table_equals_any_shuffle_of_itself(ids: list[int], seed: int) -> None:
    frame = pd.DataFrame({"id": ids, "value": np.arange(len(ids)) * 0.5})
    shuffled = frame.sample(frac=1, random_state=seed)
    found = compare_outputs(frame, shuffled, keys=["id"])
    assert found.is_equal
    assert found.matched == len(ids)


def twins(
    failing: float, seconds: float, *, days: int = 10, runs: int = 60, seed: int = 1
) -> TwinRuns:
    rng = np.random.default_rng(seed)
    index, table, profiles = [], [], {}
    for n in range(days):
        day = pd.Timestamp("2026-01-01") + pd.Timedelta(days=n)
        for name, rate, length in (("old", 0.02, 10.0), ("new", failing, seconds)):
            bad = int(rng.binomial(runs, rate))
            index.append((name, day))
            table.append((runs - bad, bad))
            profiles[name, f"{day:%Y-%m-%d}"] = Profile.of_values(
                length * rng.lognormal(0, 0.2, runs - bad)
            )
    outcomes = pd.DataFrame(
        table, columns=["successes", "failures"], index=pd.MultiIndex.from_tuples(index)
    )
    return compare_runs(outcomes, profiles, left="old", right="new")


def test_twins_alike_are_shown_to_be_alike() -> None:
    found = twins(0.02, 10)
    assert found.days == 10
    assert found.failures is not None
    assert found.failures.high < 0.05
    assert found.duration is not None
    assert 0.9 < found.duration.low <= found.duration.value <= found.duration.high < 1.1


def test_a_twin_that_fails_more_and_one_that_is_slower_are_seen() -> None:
    found = twins(0.2, 25)
    assert found.failures is not None
    assert found.failures.low > 0.05
    assert found.duration is not None
    assert found.duration.low > 1.5


def test_days_on_which_only_one_ran_do_not_count() -> None:
    found = twins(0.02, 10, days=2)
    assert found.days == 2
    assert found.duration is None  # two days say nothing of how days differ
    nothing = compare_runs(
        pd.DataFrame({"successes": [], "failures": []}, index=pd.MultiIndex.from_arrays([[], []])),
        {},
        left="old",
        right="new",
    )
    assert (nothing.days, nothing.failures) == (0, None)


def test_nothing_is_a_multiple_of_runs_that_take_no_time() -> None:
    for left, right in ((0.0, 0.0), (0.0, 10.0), (10.0, 0.0)):
        days = [pd.Timestamp("2026-01-01") + pd.Timedelta(days=n) for n in range(5)]
        profiles = {
            (name, f"{day:%Y-%m-%d}"): Profile.of_values([length] * 9)
            for day in days
            for name, length in (("old", left), ("new", right))
        }
        outcomes = pd.DataFrame(
            {"successes": 9, "failures": 0},
            index=pd.MultiIndex.from_product([["old", "new"], days]),
        )
        found = compare_runs(outcomes, profiles, left="old", right="new")
        assert found.duration is None
        assert (found.left_median_s == 0) is (left == 0)


def test_runs_of_no_time_count_in_the_interval_of_the_median() -> None:
    slower = compare_runs(
        pd.DataFrame(
            {"successes": 9, "failures": 0},
            index=pd.MultiIndex.from_product(
                [["old", "new"], pd.date_range("2026-01-01", periods=6)]
            ),
        ),
        {
            # Four of nine old runs take no time: their median is 2 s, not 5 s.
            (name, f"{day:%Y-%m-%d}"): Profile.of_values(
                [0.0] * 4 + [2.0] + [5.0] * 4 if name == "old" else [4.0] * 9
            )
            for name in ("old", "new")
            for day in pd.date_range("2026-01-01", periods=6)
        },
        left="old",
        right="new",
    ).duration
    assert slower is not None
    assert (slower.low, slower.high) == pytest.approx((2, 2), rel=0.03)
