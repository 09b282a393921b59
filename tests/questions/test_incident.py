"""The incident analysis finds what is planted in the demo (root, blast radius, message), says that
nothing happened where nothing did, and gives the same answer on both engines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbkit.analysis.incident.cascade import Ground
from nbkit.errors import ParameterError, UnknownProcessor
from nbkit.findings import Finding, Verdict
from nbkit.questions.incident import incident
from nbkit.questions.incident_report import IncidentReport
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.tables import Table
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.demo import DemoTruth, load_truth
from nbkit.warehouse.protocol import Warehouse

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo
from small_incident import CHILD, END, ROOT, small_history

Fill = Callable[[pd.DataFrame], Warehouse]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_demo(tmp_path_factory)


@pytest.fixture(scope="module")
def truth(demo: Path) -> DemoTruth:
    return load_truth(demo)


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


@pytest.fixture(scope="module")
def warehouse(demo: Path) -> Iterator[Warehouse]:
    with open_warehouse(f"duckdb:///{demo}") as opened:
        yield opened


@pytest.fixture(scope="module")
def ask(warehouse: Warehouse, registry: ProcessorRegistry) -> Callable[..., IncidentReport]:
    def about(start: str, end: str, **more: Any) -> IncidentReport:
        return incident(warehouse, registry, as_of=more.pop("as_of", end), start=start, end=end)

    return about


@pytest.fixture(scope="module")
def outage(ask: Callable[..., IncidentReport]) -> IncidentReport:
    return ask("2026-01-08T03:00Z", "2026-01-08T06:00Z")


def of_kind(report: IncidentReport, kind: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == kind]


def test_the_planted_outage_is_traced_to_its_root(outage: IncidentReport, truth: DemoTruth) -> None:
    planted = truth.incident("gamebook_outage")
    root, *others = planted.processors
    assert outage.verdict is Verdict.RED
    assert outage.main is not None
    assert outage.main.root == root == "NbacGamebookProcessor"
    assert outage.main.ground is Ground.NAMED
    assert {f.processor for f in outage.main.followers} == set(others)
    # Of the root's own: it also fails a little every night, so a few may be others.
    assert abs(outage.main.since - planted.start) < timedelta(minutes=5)
    assert abs(outage.main.until - planted.end) < timedelta(minutes=5)
    assert outage.main.failures == pytest.approx(planted.size, rel=0.05)
    named, failures = outage.main.naming
    assert named == failures == 36 + 14 + 24 + 8 + 6


def test_its_blast_radius_is_the_registrys(
    outage: IncidentReport, registry: ProcessorRegistry
) -> None:
    (finding,) = of_kind(outage, "incident_root")
    expected = [p.name for p in registry.blast_radius("NbacGamebookProcessor").affected]
    assert sorted(finding.evidence["blast_radius"]) == sorted(expected)
    assert finding.evidence["data_dates"] == ["2026-01-07"]
    assert finding.evidence["failures_per_hour"] > 20 * finding.evidence["usual_failures"] / 3


def test_the_words_of_the_cascade_are_new_and_those_of_the_source_are_not(
    outage: IncidentReport,
) -> None:
    new = [group for group in outage.messages if group.is_new]
    assert [group.failures for group in new] == [88]
    assert new[0].example.startswith("Upstream NbacGamebookProcessor failed")
    known = next(g for g in outage.messages if "official.example/gamebook" in g.example)
    assert not known.is_new
    assert known.failures > 50 * known.usual
    marks = [row[0] for row in outage.message_table().rows]
    assert marks[0] == "NEW"
    assert marks[1].endswith("× usual")
    assert of_kind(outage, "new_error") == []  # the incident's own finding says it


def test_a_message_that_can_never_succeed_is_found_alone(
    ask: Callable[..., IncidentReport], truth: DemoTruth
) -> None:
    planted = truth.incident("poison_message")
    report = ask("2026-01-09T02:00Z", "2026-01-09T08:00Z")
    assert report.main is not None
    assert (report.main.root, report.main.ground) == (*planted.processors, Ground.ALONE)
    assert report.main.followers == ()
    assert abs(report.main.since - planted.start) < timedelta(seconds=10)
    (new,) = of_kind(report, "new_error")
    assert "Invalid gcs_path format" in new.evidence["example"]


def test_an_import_error_is_one_cause_that_six_processors_share(
    ask: Callable[..., IncidentReport], truth: DemoTruth
) -> None:
    planted = truth.incident("import_error")
    report = ask("2026-01-18T14:30Z", "2026-01-18T16:00Z")
    assert report.main is not None
    assert report.main.ground is Ground.SHARED
    assert set(report.main.roots) == set(planted.processors)
    (finding,) = of_kind(report, "incident_root")
    assert finding.evidence["failures"] == planted.size
    assert "cannot import name" in finding.title
    assert finding.fingerprint.startswith("incident_root:message-")


def test_an_expired_certificate_is_a_new_message_and_nothing_else_is(
    ask: Callable[..., IncidentReport], truth: DemoTruth
) -> None:
    planted = truth.incident("expired_certificate")
    report = ask("2026-01-13T06:00Z", "2026-01-13T12:00Z")
    new = [group for group in report.messages if group.is_new]
    assert [(group.failures, group.processors) for group in new] == [(36, planted.processors)]
    assert new[0].example == "SSLCertVerificationError: certificate has expired"
    assert planted.processors[0] in {each.root for each in report.incidents}
    (stuck,) = of_kind(report, "stuck_run")
    assert stuck.subject == truth.of_kind("stuck_runs")[0].processors[0]


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("republish_loop", "2026-01-17T14:00Z", "2026-01-17T20:00Z"),
        ("premature_starts", "2026-01-16T12:00Z", "2026-01-16T18:00Z"),
    ],
)
def test_attempts_that_fail_as_expected_are_no_incident_but_unusual_hours(
    name: str, start: str, end: str, ask: Callable[..., IncidentReport], truth: DemoTruth
) -> None:
    report = ask(start, end)
    assert report.incidents == ()
    assert report.verdict is Verdict.YELLOW
    (idle,) = [
        f for f in of_kind(report, "unusual_hours") if f.evidence["aspect"] == "expected_failures"
    ]
    assert set(idle.evidence["processors"]) <= set(truth.incident(name).processors)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-10T06:00Z", "2026-01-10T12:00Z"),
        ("2026-01-07T14:00Z", "2026-01-07T16:00Z"),
    ],
)
def test_in_a_quiet_window_nothing_happened(
    start: str, end: str, ask: Callable[..., IncidentReport]
) -> None:
    report = ask(start, end)
    assert report.verdict is Verdict.GREEN
    assert report.incidents == ()
    assert not [group for group in report.messages if group.is_new]
    assert report.headline.startswith("Nothing out of the ordinary")
    assert "GREEN" in str(report.slack_summary())


def test_what_comes_every_monday_is_told_as_such(ask: Callable[..., IncidentReport]) -> None:
    report = ask("2026-01-12T00:00Z", "2026-01-12T04:00Z")
    assert report.incidents == ()
    (finding,) = report.findings
    assert finding.kind == "recurring_failures"
    assert len(finding.evidence["weeks_before"]) == 4


def test_one_processor_is_seen_with_its_neighbours_only(
    warehouse: Warehouse, registry: ProcessorRegistry
) -> None:
    name = "PlayerGameSummaryProcessor"
    report = incident(
        warehouse,
        registry,
        as_of="2026-01-08T06:00Z",
        start="2026-01-08T04:00Z",
        processor=name,
    )
    family = {name, *registry.upstream(name), *registry.downstream(name)}
    assert {row.processor for row in report.rows[1:]} <= family
    assert report.main is not None
    assert report.main.root == "NbacGamebookProcessor"


def test_every_table_note_and_figure_can_be_shown(outage: IncidentReport) -> None:
    for name in (
        *("root_table", "follower_table", "waiting_table", "message_table"),
        *("surrounding_table", "comparison_table"),
    ):
        table = getattr(outage, name)()
        assert isinstance(table, Table)
        assert table.rows
        assert "<table" in table._repr_html_()
    assert "NbacGamebookProcessor" in outage.waiting_note().text
    assert "22:00 EST" in outage.freshness_note().text
    assert outage.timeline_figure().png().startswith(b"\x89PNG")
    assert outage.comparison_figure().png().startswith(b"\x89PNG")
    assert "NbacGamebookProcessor 25" in outage.timeline_figure().alt


def test_the_timeline_has_few_bars_of_many_runs(outage: IncidentReport) -> None:
    lanes = outage.lanes()
    assert lanes[0].processor == "NbacGamebookProcessor"
    runs = sum(sum(lane.runs.values()) for lane in lanes)
    bars = sum(len(lane.bars) for lane in lanes)
    assert runs > 1_400
    assert bars < 300


def test_the_slack_summary_has_root_radius_message_and_next_step_and_no_live_markup(
    outage: IncidentReport,
) -> None:
    text = str(outage.slack_summary())
    assert text.startswith(":red_circle: *RED* NbacGamebookProcessor failed")
    for word in ("*Root*", "*Failed after it*", "*Blast radius* 32 processors", "*New message* 88"):
        assert word in text
    assert "`nbkit registry impact NbacGamebookProcessor`" in text
    assert "<" not in text
    assert len(text) < 3_000  # of one section of a message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"start": "2026-01-08T06:00Z", "end": "2026-01-08T04:00Z"}, "Are they swapped"),
        ({"start": "2026-01-08T04:00Z", "end": "2026-01-08T04:00Z"}, "not after its start"),
        ({"start": "2026-01-08T04:00Z", "end": "2026-01-09T04:00Z"}, "after as_of"),
        ({"start": "2025-12-20T04:00Z"}, "a week is the most"),
        ({"since": "soon"}, "not a length of time"),
        ({"start": "2026-01-08 04:00"}, "no time zone"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        incident("duckdb:///nowhere.duckdb", as_of="2026-01-08T12:00Z", **given)


def test_an_unknown_processor_is_told_with_the_nearest(warehouse: Warehouse) -> None:
    with pytest.raises(UnknownProcessor, match="NbacGamebookProcessor"):
        incident(warehouse, as_of="2026-01-08T06:00Z", processor="NbacGamebokProcessor")


def test_long_after_the_history_ends_nothing_is_judged(warehouse: Warehouse) -> None:
    report = incident(warehouse, as_of="2026-02-01T06:00Z")
    assert report.verdict is Verdict.UNKNOWN
    assert report.findings[0].kind == "stale_history"


def test_both_engines_give_the_same_findings(on_duckdb: Fill, on_bigquery: Fill) -> None:
    told = []
    for fill in (on_duckdb, on_bigquery):
        report = incident(fill(small_history(with_outage=True)), as_of=END)
        assert report.main is not None
        assert report.main.root == ROOT
        assert [(f.processor, f.named) for f in report.main.followers] == [(CHILD, 8)]
        assert report.whole.real.now == 38
        assert report.waiting_names(report.main) == (CHILD,)
        told.append([finding.to_json() for finding in report.findings])
    assert told[0] == told[1]


def test_a_small_history_without_an_outage_is_quiet(on_duckdb: Fill) -> None:
    report = incident(on_duckdb(small_history(with_outage=False)), as_of=END)
    assert report.verdict is Verdict.GREEN
    assert report.findings == ()


def test_a_short_history_compares_with_nothing_and_says_so(on_duckdb: Fill) -> None:
    history = small_history(with_outage=True)
    recent = history[history["started_at"] >= END - timedelta(days=5)]
    report = incident(on_duckdb(recent), as_of=END)
    assert report.weeks == 0
    assert report.main is not None  # its message is new in five days
    assert report.main.root == ROOT
    assert report.whole.real.usual is None


def test_an_empty_window_in_a_living_history_is_the_news(on_duckdb: Fill) -> None:
    history = small_history(with_outage=False)
    ended = history[history["started_at"] < END - timedelta(hours=4)]
    report = incident(on_duckdb(ended), as_of=END)
    assert report.verdict is Verdict.UNKNOWN
    assert report.findings[0].kind == "silent_pipeline"


def test_a_processor_that_has_not_run_for_a_month_is_refused(on_duckdb: Fill) -> None:
    history = small_history(with_outage=False)
    with pytest.raises(ParameterError, match="No run of BdlStandingsProcessor or its neighbours"):
        incident(on_duckdb(history), as_of=END, processor="BdlStandingsProcessor")


def test_columns_that_are_absent_cost_only_what_they_tell(on_duckdb: Fill) -> None:
    bare = small_history(with_outage=True)[
        ["processor_name", "run_id", "status", "started_at", "data_date", "processed_at"]
    ]
    report = incident(on_duckdb(bare), as_of=END)
    assert report.main is not None  # by numbers alone: it fails and no message says why
    assert report.main.root == ROOT
    assert report.main.ground is Ground.ORDER
