"""What of a window is a finding: how bad, in which words, under which fingerprint."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "analysis" / "incident"))
from planted_window import DAY, START, at
from test_incident_cascade import CHILD, ROOT, STRANGERS, trouble

from nbkit.analysis.incident.cascade import Incident, incidents
from nbkit.analysis.incident.messages import MessageGroup
from nbkit.analysis.incident.troubles import Reason
from nbkit.analysis.incident.usual import Count, SameHours, Slowness, predicted
from nbkit.analysis.incident.waiting import Standing
from nbkit.analysis.readiness import UpstreamState
from nbkit.findings import Finding, Severity
from nbkit.findings.health import HealthRules
from nbkit.findings.incident import (
    IncidentRules,
    judge_emptiness,
    judge_incidents,
    judge_messages,
    judge_recurring,
    judge_unusual,
    judge_waiting,
)
from nbkit.registry import ProcessorRegistry, load_registry

PROJECT = Path(__file__).resolve().parents[2]
RULES = IncidentRules()
NOW = START + timedelta(hours=3)


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def judged(registry: ProcessorRegistry, *found: Incident) -> list[Finding]:
    return judge_incidents(found, {}, registry, rules=RULES)


def cascade(registry: ProcessorRegistry) -> Incident:
    says = f"Upstream {ROOT} failed"
    return incidents([trouble(ROOT, 5), trouble(CHILD, 20, says=says)], registry)[0]


def shared(registry: ProcessorRegistry, count: int = 3) -> Incident:
    names = (*STRANGERS, "BdlBoxscoresProcessor", "BdlInjuriesProcessor")[:count]
    rows = [trouble(name, n, new="cannot import <name>") for n, name in enumerate(names)]
    return incidents(rows, registry)[0]


def standing(registry: ProcessorRegistry, name: str, hours_left: float) -> Standing:
    return Standing(
        processor=registry.processor(name),
        data_date=DAY,
        as_of=NOW,
        distance=1,
        state=UpstreamState.FAILED,
        is_done=False,
        is_recorded=True,
        reason="failed",
        usually_by=None,
        due=NOW + timedelta(hours=hours_left),
        missed=0,
        judged=30,
    )


def hours(
    name: str,
    *,
    runs: tuple[int, ...] = (),
    idle: tuple[int, ...] = (),
    real: tuple[int, ...] = (),
    p95: tuple[float, float] | None = None,
) -> SameHours:
    """Now first, then the weeks before."""

    def count(values: tuple[int, ...]) -> Count:
        found = predicted(values[0], values[1:]) if values else Count(now=0, before=())
        return replace(found, q=found.p)

    slow = Slowness(
        p95_s=p95[0] if p95 else None,
        usual_p95_s=p95[1] if p95 else None,
        timed=40,
        over=20,
        q=0.0001 if p95 else 1.0,
    )
    return SameHours(
        processor=name, runs=count(runs), real=count(real), expected=count(idle), durations=slow
    )


def test_a_critical_processor_in_an_incident_that_goes_on_is_critical(
    registry: ProcessorRegistry,
) -> None:
    incident = cascade(registry)
    (finding,) = judged(registry, incident)
    assert finding.severity is Severity.CRITICAL
    assert finding.title == (
        f"{ROOT} failed 10 times from 04:05 UTC on, usually 0 in these hours; 1 processor that "
        "needs it failed after it (10 of 10 failures name it)"
    )
    assert finding.evidence["naming_root"] == 10
    assert finding.evidence["followers"] == {CHILD: 10}
    assert "PredictionCoordinator" in finding.evidence["blast_radius"]
    over = replace(
        incident,
        trouble=replace(trouble(ROOT, 5), recovered_at=NOW),
        followers=tuple(
            replace(f, trouble=replace(f.trouble, recovered_at=NOW)) for f in incident.followers
        ),
    )
    (finding,) = judged(registry, over)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(("count", "severity"), [(3, Severity.WARNING), (5, Severity.CRITICAL)])
def test_a_cause_that_many_share_is_critical_whoever_they_are(
    count: int, severity: Severity, registry: ProcessorRegistry
) -> None:
    (finding,) = judged(registry, shared(registry, count))
    assert finding.severity is severity
    assert f"{count} processors began to fail with one new message" in finding.title


def test_who_says_a_shared_message_first_does_not_change_its_fingerprint(
    registry: ProcessorRegistry,
) -> None:
    rows = [trouble(name, n, new="cannot import <name>") for n, name in enumerate(STRANGERS)]
    other = [replace(t, since=at(9 - n)) for n, t in enumerate(rows)]
    found = [judged(registry, *incidents(each, registry))[0] for each in (rows, other)]
    assert found[0].subject != found[1].subject
    assert found[0].fingerprint == found[1].fingerprint


def test_a_lone_hanging_run_is_left_to_the_finding_that_hangs_have(
    registry: ProcessorRegistry,
) -> None:
    alone = incidents([trouble(ROOT, 5, reason=Reason.STUCK)], registry)
    assert judged(registry, *alone) == []
    both = [trouble(ROOT, 5, reason=Reason.STUCK), trouble(CHILD, 20)]
    (finding,) = judged(registry, *incidents(both, registry))
    assert f"{ROOT} hangs since 04:05 UTC" in finding.title


def test_a_root_that_never_ran_is_told_as_named(registry: ProcessorRegistry) -> None:
    says = f"Upstream {ROOT} is missing"
    (finding,) = judged(registry, *incidents([trouble(CHILD, 20, says=says)], registry))
    assert finding.subject == ROOT
    assert "no failed run in the window" in finding.title


@pytest.mark.parametrize(
    ("name", "left", "severity"),
    [
        ("PredictionCoordinator", 1, Severity.CRITICAL),
        ("PredictionCoordinator", -3, Severity.CRITICAL),
        ("PredictionCoordinator", 9, Severity.WARNING),
        (CHILD, 1, Severity.WARNING),
    ],
)
def test_waiting_is_critical_where_a_critical_deadline_is_near(
    name: str, left: float, severity: Severity, registry: ProcessorRegistry
) -> None:
    rows = [standing(registry, name, left)]
    (finding,) = judge_waiting(cascade(registry), rows, rules=RULES)
    assert finding.severity is severity
    assert ("ago" in finding.title) is (left < 0)
    done = [replace(rows[0], is_done=True)]
    assert judge_waiting(cascade(registry), done, rules=RULES) == []


def group(
    template: str, processor: str, *, new: bool = True, expected: bool = False
) -> MessageGroup:
    return MessageGroup(
        template=template,
        category="error",
        expected=expected,
        example=template.upper(),
        example_run_id="r1",
        failures=9,
        processors=(processor,),
        since=at(1),
        until=at(9),
        usual=0,
        is_new=new,
        new_for=(processor,) if new else (),
    )


def test_a_new_message_is_told_under_the_daily_reports_fingerprint_and_once(
    registry: ProcessorRegistry,
) -> None:
    incident = shared(registry)
    groups = [
        group("certificate expired", "A"),
        group("old", "A", new=False),
        group("nothing to do", "B", expected=True),
        group("cannot import <name>", STRANGERS[1]),  # the incident's finding quotes it
    ]
    found = judge_messages(groups, [incident], registry, rules=HealthRules())
    assert [f.fingerprint for f in found] == ["new_error:A:error"]


def test_hours_unlike_the_weeks_before_are_told_by_way_of_being_unlike() -> None:
    rows = [
        hours(""),
        hours("Premature", idle=(184, 15, 12, 17, 14)),
        hours("Silent", runs=(2, 48, 47, 48, 48)),
        hours("Busy", runs=(400, 40, 41, 38, 44)),
        hours("Slow", p95=(60, 20)),
        hours("Same", runs=(40, 41, 38, 44, 40), idle=(9, 9, 8, 7, 9)),
    ]
    found = judge_unusual(rows, [], weeks=4, rules=RULES)
    assert {f.fingerprint: f.severity.value for f in found} == {
        "unusual_hours:expected_failures": "warning",
        "unusual_hours:fewer_runs": "warning",
        "unusual_hours:more_runs": "info",
        "unusual_hours:slower": "warning",
    }
    assert not [f for f in found if "Same" in f.evidence["processors"]]


def test_failures_as_every_week_are_information_and_a_warning_where_they_are_very_many() -> None:
    like = hours("", real=(299, 310, 290, 305, 330))
    (finding,) = judge_recurring(like, monthly=75, weeks=4, rules=RULES)
    assert finding.severity is Severity.INFO
    assert "weeks before: 310, 290, 305, 330" in finding.title
    assert judge_recurring(like, monthly=290, weeks=4, rules=RULES) == []
    (grave,) = judge_recurring(like, monthly=20, weeks=4, rules=RULES)
    assert grave.severity is Severity.WARNING
    worse = hours("", real=(900, 310, 290, 305, 330))
    assert judge_recurring(worse, monthly=75, weeks=4, rules=RULES) == []
    once = hours("", real=(843, 21, 1_771, 22, 17))
    assert judge_recurring(once, monthly=43, weeks=4, rules=RULES) == []


def test_a_window_without_runs_is_critical_where_there_usually_are_some() -> None:
    empty = hours("", runs=(0, 300, 310, 290, 305))
    (finding,) = judge_emptiness(empty, start=START, end=NOW)
    assert finding.severity is Severity.CRITICAL
    quiet = hours("", runs=(0, 0, 0, 1, 0))
    assert judge_emptiness(quiet, start=START, end=NOW)[0].severity is Severity.WARNING
    assert judge_emptiness(hours("", runs=(5, 0)), start=START, end=NOW) == []


def every_kind(registry: ProcessorRegistry) -> list[Finding]:
    incident = cascade(registry)
    return [
        *judged(registry, incident, shared(registry)),
        *judge_waiting(incident, [standing(registry, CHILD, 1)], rules=RULES),
        *judge_unusual([hours("Slow", p95=(60, 20))], [], weeks=4, rules=RULES),
        *judge_recurring(
            hours("", real=(299, 310, 290, 305, 330)), monthly=75, weeks=4, rules=RULES
        ),
        *judge_emptiness(hours("", runs=(0, 300, 310)), start=START, end=NOW),
    ]


def test_every_kind_has_a_page_an_owner_a_next_step_and_a_stable_fingerprint(
    registry: ProcessorRegistry,
) -> None:
    found, again = every_kind(registry), every_kind(registry)
    assert {finding.kind for finding in found} == {
        "incident_root",
        "work_waiting",
        "unusual_hours",
        "recurring_failures",
        "silent_pipeline",
    }
    for one, other in zip(found, again, strict=True):
        document = json.loads(json.dumps(one.to_json()))
        assert document["owner"]
        assert document["next_step"]
        assert one.fingerprint == other.fingerprint
        assert one.fingerprint.startswith(f"{one.kind}:")
        page = (PROJECT / one.runbook).read_text(encoding="utf-8")
        assert f"Finding kind `{one.kind}`" in page
        for heading in ("What it means", "Is it real?", "First three commands", "When to escalate"):
            assert f"## {heading}" in page
