"""The rules of the trends report: kinds, severities, and that one trouble has one name."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from nbkit.analysis.anomalies import DayAnomaly, Metric, daily_anomalies
from nbkit.analysis.trends.outlook import Outlook, outlook
from nbkit.findings import Finding, Severity
from nbkit.findings.odd_days import judge_days, odd_days
from nbkit.findings.trends import effect_told, judge_trend_history, judge_trends, untold
from nbkit.registry import ProcessorRegistry, load_registry

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "analysis"))
from trend_histories import AS_OF, LAST, history, no_works, works

ROOT = Path(__file__).resolve().parents[2]
CRITICAL, HIGH, MEDIUM = "NbacGamebookProcessor", "MLFeatureStoreProcessor", "BdlStandingsProcessor"


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def judged(
    registry: ProcessorRegistry, *own: pd.DataFrame, work: pd.DataFrame | None = None
) -> list[Finding]:
    found = outlook(pd.concat(own), no_works() if work is None else work, registry, as_of=AS_OF)
    return judge_trends(found, registry)


def later_and_later(name: str, registry: ProcessorRegistry, *, room_h: float) -> pd.DataFrame:
    """Work that is finished half an hour later each day, and tomorrow `room_h` before it is due."""
    due = registry.processor(name).sla_completion_time
    assert due is not None
    rows = []
    for back in range(30):
        day = LAST - timedelta(days=back)
        early = timedelta(hours=room_h + 0.5 * (back + 1), minutes=7 * (back % 3))
        rows.append((name, day, due.at(day) - early))
    return works(rows)


@pytest.mark.parametrize(
    ("planted", "kind", "says"),
    [
        ({"step": 1.6}, "duration_rise", "times as long since"),
        ({"growth": 0.05}, "duration_rise", "has grown slower since"),
        ({"failing_now": 0.2}, "failure_rate_rise", "really fails"),
        ({"records_now": 90.0}, "records_fall", "fewer records since"),
    ],
)
def test_a_change_is_a_warning_with_its_date(
    planted: dict[str, float], kind: str, says: str, registry: ProcessorRegistry
) -> None:
    days = 14 if "growth" in planted else 9
    (finding,) = judged(registry, history(HIGH, changed=days, **planted))  # type: ignore[arg-type]
    assert (finding.kind, finding.severity) == (kind, Severity.WARNING)
    assert says in finding.title
    assert finding.since is not None
    assert abs((finding.since.date() - (LAST - timedelta(days=days - 1))).days) <= 4
    assert finding.fingerprint == f"{kind}:{HIGH}"


def test_a_step_and_a_drift_are_the_same_trouble(registry: ProcessorRegistry) -> None:
    (step,) = judged(registry, history(HIGH, step=1.6, changed=9))
    (drift,) = judged(registry, history(HIGH, growth=0.05, changed=14))
    assert step.evidence["shape"] != drift.evidence["shape"]
    assert step.fingerprint == drift.fingerprint


def test_what_more_records_explain_is_for_information(registry: ProcessorRegistry) -> None:
    own = history(HIGH, step=1.8, records_now=360, changed=9)
    # The more records, the longer it takes, in the baseline as well.
    own["p95_duration"] *= (own["records_p50"] / 200) ** 0.9 / (1.8**0.9) ** (
        own["records_p50"] > 280
    )
    (finding,) = judged(registry, own)
    assert finding.severity is Severity.INFO
    assert "its records explain that" in finding.title


def test_a_critical_processor_days_from_its_timeout_cannot_wait(
    registry: ProcessorRegistry,
) -> None:
    def near(name: str) -> Finding:
        timeout = registry.processor(name).timeout_seconds
        # At 6 % a day for 20 days, 4 more days lead to the timeout.
        (found,) = judged(
            registry, history(name, usual_s=timeout / 1.06**24, growth=0.06, changed=20)
        )
        return found

    critical, high = near(CRITICAL), near(HIGH)
    assert (critical.severity, high.severity) == (Severity.CRITICAL, Severity.WARNING)
    on = date.fromisoformat(critical.evidence["timeout_on"])
    assert 0 <= (on - LAST).days <= 7
    assert "its timeout of 10\u00a0min is reached on" in critical.title


def test_a_timeout_ahead_of_a_drift_that_fills_the_window_is_told(
    registry: ProcessorRegistry,
) -> None:
    # It drifts slowly since the first day that is known: no day is the one on which it changed.
    timeout = registry.processor(HIGH).timeout_seconds
    slow = history(HIGH, days=25, usual_s=timeout / 1.01**35, growth=0.01, changed=25)
    (finding,) = judged(registry, slow)
    assert (finding.kind, finding.severity) == ("timeout_ahead", Severity.WARNING)
    assert abs((date.fromisoformat(finding.evidence["timeout_on"]) - LAST).days - 10) <= 4


def test_a_processor_that_finishes_later_and_later_is_told_before_it_is_late(
    registry: ProcessorRegistry,
) -> None:
    clean = history(CRITICAL)
    (soon,) = judged(registry, clean, work=later_and_later(CRITICAL, registry, room_h=1))
    assert (soon.kind, soon.severity) == ("deadline_at_risk", Severity.CRITICAL)
    assert "finishes later and later" in soon.title
    (later,) = judged(registry, clean, work=later_and_later(CRITICAL, registry, room_h=6))
    assert later.severity is Severity.WARNING
    assert judged(registry, clean, work=later_and_later(CRITICAL, registry, room_h=40)) == []


def test_nothing_is_told_of_clean_processors(registry: ProcessorRegistry) -> None:
    frames = [history(name, seed=n) for n, name in enumerate((CRITICAL, HIGH, MEDIUM))]
    assert judged(registry, *frames) == []


def seen(registry: ProcessorRegistry, *own: pd.DataFrame) -> Outlook:
    return outlook(pd.concat(own), no_works(), registry, as_of=AS_OF)


def test_an_odd_day_is_for_information_and_told_once(registry: ProcessorRegistry) -> None:
    odd = history(MEDIUM, step=4, changed=1)
    found = seen(registry, odd)
    anomalies = daily_anomalies(found.daily, as_of=LAST, days=3).anomalies
    assert len(anomalies) > 1
    (finding,) = judge_days(anomalies, found, registry)
    assert (finding.kind, finding.severity) == ("anomalous_day", Severity.INFO)
    assert (finding.subject, finding.evidence["days"]) == (MEDIUM, 1)
    assert "slow" in finding.title


def test_odd_days_of_a_trend_are_not_told_again(registry: ProcessorRegistry) -> None:
    found = seen(registry, history(MEDIUM, step=3, changed=6))
    anomalies = daily_anomalies(found.daily, as_of=LAST, days=6).anomalies
    assert anomalies
    assert judge_days(anomalies, found, registry) == []


def test_without_enough_history_nothing_is_judged_and_it_is_said(
    registry: ProcessorRegistry,
) -> None:
    found = seen(registry, history(MEDIUM, days=8))
    assert judge_trends(found, registry) == []
    (finding,) = judge_trend_history(found)
    assert MEDIUM in finding.title
    assert judge_trend_history(seen(registry, history(MEDIUM))) == []


def test_sizes_are_read_with_their_interval(registry: ProcessorRegistry) -> None:
    ((_, change),) = seen(registry, history(HIGH, step=1.6, changed=9)).worse
    assert re.fullmatch(r"\+\d\d\u00a0% \(\+\d\d\u00a0to\u00a0\+\d\d\u00a0%\)", effect_told(change))
    ((_, large),) = seen(registry, history(HIGH, step=5, changed=9)).worse
    assert "×" in effect_told(large)


def every_kind(registry: ProcessorRegistry) -> list[Finding]:
    timeout = registry.processor(HIGH).timeout_seconds
    found = seen(registry, history(MEDIUM, step=4, changed=1))
    odd = DayAnomaly(
        processor=MEDIUM,
        metric=Metric.RECORDS,
        direction="below",
        day=LAST,
        expected=200,
        low=150,
        high=260,
        seen=12,
        p_value=1e-6,
        q_value=1e-4,
        since=LAST,
        baseline_days=50,
    )
    unsteady = history(HIGH)
    swing = [1.0] * 46 + [0.6, 1.7] * 7
    unsteady["p95_duration"] *= swing
    often = history(HIGH)
    often.loc[often.index[-9:], "runs"] = 130
    return [
        *judged(registry, history(HIGH, step=1.6, changed=9)),
        *judged(registry, history(HIGH, failing_now=0.2, changed=9)),
        *judged(registry, history(HIGH, records_now=90, changed=9)),
        *judged(registry, unsteady),
        *judged(registry, often),
        *judged(
            registry, history(HIGH, days=25, usual_s=timeout / 1.01**35, growth=0.01, changed=25)
        ),
        *judged(registry, history(HIGH), work=later_and_later(HIGH, registry, room_h=2)),
        *judge_days([odd], found, registry),
        *judge_trend_history(seen(registry, history(MEDIUM, days=8))),
    ]


def test_every_kind_has_its_page_its_owner_and_its_numbers(registry: ProcessorRegistry) -> None:
    findings = every_kind(registry)
    assert {f.kind for f in findings} >= {
        "duration_rise",
        "unsteady_duration",
        "failure_rate_rise",
        "records_fall",
        "run_count_change",
        "timeout_ahead",
        "deadline_at_risk",
        "anomalous_day",
        "not_enough_history",
    }
    for finding in findings:
        assert json.loads(json.dumps(finding.to_json()))["owner"]
        assert finding.next_step
        assert finding.fingerprint.startswith(f"{finding.kind}:")
        numbers = [v for v in finding.evidence.values() if type(v) in (int, float)]
        assert numbers, finding.kind
        text = (ROOT / finding.runbook).read_text(encoding="utf-8")
        assert f"Finding kind `{finding.kind}`" in text
        for heading in ("What it means", "Is it real?", "First three commands", "When to escalate"):
            assert f"## {heading}" in text, f"{finding.runbook} lacks {heading}"


def test_odd_days_of_one_kind_are_counted(registry: ProcessorRegistry) -> None:
    found = seen(registry, history(MEDIUM, step=4, changed=2))
    anomalies = daily_anomalies(found.daily, as_of=LAST, days=2).anomalies
    assert [each.days for each in odd_days(anomalies)] == [2]
    assert datetime(2026, 1, 12, tzinfo=UTC).date() == odd_days(anomalies)[0].latest.day


def named(kind: str, severity: Severity) -> Finding:
    return Finding(
        kind=kind,
        subject=HIGH,
        severity=severity,
        title="",
        since=None,
        owner="",
        next_step="",
        fingerprint=f"{kind}:{HIGH}",
    )


@pytest.mark.parametrize(
    ("trend", "day", "left"),
    [
        (("duration_rise", Severity.WARNING), ("slow_processor", Severity.WARNING), 0),
        (("failure_rate_rise", Severity.WARNING), ("processor_failing", Severity.CRITICAL), 0),
        (("records_fall", Severity.WARNING), ("incomplete_data", Severity.WARNING), 0),
        (("run_count_change", Severity.WARNING), ("silent_processor", Severity.WARNING), 0),
        # Something else ails it, or the trend is worse than what the day says.
        (("records_fall", Severity.WARNING), ("slow_processor", Severity.WARNING), 1),
        (("duration_rise", Severity.CRITICAL), ("slow_processor", Severity.WARNING), 1),
    ],
)
def test_what_the_day_has_told_is_not_told_again(
    trend: tuple[str, Severity], day: tuple[str, Severity], left: int
) -> None:
    assert len(untold([named(*trend)], [named(*day)])) == left
