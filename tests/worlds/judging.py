"""Holding a verdict against the truth: what a `findings.json` says of a world, and how far off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from worlds.fixes import FIXES
from worlds.truth import Truth, Window
from worlds.world import World

_RANK = {"info": 0, "warning": 1, "critical": 2}
Findings = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Score:
    """One verdict about one world.

    Attributes:
        named: the cause that the leading `failure_storm` finding names; "" where there is none.
        right: it is the world's main cause; of storms at times of their own, any.
        present: it is one of the causes that are really there.
        ranked: every cause that is really there stands among the first of `causes`, one place
            a cause more than there are.
        alarms: findings above info, by kind.
        onset_min, end_min: how far the found window's onset and end lie from the nearest true
            ones, in minutes (found minus true); None: the verdict has none.
        overlaps: the found window meets a true one.
        points: by fix, the predicted reduction minus the true one, in percentage points.
        fits: predictions were made at all.
        apart: of storms at times of their own, each has a finding that names it; else None.
    """

    named: str = ""
    right: bool = False
    present: bool = False
    ranked: bool = False
    alarms: tuple[str, ...] = ()
    onset_min: float | None = None
    end_min: float | None = None
    overlaps: bool = False
    points: Mapping[str, float] = field(default_factory=dict)
    inside: Mapping[str, bool] = field(default_factory=dict)
    fits: bool = False
    apart: bool | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


def score(world: World, findings: Findings, *, what_if: bool = True) -> Score:
    """How well the findings of `retry_storm` tell a world's truth.

    The leading finding is the most severe one of kind `failure_storm`; among equals the first.
    `what_if`: hold predictions against the world with each fix deployed (which takes a replay).
    """
    truth = world.truth
    alarms = tuple(str(each["kind"]) for each in findings if _RANK[each["severity"]] > 0)
    storms = [each for each in findings if each["kind"] == "failure_storm"]
    if not storms:
        return Score(alarms=alarms)
    leading = max(storms, key=lambda each: _RANK[each["severity"]])  # of equals the first
    evidence = leading["evidence"]
    named = str(evidence.get("cause") or "")
    if truth.benign:
        return Score(named=named, alarms=alarms, evidence=evidence)
    there = {truth.cause, *truth.others}
    first = [_cause_of(each) for each in evidence.get("causes") or ()][: len(there) + 1]
    onset_min, end_min, overlaps = _distance(truth, _spans(evidence))
    # Of two storms the leading finding may be about either: truth has the windows of one.
    predicted = _predicted(evidence) if what_if and not truth.apart else {}
    points, inside = {}, {}
    for fix, (value, low, high) in predicted.items():
        real = world.what_if(fix).reduction
        points[fix] = 100 * (value - real)
        inside[fix] = low <= real <= high
    return Score(
        named=named,
        right=named in there if truth.apart else named == truth.cause,
        present=named in there,
        ranked=there <= set(first),
        alarms=alarms,
        onset_min=onset_min,
        end_min=end_min,
        overlaps=overlaps,
        points=points,
        inside=inside,
        fits=bool(predicted),
        apart=_all_found(truth, storms) if truth.apart else None,
        evidence=evidence,
    )


def _all_found(truth: Truth, storms: Findings) -> bool:
    return all(
        any(
            each["evidence"].get("cause") == cause and _meet(_spans(each["evidence"]), windows)
            for each in storms
        )
        for cause, windows in {**truth.apart, truth.cause: truth.windows}.items()
    )


def _cause_of(entry: Any) -> str:
    return str(entry["cause"]) if isinstance(entry, Mapping) else str(entry)


def _predicted(evidence: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Reduction, low and high by fix. A number stands alone or in a mapping with its bounds."""
    found = {}
    for fix in FIXES:
        entry = (evidence.get("what_if") or {}).get(fix)
        if not isinstance(entry, Mapping) or entry.get("reduction") is None:
            continue
        value = entry["reduction"]
        if isinstance(value, Mapping):
            bounds = value
            number = next(v for k, v in value.items() if k not in ("low", "high"))
        else:
            bounds = {side: entry.get(f"reduction_{side}", value) for side in ("low", "high")}
            number = value
        found[fix] = (float(number), float(bounds["low"]), float(bounds["high"]))
    return found


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


Spans = list[tuple[datetime, datetime]]


def _spans(evidence: Mapping[str, Any]) -> Spans:
    """When the finding says that it blew: time by time, or else from the first to the last."""
    told = evidence.get("occurrences") or [evidence]
    moments = [(_moment(each.get("onset")), _moment(each.get("end"))) for each in told]
    return [(onset, end) for onset, end in moments if onset and end and onset.tzinfo]


def _distance(truth: Truth, found: Spans) -> tuple[float | None, float | None, bool]:
    """Minutes between the onsets and the ends of the nearest pair, and whether any two meet."""
    real = [(window.start, window.end) for window in truth.windows]
    real.append((real[0][0], real[-1][1]))
    pairs = [
        ((onset - start).total_seconds() / 60, (end - stop).total_seconds() / 60)
        for onset, end in found
        for start, stop in real
    ]
    if not pairs:
        return None, None, False
    early, late = min(pairs, key=lambda pair: abs(pair[0]) + abs(pair[1]))
    return early, late, _meet(found, truth.windows)


def _meet(found: Spans, windows: Sequence[Window]) -> bool:
    return any(
        onset < window.end and window.start < end for onset, end in found for window in windows
    )
