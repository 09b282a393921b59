"""Where too many runs lie around the windows, a sample of the messages stands for all."""

from __future__ import annotations

import pytest
from worlds import build_world, write_warehouse

from nbkit.errors import ParameterError
from nbkit.questions.retry_storm import retry_storm
from nbkit.questions.storm_report import StormReport

WORLD = build_world("retry_amplification", 1_000)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_warehouse(WORLD.history, tmp_path_factory.mktemp("sample") / "world.duckdb")


@pytest.fixture(scope="module")
def whole(url: str) -> StormReport:
    return retry_storm(url, as_of=WORLD.as_of)


@pytest.fixture(scope="module")
def part(url: str) -> StormReport:
    return retry_storm(url, as_of=WORLD.as_of, most_runs=6_000)


def test_all_runs_are_read_where_they_are_few(whole: StormReport) -> None:
    assert whole.sampled == 1
    assert whole.findings[0].evidence["sampled"] == 1


def test_counts_of_a_sample_are_scaled_up_to_all(whole: StormReport, part: StormReport) -> None:
    assert 0.2 < part.sampled < 0.7
    seen, sampled = (report.findings[0].evidence for report in (whole, part))
    assert sampled["sampled"] == pytest.approx(part.sampled, abs=1e-4)
    assert sampled["cause"] == seen["cause"]
    for name in ("failures", "real_failures", "attempts", "messages"):
        assert sampled[name] == pytest.approx(seen[name], rel=0.15), name
    assert sum(sampled["processors"].values()) == pytest.approx(sampled["failures"], abs=20)
    assert sum(sampled["weekly"].values()) == pytest.approx(sum(seen["weekly"].values()), rel=0.15)
    # From the counts of the hours, which are of all runs.
    assert sampled["usual_failures"] == pytest.approx(seen["usual_failures"], rel=0.2, abs=5)
    one, other = whole.storm, part.storm
    assert one is not None
    assert other is not None
    assert other.excess == pytest.approx(one.excess, rel=0.15)
    assert part.findings[0].severity is whole.findings[0].severity


def test_predictions_of_a_sample_are_of_all_failures(part: StormReport) -> None:
    storm, found = part.storm, part.what_if
    assert storm is not None
    assert found is not None
    assert found.observed == pytest.approx(storm.failures, rel=0.25)
    assert found.sampled <= part.sampled


def test_a_reader_is_told_of_the_sample(part: StormReport) -> None:
    assert "about" in part.findings[0].title
    assert "scaled up" in part.summary_note().text


def test_no_run_at_all_cannot_be_asked_for(url: str) -> None:
    with pytest.raises(ParameterError, match="most_runs"):
        retry_storm(url, as_of=WORLD.as_of, most_runs=0)
