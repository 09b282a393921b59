"""The registry that is shipped says what the documents say, and answers questions about it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import networkx as nx
import pytest

from nbkit.errors import InputError, UnknownProcessor
from nbkit.registry import Criticality, ProcessorRegistry, load_registry
from nbkit.registry.models import PhaseDefaults, Processor

MORNING = datetime(2026, 1, 13, 8, 30, tzinfo=UTC)  # 03:30 in New York


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def test_all_sixty_processors_and_twenty_one_exporters_are_registered(
    registry: ProcessorRegistry,
) -> None:
    assert Counter(p.phase for p in registry.processors) == {
        "phase_2_raw": 38,
        "reference": 2,
        "phase_3_analytics": 7,
        "phase_4_precompute": 7,
        "phase_5_predictions": 1,
        "grading": 5,
        "phase_6_publishing": 21,
    }
    exporters = [p for p in registry.processors if p.is_exporter]
    assert len(exporters) == 21
    assert all(p.bigquery_table is None and p.gcs_output for p in exporters)
    assert all(p.bigquery_table and p.description for p in registry.processors[:60])


def test_what_the_documents_state_is_kept_and_is_no_default(registry: ProcessorRegistry) -> None:
    gamebook = registry.processor("NbacGamebookProcessor")
    summary = registry.processor("PlayerGameSummaryProcessor")
    for processor, level, due, timeout, low in (
        (gamebook, Criticality.CRITICAL, "03:00 AM ET", 600, 100),
        (summary, Criticality.HIGH, "04:00 AM ET", 1200, 150),
    ):
        assert processor.criticality is level
        assert processor.sla_completion_time is not None
        assert processor.sla_completion_time.text == due
        assert processor.timeout == timedelta(seconds=timeout)
        assert processor.expected_record_range is not None
        assert processor.expected_record_range.model_dump() == {"min": low, "max": 500}
        assert set(processor.default_sources) == {"owner"}
    assert gamebook.gcs_source_pattern == "gs://nba-scraped-data/nbac/gamebook/{date}/*.json"
    assert gamebook.deadline(date(2026, 1, 12)) == datetime(2026, 1, 13, 8, tzinfo=UTC)


def test_every_other_value_is_a_default_with_a_source_and_no_range_is_invented(
    registry: ProcessorRegistry,
) -> None:
    stated = {"NbacGamebookProcessor", "PlayerGameSummaryProcessor"}
    for processor in registry.processors:
        if processor.name in stated:
            continue
        for field in PhaseDefaults.model_fields.keys() - {"description"}:
            assert processor.is_default(field), (processor.name, field)
            assert (processor.source(field) or "").startswith("default (")
        assert processor.expected_record_range is None


@pytest.mark.parametrize(
    ("phase", "due"),
    [
        ("phase_1_scrapers", "23:00 ET, the same day"),
        ("phase_2_raw", "00:00 ET, the day after"),
        ("phase_3_analytics", "02:00 ET, the day after"),
        ("phase_4_precompute", "03:00 ET, the day after"),
        ("phase_5_predictions", "17:00 ET, the same day"),
        ("phase_6_publishing", "18:00 ET, the same day"),
    ],
)
def test_the_deadlines_of_the_phases_are_those_of_the_customers_slas(
    registry: ProcessorRegistry, phase: str, due: str
) -> None:
    default = registry.phase(phase).defaults.sla_completion_time
    assert default is not None
    assert str(default.value) == due
    assert "task 11" in default.source


def test_phases_come_in_order_and_old_labels_mean_the_new_ones(
    registry: ProcessorRegistry,
) -> None:
    assert [phase.number for phase in registry.phases] == [1, 2, None, 3, 4, 5, None, 6]
    assert registry.phases[1].title == "Phase 2 · Raw"
    assert registry.canonical_phase("phase_3") == "phase_3_analytics"
    assert registry.canonical_phase("grading") == "grading"
    assert registry.canonical_phase("phase_99") is None
    assert registry.by_phase("phase_3") == registry.by_phase("phase_3_analytics")
    assert len(registry.by_phase("phase_3")) == 7
    assert registry.by_phase("phase_99") == ()


def test_the_phase_of_a_run_is_its_label_else_its_processors(registry: ProcessorRegistry) -> None:
    assert registry.phase_of("NbacScheduleProcessor", "phase_3") == "phase_3_analytics"
    assert registry.phase_of("NbacScheduleProcessor", None) == "phase_2_raw"
    assert registry.phase_of("NbacScheduleProcessor", float("nan")) == "phase_2_raw"
    assert registry.phase_of("NobodyProcessor", "phase_99") is None
    assert registry.owner_of_phase("phase_3") == "data-engineering"
    assert registry.owner_of_phase("phase_1_scrapers") is None  # no processors


def test_the_customers_four_calls_answer_as_in_the_plan(registry: ProcessorRegistry) -> None:
    found = registry.get_processor("NbacGamebookProcessor")
    assert found is not None
    assert found.name == "NbacGamebookProcessor"
    assert registry.get_dependencies("PredictionCoordinator") == ("MLFeatureStoreProcessor",)
    dependents = registry.get_dependents("NbacGamebookProcessor")
    assert {"PlayerGameSummaryProcessor", "GamebookRegistryProcessor"} <= set(dependents)
    critical = [p.name for p in registry.get_by_criticality("CRITICAL")]
    assert critical == ["NbacGamebookProcessor", "PredictionCoordinator"]
    assert sum(len(found) for found in registry.by_criticality().values()) == len(registry)
    assert registry.get_processor("Nobody") is None
    assert registry.get_dependencies("Nobody") == registry.get_dependents("Nobody") == ()
    assert registry.get_by_criticality("URGENT") == ()


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("NbacGamebokProcessor", "NbacGamebookProcessor"),
        ("predictioncoordinator", "PredictionCoordinator"),
        ("NbacSched", "NbacScheduleProcessor"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    registry: ProcessorRegistry, asked: str, meant: str
) -> None:
    assert issubclass(UnknownProcessor, InputError)
    for ask in (registry.processor, registry.upstream, registry.downstream, registry.blast_radius):
        with pytest.raises(UnknownProcessor, match=f"Did you mean {meant}"):
            ask(asked)


def test_nothing_is_suggested_for_a_name_like_none(registry: ProcessorRegistry) -> None:
    for asked in ("", "qqqqqqqqqqqqqqqq"):
        with pytest.raises(UnknownProcessor, match="lists all names"):
            registry.processor(asked)


def test_a_table_is_found_with_and_without_its_project(registry: ProcessorRegistry) -> None:
    names = ["BdlBoxscoresProcessor", "BdlPlayerBoxScoresProcessor"]
    for table in ("nba_raw.bdl_player_boxscores", "some-project.nba_raw.bdl_player_boxscores"):
        assert [p.name for p in registry.by_table(table)] == names
    assert registry.by_table("bdl_player_boxscores") == ()


def test_upstream_and_downstream_are_whole_and_in_running_order(
    registry: ProcessorRegistry,
) -> None:
    assert registry.upstream("MlbLineupKAnalysisProcessor") == (
        "MlbBatterStatsProcessor",
        "MlbLineupsProcessor",
        "MlbBatterGameSummaryProcessor",
    )
    assert registry.downstream("PerformanceSummaryProcessor") == ()
    assert registry.downstream("MlbBatterStatsProcessor") == (
        "MlbBatterGameSummaryProcessor",
        "MlbPitcherFeaturesProcessor",
        "MlbLineupKAnalysisProcessor",
    )
    order = registry.order()
    assert sorted(order) == sorted(p.name for p in registry.processors)
    for processor in registry.processors:
        for needed in processor.dependencies:
            assert order.index(needed) < order.index(processor.name)
            assert processor.name in registry.downstream(needed)
            assert needed in registry.upstream(processor.name)


def test_roots_need_nothing(registry: ProcessorRegistry) -> None:
    roots = registry.roots()
    assert len(roots) == 39  # the raw processors and the news
    assert all(not registry.upstream(name) for name in roots)


def test_the_critical_path_has_the_longest_timeouts_and_is_a_chain(
    registry: ProcessorRegistry,
) -> None:
    path = registry.critical_path()
    assert path.longest == sum((registry.processor(n).timeout for n in path.names), timedelta())
    for needed, name in zip(path.names, path.names[1:], strict=False):
        assert needed in registry.get_dependencies(name)
    assert registry.critical_path(to=path.names[-1]) == path
    to_summary = registry.critical_path(to="PlayerGameSummaryProcessor")
    assert to_summary.names[1:] == (
        "TeamOffenseGameSummaryProcessor",
        "PlayerGameSummaryProcessor",
    )
    assert to_summary.longest == timedelta(seconds=600 + 1200 + 1200)
    assert all(registry.critical_path(to=name).longest <= path.longest for name in registry.order())


def test_the_blast_radius_counts_what_is_at_risk(registry: ProcessorRegistry) -> None:
    radius = registry.blast_radius("MlbPitcherStatsProcessor")
    assert {p.name: radius.distance[p.name] for p in radius.affected} == {
        "MlbPitcherGameSummaryProcessor": 1,
        "MlbPredictionGradingProcessor": 1,
        "MlbShadowModeGradingProcessor": 1,
        "MlbPitcherFeaturesProcessor": 2,
    }
    assert {phase: len(found) for phase, found in radius.by_phase.items()} == {
        "phase_3_analytics": 1,
        "grading": 2,
        "phase_4_precompute": 1,
    }
    assert radius.by_criticality == {Criticality.HIGH: 2, Criticality.MEDIUM: 2}
    assert radius.owners == ("data-engineering",)
    assert len(radius.direct) == 3
    stand_ins = registry.blast_radius("BdlBoxscoresProcessor").same_table
    assert [p.name for p in stand_ins] == ["BdlPlayerBoxScoresProcessor"]


def test_the_deadline_at_risk_is_the_next_one_from_the_moment_of_failure(
    registry: ProcessorRegistry,
) -> None:
    radius = registry.blast_radius("NbacGamebookProcessor")
    first, *others = radius.deadlines(MORNING)
    assert first.processor.name == "PlayerGameSummaryProcessor"
    assert first.due == datetime(2026, 1, 13, 9, tzinfo=UTC)  # 04:00 in New York
    assert first.data_date == date(2026, 1, 12)
    assert first.passed == first.due - timedelta(days=1)
    assert [d.due for d in others] == sorted(d.due for d in others)
    assert all(MORNING <= d.due < MORNING + timedelta(days=1) for d in others)
    assert len(others) == len(radius.affected)  # its own deadline is among them
    coordinator = next(d for d in others if d.processor.name == "PredictionCoordinator")
    assert (coordinator.due.hour, coordinator.data_date) == (22, date(2026, 1, 13))


def test_the_graph_cannot_be_changed_by_accident(registry: ProcessorRegistry) -> None:
    with pytest.raises(nx.NetworkXError, match=r"(?i)frozen"):
        registry.graph.add_edge("A", "B")
    with pytest.raises(ValueError, match="frozen"):
        registry.processors[0].owner = "me"  # type: ignore[misc]


def test_the_page_about_the_file_names_every_key_and_no_other(
    registry: ProcessorRegistry,
) -> None:
    page = (registry.source.parent.parent / "docs" / "registry.md").read_text(encoding="utf-8")
    table = page.split("## A processor")[1]
    keys = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert keys == [key for key in Processor.model_fields if key != "default_sources"]
