"""Profiles: any quantile within 1 %, counts exact, merged in any order, as the warehouse has it."""

from __future__ import annotations

from fractions import Fraction

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from nbkit.analysis.profiles import (
    GAMMA,
    RELATIVE_ERROR,
    Profile,
    bucket_of,
    middle_of,
    profiles_by,
    quantiles_by,
)
from nbkit.warehouse import catalog

WITHIN = RELATIVE_ERROR + 1e-9
numbers = st.floats(min_value=0.001, max_value=1e6) | st.just(0.0) | st.floats(-5, 0)
values = st.lists(numbers, max_size=60)
shares = st.integers(0, 1000).map(lambda thousandths: Fraction(thousandths, 1000))
histograms = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.sampled_from([1, 2]),
        st.none() | st.integers(-400, 1400),
        st.integers(0, 9),
    ),
    max_size=40,
).map(
    lambda rows: pd.DataFrame(rows, columns=["name", "day", "bucket", "runs"]).astype(
        {"day": "int64", "bucket": "Int64", "runs": "Int64"}
    )
)


@given(values.filter(len), shares)
def test_a_quantile_is_within_one_percent_of_the_exact_one(raw: list[float], q: Fraction) -> None:
    found = Profile.of_values(raw).quantile(float(q))
    exact = sorted(max(number, 0.0) for number in raw)[int(q * (len(raw) - 1))]
    assert found == pytest.approx(exact, rel=WITHIN)


@pytest.mark.parametrize("size", [1, 2, 97, 1_000, 30_011])
def test_quantiles_are_those_of_numpys_lower_order_statistic(size: int) -> None:
    raw = np.random.default_rng(size).lognormal(4, 1.5, size)
    profile = Profile.of_values(raw)
    for q in (0.0, 0.017, 0.5, 0.951, 0.993, 1.0):
        exact = np.quantile(raw, q, method="lower")
        assert profile.quantile(q) == pytest.approx(exact, rel=WITHIN)


@settings(max_examples=60)
@given(values, values, values)
def test_merging_is_associative_and_commutative(
    a: list[float], b: list[float], c: list[float]
) -> None:
    one, two, three = (Profile.of_values(raw) for raw in (a, b, c))
    assert one.merge(two) == two.merge(one)
    assert one.merge(two).merge(three) == one.merge(two.merge(three))
    assert Profile.merged([three, one, two]) == Profile.of_values([*a, *b, *c])


@given(values)
def test_merging_with_nothing_changes_nothing(raw: list[float]) -> None:
    profile = Profile.of_values(raw)
    assert profile.merge(Profile.merged([])) == profile
    assert Profile.merged([]).merge(profile) == profile


@settings(max_examples=40)
@given(st.lists(values, max_size=5))
def test_counts_are_exact_however_the_values_are_divided(parts: list[list[float]]) -> None:
    whole = Profile.merged(Profile.of_values(part) for part in parts)
    raw = [number for part in parts for number in part]
    assert whole.count == len(raw)
    assert whole.zeros == sum(number <= 0 for number in raw)


def test_profiles_differ_where_a_count_does() -> None:
    assert Profile.of_values([1.0]) != Profile.of_values([1.0, 1.0])
    assert Profile.of_values([0.0]) != Profile.of_values([1.0])
    assert Profile.of_values([1.0]) != 1


def warehouse_buckets(raw: np.ndarray) -> pd.Series:
    """The buckets of values, by the expression of daily_histograms.sql as DuckDB gets it."""
    tree = parse_one(catalog.query("daily_histograms").text, read="bigquery")
    bucket = next(a for a in tree.find_all(exp.Alias) if a.alias == "bucket")
    frame = pd.DataFrame({"value": raw})
    with duckdb.connect() as connection:
        connection.register("measured", frame)
        found = connection.execute(f"SELECT {bucket.sql('duckdb')} FROM measured").df()
    return found["bucket"].astype("Int64")


def test_the_warehouse_and_python_put_a_value_into_the_same_bucket() -> None:
    raw = np.random.default_rng(7).lognormal(3, 4, 20_000)
    raw = np.concatenate([raw, np.arange(1, 5_000), [1e-9, 0.001, 1e12]])
    exponent = np.log(raw) / np.log(GAMMA)
    inside = raw[np.abs(exponent - np.round(exponent)) > 1e-9]
    assert inside.size > 24_000
    np.testing.assert_array_equal(warehouse_buckets(inside).to_numpy(np.int64), bucket_of(inside))


