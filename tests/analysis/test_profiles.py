"""Profiles: any quantile within 1 %, counts exact, merged in any order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkit.analysis.profiles import GAMMA, RELATIVE_ERROR, Profile, middle_of, profiles_by

values = st.lists(st.floats(min_value=0.001, max_value=1e6) | st.just(0.0), min_size=1, max_size=60)


@given(values, st.floats(0, 1))
def test_a_quantile_is_within_one_percent_of_the_exact_one(numbers: list[float], q: float) -> None:
    found = Profile.of_values(numbers).quantile(q)
    rank = int(np.floor(q * (len(numbers) - 1) + 1e-9))
    exact = sorted(numbers)[rank]
    assert found == pytest.approx(exact, rel=RELATIVE_ERROR + 1e-9)


@given(values, values, values)
def test_merging_is_associative_commutative_and_keeps_every_count(
    a: list[float], b: list[float], c: list[float]
) -> None:
    one, two, three = (Profile.of_values(v) for v in (a, b, c))
    whole = Profile.of_values([*a, *b, *c])
    for merged in (one.merge(two).merge(three), three.merge(one.merge(two))):
        assert merged.zeros == whole.zeros
        np.testing.assert_array_equal(merged.buckets, whole.buckets)
        np.testing.assert_array_equal(merged.counts, whole.counts)


def test_a_profile_of_warehouse_buckets_equals_that_of_the_raw_values() -> None:
    raw = [0.0, 1.0, 3.5, 3.5, 900.0]
    frame = pd.DataFrame({"x": raw})
    positive = frame["x"] > 0
    frame["bucket"] = pd.array(
        [
            int(np.ceil(np.log(x) / np.log(GAMMA))) if ok else None
            for x, ok in zip(frame["x"], positive, strict=True)
        ],
        dtype="Int64",
    )
    frame["runs"] = pd.array([1] * len(raw), dtype="Int64")
    profile = Profile.of_buckets(frame["bucket"], frame["runs"])
    assert profile.count == 5
    assert profile.zeros == 1
    assert profile.quantile(0.5) == pytest.approx(3.5, rel=0.01)
    assert profile.count_above(100) == 1


def test_no_values_have_no_quantile() -> None:
    assert Profile.of_values([]).quantile(0.5) is None
    assert Profile.of_values([float("nan")]).count == 0


def test_a_quantile_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1, not at 95"):
        Profile.of_values([1.0]).quantile(95)


def test_the_middle_of_a_bucket_is_inside_it() -> None:
    for bucket in (-300, 0, 1, 700):
        assert GAMMA ** (bucket - 1) < middle_of(bucket) <= GAMMA**bucket


def test_profiles_are_grouped_by_any_keys() -> None:
    frame = pd.DataFrame(
        {"processor_name": ["A", "B", "A"], "bucket": [1, 2, 3], "runs": [4, 5, 6]}
    )
    assert {k: p.count for k, p in profiles_by(frame, ["processor_name"]).items()} == {
        ("A",): 10,
        ("B",): 5,
    }
