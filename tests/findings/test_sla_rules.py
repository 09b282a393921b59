"""When a promise that was not kept becomes a finding, and how bad it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nbkit.analysis.proportions import proportion
from nbkit.analysis.slas import Attainment, Burn, DateCompletion
from nbkit.analysis.slas.burn import Window
from nbkit.analysis.slas.contributions import Contribution
from nbkit.findings import Finding, Severity
from nbkit.findings.slas import (
    SlaRules,
    judge_attainments,
    judge_burns,
    judge_deadlines,
    judge_unmeasured,
)
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.registry.slas import Slas, load_slas

ROOT = Path(__file__).resolve().parents[2]
AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry(ROOT / "registry" / "processor_registry.yaml")


@pytest.fixture(scope="module")
def slas(registry: ProcessorRegistry) -> Slas:
    return load_slas(registry, ROOT / "registry" / "slas.yaml")


def attained(slas: Slas, target: str, good: int, total: int, *, trials: int = 30) -> Attainment:
    return Attainment(
        target=slas.target(target),
        start=AS_OF - 30 * DAY,
        end=AS_OF,
        share=proportion(good, total),
        trials=trials if total else 0,
        why_not="" if total else "nobody writes it",
    )


def judged(
    attainment: Attainment,
    registry: ProcessorRegistry,
    *,
    excused: Attainment | None = None,
    worst: Sequence[Contribution] = (),
) -> list[Finding]:
    name = attainment.target.name
    return judge_attainments(
        [attainment],
        {name: excused} if excused else {},
        {name: tuple(worst)},
        registry,
        rules=SlaRules(),
    )


@pytest.mark.parametrize(
    ("good", "total", "severity"),
    [
        (36, 132, Severity.CRITICAL),
        (80, 100, Severity.WARNING),
        (28, 30, Severity.WARNING),
    ],
)
def test_a_miss_is_as_bad_as_it_is_sure(
    slas: Slas, registry: ProcessorRegistry, good: int, total: int, severity: Severity
) -> None:
    (found,) = judged(attained(slas, "phase_5_success_rate", good, total), registry)
    assert (found.kind, found.severity) == ("sla_missed", severity)
    assert ("may be chance" in found.title) == (good == 28)
    assert found.evidence["good"] == good
    assert found.evidence["budgets_spent"] == pytest.approx((total - good) / (0.05 * total))
    assert found.owner == "data-engineering"
    assert (ROOT / found.runbook).is_file()
    json.dumps(found.to_json(), allow_nan=False)


def test_what_is_kept_or_cannot_be_said_is_no_miss(slas: Slas, registry: ProcessorRegistry) -> None:
    for good, total, trials in ((96, 100, 30), (0, 0, 0), (4, 4, 4)):
        each = attained(slas, "phase_5_success_rate", good, total, trials=trials)
        assert judged(each, registry) == []


def test_an_exception_that_holds_makes_a_miss_an_info_with_both_figures(
    slas: Slas, registry: ProcessorRegistry
) -> None:
    missed = attained(slas, "phase_2_on_time", 12, 30)
    (found,) = judged(missed, registry, excused=attained(slas, "phase_2_on_time", 15, 15))
    assert found.severity is Severity.INFO
    assert "40\u00a0%" in found.title
    assert "excused: 100\u00a0% without" in found.title
    assert (found.evidence["attained"], found.evidence["excused"]) == (0.4, 1.0)
    (still,) = judged(missed, registry, excused=attained(slas, "phase_2_on_time", 10, 20))
    assert still.severity is Severity.CRITICAL


def test_the_next_step_names_who_spends_most(slas: Slas, registry: ProcessorRegistry) -> None:
    worst = [
        Contribution(name=name, bad=bad, budgets=1.0, without=None)
        for name, bad in (("NbacGamebookProcessor", 30), ("BdlBoxscoresProcessor", 10))
    ]
    (found,) = judged(attained(slas, "phase_2_success_rate", 60, 100), registry, worst=worst)
    assert found.next_step == (
        "Start with NbacGamebookProcessor, 75\u00a0% of it: "
        "`nbkit registry impact NbacGamebookProcessor`"
    )


def test_time_is_told_in_hours(slas: Slas, registry: ProcessorRegistry) -> None:
    worst = [Contribution(name="phase_5_predictions", bad=600, budgets=2.8, without=None)]
    (found,) = judged(attained(slas, "availability", 42_600, 43_200), registry, worst=worst)
    assert "10.0\u00a0h of 720.0\u00a0h bad" in found.title
    assert "Phase 5 · Predictions" in found.next_step


def test_a_burning_budget_is_as_bad_as_its_alert(slas: Slas, registry: ProcessorRegistry) -> None:
    def burn(name: str, trials: int | None) -> Burn:
        alert = next(a for a in slas.burn_alerts if a.name == name)
        window = Window(start=AS_OF - DAY, bad=0.8, trials=trials)
        return Burn(
            alert=alert, limit=alert.rate, rate=16.0, long=window, short=window, chance=0.001
        )

    burns = {"phase_5_on_time": burn("fast", 4), "availability": burn("slow", None)}
    found = {f.evidence["target"]: f for f in judge_burns(burns, slas.targets, registry)}
    assert found["phase_5_on_time"].severity is Severity.CRITICAL
    assert "80\u00a0% bad in the last 4 dates" in found["phase_5_on_time"].title
    assert found["availability"].severity is Severity.WARNING
    assert "of the last 3\u00a0d bad" in found["availability"].title
    assert judge_burns({"availability": None}, slas.targets, registry) == []
    for each in found.values():
        assert (ROOT / each.runbook).is_file()


def completion(day: date, late: timedelta | None) -> DateCompletion:
    due = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
    return DateCompletion(
        phase="phase_5_predictions",
        data_date=day,
        due=due,
        done_at=None if late is None else due + late,
        last=("PredictionCoordinator",),
    )


class TestDeadlines:
    DAYS = (date(2026, 1, 10), date(2026, 1, 11), date(2026, 1, 12))

    def judge(
        self, slas: Slas, registry: ProcessorRegistry, *late: timedelta | None
    ) -> list[Finding]:
        dates = [completion(day, each) for day, each in zip(self.DAYS, late, strict=True)]
        return judge_deadlines({"phase_5_on_time": dates}, slas.targets, registry, as_of=AS_OF)

    def test_in_time_is_silent(self, slas: Slas, registry: ProcessorRegistry) -> None:
        assert self.judge(slas, registry, -HOUR, timedelta(), -HOUR) == []

    def test_late_is_a_warning_with_the_worst_date(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        (found,) = self.judge(slas, registry, 8 * HOUR, HOUR, -HOUR)
        assert found.severity is Severity.WARNING
        assert found.title == (
            "Phase 5 was late for 2 of 3 dates, at most 8\u00a0h "
            "(2026-01-10, waiting for PredictionCoordinator)"
        )
        assert found.next_step == "`nbkit ready PredictionCoordinator --date 2026-01-10`"
        assert found.since == datetime(2026, 1, 10, 22, tzinfo=UTC)
        assert (ROOT / found.runbook).is_file()

    def test_a_latest_date_that_is_waited_for_is_critical(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        (found,) = self.judge(slas, registry, -HOUR, -HOUR, None)
        assert found.severity is Severity.CRITICAL
        assert "2026-01-12 is not complete yet" in found.title
        assert found.evidence["worst_s"] == 14 * 3_600
        (old,) = self.judge(slas, registry, None, -HOUR, -HOUR)
        assert old.severity is Severity.WARNING


def test_what_nobody_measures_is_one_info(slas: Slas, registry: ProcessorRegistry) -> None:
    unmeasured = attained(slas, "hit_rate", 0, 0)
    few = replace(attained(slas, "phase_6_on_time", 4, 4), trials=4)
    met = attained(slas, "phase_5_success_rate", 99, 100)
    (found,) = judge_unmeasured([unmeasured, few, met])
    assert (found.severity, found.kind) == (Severity.INFO, "sla_not_measured")
    assert found.title.startswith("1 of 3 targets is not measured: Prediction hit rate")
    assert found.evidence["not_measured"] == {"hit_rate": "nobody writes it"}
    assert found.evidence["not_enough_data"] == {"phase_6_on_time": 4}
    assert judge_unmeasured([met]) == []
    assert (ROOT / found.runbook).is_file()