def test_on_an_edge_both_are_within_one_percent_whichever_side_they_take() -> None:
    # The last bit of a logarithm is the processor's affair: one bucket of difference is allowed.
    edges = GAMMA ** np.arange(-300.0, 900.0)
    edges = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf)])
    for found in (warehouse_buckets(edges).to_numpy(np.int64), bucket_of(edges)):
        middles = np.array([middle_of(int(bucket)) for bucket in found])
        assert np.abs(middles / edges - 1).max() <= WITHIN


def test_the_warehouse_has_no_bucket_for_what_has_no_logarithm() -> None:
    buckets = warehouse_buckets(np.array([0.0, -1.0, 5.0]))
    profile = Profile.of_buckets(buckets, pd.Series([2, 3, 4]))
    assert (profile.zeros, profile.count) == (5, 9)
    assert profile == Profile.of_values([0, 0, -1, -1, -1, 5, 5, 5, 5])


@settings(max_examples=40)
@given(histograms)
def test_profiles_of_groups_are_those_of_their_rows(frame: pd.DataFrame) -> None:
    expected = {
        (str(name), str(day)): Profile.of_buckets(rows["bucket"], rows["runs"])
        for (name, day), rows in frame[frame["runs"] > 0].groupby(["name", "day"])
    }
    found = profiles_by(frame, ["name", "day"])
    assert list(found) == list(expected)
    assert found == expected


@settings(max_examples=40)
@given(histograms, st.lists(shares.map(float), min_size=1, max_size=3, unique=True))
def test_quantiles_of_groups_are_those_of_their_profiles(
    frame: pd.DataFrame, qs: list[float]
) -> None:
    profiles = profiles_by(frame, ["name", "day"])
    found = quantiles_by(frame, ["name", "day"], qs)
    assert [(row["name"], str(row["day"])) for row in found.to_dict("records")] == list(profiles)
    assert found["count"].tolist() == [profile.count for profile in profiles.values()]
    for q in qs:
        assert found[q].tolist() == pytest.approx([p.quantile(q) for p in profiles.values()])


def test_any_window_is_the_merge_of_its_days() -> None:
    raw = np.random.default_rng(3).lognormal(2, 1, (10, 50))
    frame = pd.DataFrame(
        {
            "day": np.repeat(np.arange(10), 50),
            "bucket": pd.array(bucket_of(raw.ravel()), dtype="Int64"),
            "runs": 1,
        }
    )
    days = profiles_by(frame, ["day"])
    window = Profile.merged(days[str(day),] for day in range(3, 8))
    assert window == Profile.of_values(raw[3:8].ravel())


def test_a_row_without_a_key_belongs_to_no_group() -> None:
    frame = pd.DataFrame({"phase": ["x", None, "x"], "bucket": [1, 2, 3], "runs": [4, 5, 6]})
    assert {key: p.count for key, p in profiles_by(frame, ["phase"]).items()} == {("x",): 10}
    assert quantiles_by(frame, ["phase"], [0.5])["count"].tolist() == [10]


def test_no_values_have_no_quantile() -> None:
    assert Profile.of_values([]).quantile(0.5) is None
    assert Profile.of_values([float("nan")]).count == 0


@pytest.mark.parametrize("wrong", [95, -0.1, float("nan")])
def test_a_quantile_outside_zero_and_one_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1, not at"):
        Profile.of_values([1.0]).quantile(wrong)
    with pytest.raises(ValueError, match=r"between 0 and 1, not at"):
        quantiles_by(pd.DataFrame({"k": [1], "bucket": [1], "runs": [1]}), ["k"], [wrong])


def test_an_infinite_value_is_refused() -> None:
    with pytest.raises(ValueError, match="infinite"):
        Profile.of_values([1.0, float("inf")])


def test_runs_above_a_limit_are_counted_by_bucket() -> None:
    profile = Profile.of_values([0.0, 1.0, 3.5, 3.5, 900.0])
    assert profile.count_above(100) == 1
    assert profile.count_above(0) == 4


def test_the_middle_of_a_bucket_is_inside_it() -> None:
    for bucket in (-300, 0, 1, 700):
        assert GAMMA ** (bucket - 1) < middle_of(bucket) <= GAMMA**bucket
