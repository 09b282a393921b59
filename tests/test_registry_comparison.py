"""What ran is held against the registry: strangers, moved tables, other phases, silence."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from nbkit.registry import ProcessorRegistry, compare_with_history, load_registry

COLUMNS = ["processor_name", "phase", "output_dataset", "output_table"]
SCHEDULE = ("NbacScheduleProcessor", "phase_2_raw", "nba_raw", "nbac_schedule")


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def activity(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """(name, phase, dataset, table, runs, first day, last day of January 2026) a row."""
    frame = pd.DataFrame([row[:4] for row in rows], columns=COLUMNS)
    frame["runs"] = pd.array([row[4] for row in rows], dtype="Int64")
    for column, at in (("first_started_at", 5), ("last_started_at", 6)):
        days = [f"2026-01-{row[at]:02}T06:00:00Z" for row in rows]
        frame[column] = pd.to_datetime(days, utc=True)
    return frame


def everything(registry: ProcessorRegistry) -> list[tuple[Any, ...]]:
    """Each processor ran as registered."""
    return [
        (p.name, p.phase, *(p.bigquery_table or "None.None").split("."), 3, 1, 12)
        if p.bigquery_table
        else (p.name, p.phase, None, None, 3, 1, 12)
        for p in registry.processors
    ]


def test_a_history_as_registered_is_clean(registry: ProcessorRegistry) -> None:
    drift = compare_with_history(registry, activity(*everything(registry)))
    assert not drift.contradicts
    assert (drift.never_seen, drift.runs) == ((), 3 * 81)


def test_a_stranger_is_told_once_with_its_latest_table_and_the_name_it_may_have_had(
    registry: ProcessorRegistry,
) -> None:
    rows = [row for row in everything(registry) if row[0] != "NbacRefereeProcessor"]
    drift = compare_with_history(
        registry,
        activity(
            *rows,
            ("NbacRefereesProcessor", None, "nba_raw", "old", 2, 1, 3),
            ("NbacRefereesProcessor", "phase_2_raw", "nba_raw", "new", 5, 4, 12),
            ("Quux", "phase_99", None, None, 1, 2, 2),
        ),
    )
    referees, quux = drift.not_registered
    assert (referees.name, referees.phase, referees.table) == (
        "NbacRefereesProcessor",
        "phase_2_raw",
        "nba_raw.new",
    )
    assert (referees.runs, referees.last_started_at.day) == (7, 12)
    assert referees.nearest == "NbacRefereeProcessor"
    assert (quux.phase, quux.nearest) == ("phase_99", None)
    assert [p.name for p in drift.never_seen] == ["NbacRefereeProcessor"]
    assert drift.contradicts


def test_never_seen_is_no_contradiction(registry: ProcessorRegistry) -> None:
    drift = compare_with_history(registry, activity((*SCHEDULE, 4, 1, 12)))
    assert len(drift.never_seen) == 80
    assert not drift.contradicts


def test_a_table_that_moved_is_told_from_one_written_besides(registry: ProcessorRegistry) -> None:
    name, phase, dataset, table = SCHEDULE
    gone = compare_with_history(
        registry,
        activity((*SCHEDULE, 9, 1, 5), (name, phase, dataset, "nbac_schedule_v2", 7, 6, 12)),
    )
    (moved,) = gone.moved
    assert (moved.registered, moved.seen) == (
        "nba_raw.nbac_schedule",
        "nba_raw.nbac_schedule_v2",
    )
    assert (moved.instead, moved.since.day, moved.runs) == (True, 6, 7)
    both = compare_with_history(
        registry, activity((*SCHEDULE, 9, 1, 12), (name, phase, "backup", table, 7, 6, 12))
    )
    assert [(m.seen, m.instead) for m in both.moved] == [("backup.nbac_schedule", False)]
    never = compare_with_history(registry, activity((name, phase, "mlb_raw", table, 1, 2, 2)))
    assert [m.instead for m in never.moved] == [True]


def test_a_table_given_up_for_the_registered_one_is_no_drift(registry: ProcessorRegistry) -> None:
    name, phase, dataset, _ = SCHEDULE
    drift = compare_with_history(
        registry, activity((name, phase, dataset, "schedule_old", 9, 1, 5), (*SCHEDULE, 7, 6, 12))
    )
    assert not drift.contradicts


@pytest.mark.parametrize(
    ("dataset", "table"),
    [
        (None, "nbac_schedule"),
        (None, "nba_raw.nbac_schedule"),
        ("nba_raw", "nba_raw.nbac_schedule"),
        (None, "project.nba_raw.nbac_schedule"),
        (None, None),
        ("nba_raw", None),
        (float("nan"), float("nan")),
    ],
)
def test_what_the_history_does_not_record_is_not_compared(
    registry: ProcessorRegistry, dataset: object, table: object
) -> None:
    drift = compare_with_history(
        registry, activity(("NbacScheduleProcessor", None, dataset, table, 1, 1, 1))
    )
    assert not drift.contradicts


def test_old_labels_are_the_same_phase_and_other_ones_are_told(
    registry: ProcessorRegistry,
) -> None:
    name, table = "PlayerGameSummaryProcessor", ("nba_analytics", "player_game_summary")
    old = activity(
        (name, "phase_3", *table, 5, 1, 9), (name, "phase_3_analytics", *table, 5, 9, 12)
    )
    assert not compare_with_history(registry, old).contradicts
    corrected = activity(
        (name, "phase_4_precompute", *table, 5, 1, 8), (name, "phase_3", *table, 2, 9, 12)
    )
    assert not compare_with_history(registry, corrected).contradicts
    wrong = activity(
        (name, "phase_3", *table, 5, 1, 8), (name, "phase_4_precompute", *table, 2, 9, 12)
    )
    (other,) = compare_with_history(registry, wrong).other_phase
    assert (other.registered, other.seen, other.runs) == (
        "phase_3_analytics",
        "phase_4_precompute",
        2,
    )
