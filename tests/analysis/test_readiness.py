"""Every upstream of a processor is ready for a date, or there is a reason why not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbkit.analysis.readiness import Readiness, Upstream, UpstreamState, readiness
from nbkit.errors import UnknownProcessor
from nbkit.failures import FailureCategory
from nbkit.registry import ProcessorRegistry, load_registry

DAY = date(2026, 1, 12)
AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)

REGISTRY = """
version: "1"
phases:
  - name: raw
    title: Raw
    number: 2
    defaults:
      description: {value: d, source: s}
      criticality: {value: LOW, source: s}
      expected_frequency: {value: daily, source: s}
      sla_completion_time: {value: "03:00 AM ET", source: s}
      timeout_seconds: {value: 600, source: s}
      expected_record_range: {value: {min: 1, max: 9}, source: s}
      owner: {value: o, source: s}
processors:
  - {name: Up, phase: raw, bigquery_table: raw.up}
  - {name: UpAgain, phase: raw, bigquery_table: raw.up}
  - {name: Strict, phase: raw, expected_record_range: {min: 100, max: 500}}
  - {name: Weekly, phase: raw, expected_frequency: weekly}
  - {name: Middle, phase: raw, dependencies: [Up]}
  - {name: Down, phase: raw, dependencies: [Up, Strict, Weekly]}
  - {name: Last, phase: raw, dependencies: [Middle]}
