"""The report finds the demo's planted storms and names what was planted."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbkit.analysis.storms.storm import Storm
from nbkit.errors import ParameterError
from nbkit.findings import Severity, Verdict
from nbkit.questions.asked_window import asked_window
from nbkit.questions.retry_storm import retry_storm
from nbkit.questions.storm_report import StormReport
from nbkit.warehouse.demo import DemoTruth, load_truth

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 19, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_demo(tmp_path_factory)


@pytest.fixture(scope="module")
def truth(demo: Path) -> DemoTruth:
    return load_truth(demo)


@pytest.fixture(scope="module")
def report(demo: Path) -> StormReport:
    """As of the demo's own moment."""
    return retry_storm(f"duckdb:///{demo}", as_of=AS_OF)


@pytest.fixture(scope="module")
def later(demo: Path) -> StormReport:
    """As of the end of the demo's history, when all planted storms are over."""
    return retry_storm(f"duckdb:///{demo}", as_of=LATER)


def storm_of(report: StormReport, truth: DemoTruth, name: str) -> Storm:
    """The found storm that shares most time with a planted one; for a sweep, with its instant."""
    planted = truth.incident(name)
    start = planted.end - timedelta(minutes=1) if name == "first_sweep" else planted.start
    end = planted.end + timedelta(minutes=5)

    def shared(storm: Storm) -> float:
        common = timedelta()
        for span in storm.spans:
            common += max(min(span.end, end) - max(span.start, start), timedelta())
        whole = sum((span.length for span in storm.spans), timedelta())
        own = end - start if not storm.weekly else whole
        return common / max(whole, own)

    return max(report.storms, key=shared)


@pytest.mark.parametrize(
    "name",
    [
        "monday_collision",
        "first_sweep",
        "poison_message",
        "premature_starts",
        "republish_loop",
        "gamebook_outage",
        "import_error",
        "verification_backfill",
    ],
)
def test_a_planted_storm_is_found_and_named(
    name: str, later: StormReport, truth: DemoTruth
) -> None:
    assert storm_of(later, truth, name).diagnosis.cause == truth.incident(name).cause


def test_mondays_come_first_as_a_sum_and_by_the_week(report: StormReport) -> None:
    monday = report.findings[0]
    assert monday.subject == "Monday 00:00–03:59 UTC"  # though slow failures end until 04:16
    assert monday.severity is Severity.CRITICAL
    assert monday.evidence["cause"] == "scheduler_collision"
    assert monday.evidence["failures"] == pytest.approx(30_579, rel=0.06)
    assert sum(monday.evidence["weekly"].values()) == pytest.approx(30_579, rel=0.06)
    assert all(4_500 < count < 9_000 for count in monday.evidence["weekly"].values())
    assert "weeks" in monday.title
    assert "each time" in monday.title
    assert report.verdict is Verdict.RED


def test_a_window_that_is_asked_for_is_the_only_one(demo: Path) -> None:
    found = retry_storm(f"duckdb:///{demo}", as_of=AS_OF, window="Monday 00-03")
    assert [storm.name for storm in found.storms] == ["Monday 00:00–03:59 UTC"]
    assert found.storms[0].failures == pytest.approx(30_579, rel=0.01)


def test_a_window_may_be_two_moments() -> None:
    asked = asked_window(
        "2026-01-08T04:00:00Z/2026-01-08T06:00:00Z", start=AS_OF - timedelta(days=35), end=AS_OF
    )
    assert not asked.weekly
    assert asked.spans[0].length == timedelta(hours=2)


@pytest.mark.parametrize("text", ["Someday 00-03", "Monday 24-25", "yesterday", "a/b", "T 1-2"])
def test_a_window_that_is_none_is_told_so(text: str) -> None:
    with pytest.raises(ParameterError, match="window"):
        asked_window(text, start=AS_OF - timedelta(days=35), end=AS_OF)


def test_all_causes_are_ranked_with_their_evidence(report: StormReport) -> None:
    causes = report.findings[0].evidence["causes"]
    assert len({each["cause"] for each in causes}) == len(causes) == 11
    assert [each["score"] for each in causes] == sorted(
        (each["score"] for each in causes), reverse=True
    )
    first = causes[0]["evidence"]
    assert first
    assert all(each["source"] and each["words"] for each in first)


def test_the_worst_storm_is_played_again_with_each_fix(report: StormReport) -> None:
    found = report.what_if
    assert found is not None
    assert found.fits
    assert abs(found.misfit) < 0.1
    evidence = report.findings[0].evidence
    assert {"jitter", "backoff", "window", "pubsub", "calibration"} <= set(evidence["what_if"])
    assert evidence["what_if"]["window"]["failures"] < evidence["failures"]
    assert evidence["changes"]
    assert "would save" in evidence["recommendation"]


def test_every_part_of_the_what_if_can_be_shown(report: StormReport) -> None:
    for figure in (
        report.week_figure(),
        report.minute_figure(),
        report.stairs_figure(),
        report.fix_figure(),
        report.progress_figure(),
    ):
        assert figure.alt
        assert len(figure.png()) > 3_000
    for table in (report.fix_table(), report.change_table()):
        assert "nb-table" in table._repr_html_()
    for note in (report.fit_note(), report.change_note(), report.cost_note()):
        assert note.text
    assert "The replay without a fix comes to" in report.fit_note().text
