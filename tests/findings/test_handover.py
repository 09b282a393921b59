"""What is open, since when, what is new and what has recovered, read off past reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nbkit.findings import Finding, Severity, Verdict
from nbkit.findings.handover import Judged, handover

NOW = datetime(2026, 1, 13, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def finding(
    name: str, severity: Severity = Severity.WARNING, since: datetime | None = None
) -> Finding:
    return Finding(
        kind="k",
        subject=name,
        severity=severity,
        title=name,
        since=since,
        owner="o",
        next_step="n",
        fingerprint=f"k:{name}",
    )


def report(days_ago: float, *names: str | Finding, notebook: str = "daily") -> Judged:
    findings = tuple(name if isinstance(name, Finding) else finding(name) for name in names)
    return Judged(
        notebook=notebook,
        as_of=NOW - timedelta(days=days_ago),
        verdict=Verdict.YELLOW if findings else Verdict.GREEN,
        findings=findings,
    )


def unknown(days_ago: float) -> Judged:
    return Judged(
        notebook="daily", as_of=NOW - timedelta(days=days_ago), verdict=Verdict.UNKNOWN, findings=()
    )


def test_a_finding_is_as_old_as_the_unbroken_row_of_reports_that_told_it() -> None:
    told = handover(
        [report(4, "a"), report(3), report(2, "a"), report(1, "a"), report(0, "a")], since=NOW - DAY
    )
    (found,) = told.open
    assert found.first_seen == NOW - 2 * DAY
    assert found.is_new is False


def test_a_report_that_could_not_judge_breaks_no_row_and_proves_no_recovery() -> None:
    told = handover([report(2, "a"), unknown(1), report(0, "a")], since=NOW - DAY)
    assert told.open[0].first_seen == NOW - 2 * DAY
    assert handover([report(1, "a"), unknown(0)], since=NOW - DAY).recovered == ()


def test_the_moment_that_a_finding_names_may_be_earlier() -> None:
    long_ago = NOW - 9 * DAY
    told = handover([report(0, finding("a", since=long_ago))], since=NOW - DAY)
    assert told.open[0].first_seen == long_ago


def test_new_and_recovered_are_told_apart_by_the_report_before_the_watch() -> None:
    told = handover([report(1, "old", "gone"), report(0, "old", "new")], since=NOW - DAY)
    assert {o.finding.subject: o.is_new for o in told.open} == {"old": False, "new": True}
    assert [r.finding.subject for r in told.recovered] == ["gone"]


def test_what_came_and_went_within_the_watch_has_recovered() -> None:
    told = handover([report(1), report(0.5, "brief"), report(0)], since=NOW - DAY)
    assert [(r.finding.subject, r.is_new) for r in told.recovered] == [("brief", True)]


def test_without_an_earlier_report_nothing_is_called_new() -> None:
    told = handover([report(0, "a")], since=NOW - DAY)
    assert told.open[0].is_new is None
    assert told.verdicts == (("daily", None, Verdict.YELLOW),)


def test_two_reports_of_one_trouble_are_one_finding_with_the_worse_word_and_the_longer_age() -> (
    None
):
    told = handover(
        [
            report(1, "a"),
            report(0, "a"),
            report(0, finding("a", Severity.CRITICAL), notebook="weekly"),
        ],
        since=NOW - DAY,
    )
    (found,) = told.open
    assert found.finding.severity is Severity.CRITICAL
    assert found.first_seen == NOW - DAY
    assert found.is_new is False


def test_the_worst_and_oldest_come_first_and_remarks_not_at_all() -> None:
    told = handover(
        [
            report(1, "old"),
            report(
                0,
                "new",
                "old",
                finding("bad", Severity.CRITICAL),
                finding("remark", Severity.INFO),
            ),
        ],
        since=NOW - DAY,
    )
    assert [o.finding.subject for o in told.open] == ["bad", "old", "new"]