"""


@pytest.fixture
def registry(tmp_path: Path) -> ProcessorRegistry:
    path = tmp_path / "registry.yaml"
    path.write_text(REGISTRY)
    return load_registry(path)


def work(name: str, day: date = DAY, **more: Any) -> dict[str, Any]:
    return {
        "processor_name": name,
        "data_date": day,
        "first_succeeded_at": None,
        "succeeded_at": None,
        "most_records": None,
        "running_since": None,
        "last_ended_at": None,
        "status": None,
        "failure_category": None,
        "skip_reason": None,
        "errors_text": None,
        **more,
    }


def succeeded(name: str, day: date = DAY, *, records: int | None = 10, hour: int = 30) -> Any:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)
    return work(
        name,
        day,
        first_succeeded_at=at,
        succeeded_at=at,
        most_records=records,
        last_ended_at=at,
        status="success",
    )


def ask(registry: ProcessorRegistry, name: str, *rows: Any, whole: bool = False) -> Readiness:
    frame = pd.DataFrame(list(rows), columns=list(work("x")))
    for column in ("first_succeeded_at", "succeeded_at", "running_since", "last_ended_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    frame["most_records"] = frame["most_records"].astype("Int64")
    return readiness(name, DAY, registry=registry, works=frame, as_of=AS_OF, whole=whole)


def only(found: Readiness) -> Upstream:
    (upstream,) = found.upstreams
    return upstream


def test_nothing_is_ready_where_nothing_ran(registry: ProcessorRegistry) -> None:
    found = ask(registry, "Down")
    assert not found.is_ready
    assert {u.state for u in found.upstreams} == {UpstreamState.NOT_STARTED}
    assert found.missing == ("raw.up", "Strict", "Weekly")


def test_what_needs_nothing_is_ready(registry: ProcessorRegistry) -> None:
    assert ask(registry, "Up").is_ready


def test_a_success_is_ready_also_when_a_later_run_failed(registry: ProcessorRegistry) -> None:
    row = succeeded("Up") | {"status": "failed", "errors_text": '["boom"]'}
    found = ask(registry, "Middle", row)
    assert found.is_ready
    assert "10 records" in only(found).reason


def test_a_success_without_records_is_not_ready_where_the_registry_states_that_there_are_some(
    registry: ProcessorRegistry,
) -> None:
    found = ask(
        registry,
        "Down",
        succeeded("Up", records=0),
        succeeded("Strict", records=0),
        succeeded("Weekly"),
    )
    (strict,) = found.not_ready
    assert (strict.name, strict.state) == ("Strict", UpstreamState.ZERO_RECORDS)
    assert "at least 100" in strict.reason


def test_nothing_to_do_counts_as_ready(registry: ProcessorRegistry) -> None:
    row = work("Up", last_ended_at=AS_OF, status="failed", errors_text='["No games scheduled"]')
    assert only(ask(registry, "Middle", row)).state is UpstreamState.NO_DATA
    assert ask(registry, "Middle", row).is_ready


def test_a_failure_is_told_with_its_category(registry: ProcessorRegistry) -> None:
    row = work("Up", last_ended_at=AS_OF, status="failed", errors_text='["timed out after 30 s"]')
    upstream = only(ask(registry, "Middle", row))
    assert (upstream.state, upstream.category) == (UpstreamState.FAILED, FailureCategory.TIMEOUT)


def test_a_run_under_way_is_waited_for_until_its_timeout(registry: ProcessorRegistry) -> None:
    young = work("Up", running_since=AS_OF - timedelta(minutes=9))
    assert only(ask(registry, "Middle", young)).state is UpstreamState.RUNNING
    old = work("Up", running_since=AS_OF - timedelta(minutes=11))
    assert only(ask(registry, "Middle", old)).state is UpstreamState.STUCK


def test_another_processor_that_filled_the_same_table_stands_in(
    registry: ProcessorRegistry,
) -> None:
    upstream = only(ask(registry, "Middle", succeeded("UpAgain")))
    assert upstream.state is UpstreamState.STANDS_IN
    assert "UpAgain" in upstream.reason


def test_a_weekly_success_serves_the_week_and_a_daily_one_the_day(
    registry: ProcessorRegistry,
) -> None:
    before = DAY - timedelta(days=6)
    found = ask(registry, "Down", succeeded("Up", before), succeeded("Weekly", before))
    states = {u.name: u.state for u in found.upstreams}
    assert states["Weekly"] is UpstreamState.SUCCEEDED
    assert states["Up"] is UpstreamState.NOT_STARTED


def test_an_earlier_success_serves_its_week_also_while_a_new_one_is_tried(
    registry: ProcessorRegistry,
) -> None:
    failed = work("Weekly", last_ended_at=AS_OF, status="failed", errors_text='["boom"]')
    found = ask(registry, "Down", succeeded("Weekly", DAY - timedelta(days=6)), failed)
    assert {u.name: u.is_ready for u in found.upstreams}["Weekly"]
    found = ask(registry, "Down", succeeded("Weekly", DAY - timedelta(days=8)), failed)
    assert {u.name: u.state for u in found.upstreams}["Weekly"] is UpstreamState.FAILED


def test_when_it_will_be_ready_is_learnt_from_earlier_dates(registry: ProcessorRegistry) -> None:
    earlier = [succeeded("Up", DAY - timedelta(days=n), hour=37 + n % 3) for n in range(1, 8)]
    upstream = only(ask(registry, "Middle", *earlier))
    assert upstream.usual is not None
    assert upstream.usual.median == datetime(2026, 1, 13, 14, tzinfo=UTC)
    found = ask(registry, "Middle", *earlier)
    assert found.expected_at == upstream.usual.median
    assert found.outlook == "usually all of it is there by 2026-01-13 14:00 UTC"
    too_few = ask(registry, "Middle", *earlier[:4])
    assert too_few.expected_at is None
    assert "not known: too few earlier dates" in too_few.outlook


def test_what_is_usually_there_by_now_is_overdue(registry: ProcessorRegistry) -> None:
    earlier = [succeeded("Up", DAY - timedelta(days=n), hour=30) for n in range(1, 8)]
    found = ask(registry, "Middle", *earlier)
    assert found.expected_at is None
    assert found.outlook == "overdue: usually all of it is there by 2026-01-13 06:00 UTC"


def test_the_whole_ancestry_can_be_asked_for(registry: ProcessorRegistry) -> None:
    assert [u.name for u in ask(registry, "Last", whole=True).upstreams] == ["Up", "Middle"]


def test_a_name_that_is_not_registered_is_told(registry: ProcessorRegistry) -> None:
    with pytest.raises(UnknownProcessor, match="Did you mean"):
        ask(registry, "Midle")
