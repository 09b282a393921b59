"""Promises and functions as data: what is wrong in a file is told with its line and the fix."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from nbkit.errors import InputError, RegistryError
from nbkit.project import PROJECT_VARIABLE
from nbkit.registry.cloud_functions import load_cloud_functions
from nbkit.registry.metrics import load_metrics, metric_named

GOOD = """version: "1.0"
metrics:
  - name: zeros
    title: Zeros a day
    measure: zero_record_runs
    target: {below: 2}
    changed_at: "2026-01-14T00:00:00Z"
    before_days: 105
"""


def write(folder: Path, text: str, name: str = "metrics.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_plans_six_metrics_are_there_with_their_targets() -> None:
    found = {metric.name: metric for metric in load_metrics()}
    assert found["phase5_success"].target.at_least == 0.95
    assert found["alert_noise"].target.below == 0.05
    assert found["health_check"].target.below == 2
    assert found["zero_records"].target.below == 2
    assert found["monday_failures"].hours == (0, 3)
    assert found["gen2_functions"].published is not None
    assert found["zero_records"].changed_at == datetime(2026, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("below: 2", "below: 2, at_least: 1", "either {below"),
        ("{below: 2}", "2", "2 will not do; write {below: 2}"),
        ('"2026-01-14T00:00:00Z"', '"14 January"', "write a moment with its zone"),
        ('"2026-01-14T00:00:00Z"', '"2026-01-14T00:00:00"', "write a moment with its zone"),
        ("zero_record_runs", "window_failures", "needs weekday and hours"),
        ("zero_record_runs", "success_share", "needs phase"),
        ("zero_record_runs", "zeros", "write one of success_share"),
        ("before_days: 105", "before_days: 0", "write whole days"),
        ("before_days", "before_day", "did you mean before_days?"),
    ],
)
def test_a_wrong_value_is_told_with_its_line_and_the_fix(
    tmp_path: Path, wrong: str, right: str, said: str
) -> None:
    path = write(tmp_path, GOOD.replace(wrong, right))
    with pytest.raises(RegistryError, match=r"metrics\.yaml:\d+: ") as caught:
        load_metrics(path)
    assert said in str(caught.value)


def test_a_name_that_is_there_twice_and_a_file_that_is_a_list_are_refused(tmp_path: Path) -> None:
    entry = GOOD.split("metrics:\n")[1]
    with pytest.raises(RegistryError, match="is there twice"):
        load_metrics(write(tmp_path, GOOD + entry))
    with pytest.raises(RegistryError, match="is a mapping with version and metrics"):
        load_metrics(write(tmp_path, "- a\n"))


def test_a_metric_that_is_misspelt_is_told_the_nearest(tmp_path: Path) -> None:
    metrics = load_metrics(write(tmp_path, GOOD))
    assert metric_named("zeros", metrics).before_days == 105
    with pytest.raises(InputError, match="Did you mean zeros"):
        metric_named("zeroes", metrics)
    with pytest.raises(InputError, match="There are: zeros"):
        metric_named("phase5", metrics)


def test_a_function_is_on_gen2_from_the_day_it_moved(tmp_path: Path) -> None:
    text = """version: "1.0"
functions:
  - {name: a, generation: 2, trigger: http, purpose: old}
  - {name: b, generation: 2, trigger: http, purpose: moved, moved_on: "2026-01-20"}
  - {name: c, generation: 1, trigger: http, purpose: not yet}
"""
    found = load_cloud_functions(write(tmp_path, text, "cloud_functions.yaml"))
    before, after = date(2026, 1, 19), date(2026, 1, 20)
    assert [each.is_gen2(before) for each in found] == [True, False, False]
    assert [each.is_gen2(after) for each in found] == [True, True, False]
    wrong = text.replace("generation: 1,", 'generation: 1, moved_on: "2026-01-20",')
    with pytest.raises(RegistryError, match="this one is on 1"):
        load_cloud_functions(write(tmp_path, wrong, "cloud_functions.yaml"))


def test_a_project_from_before_the_list_lists_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("notebooks", "registry"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv(PROJECT_VARIABLE, str(tmp_path))
    assert load_cloud_functions() == ()
    with pytest.raises(RegistryError, match="begin with the file of that name"):
        load_metrics()


def test_the_platforms_functions_are_all_listed() -> None:
    found = load_cloud_functions()
    assert len(found) == 29
    assert {"self_heal", "phase4_timeout_check", "upcoming_tables_cleanup"} <= {
        each.name for each in found if each.generation == 1
    }
