"""Causes that start with a clock: collisions, a quota, runs before their input, organic load."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbkit.analysis.storms.attempts import seconds_of
from nbkit.analysis.storms.evidence.apart import SUCCESS
from nbkit.analysis.storms.evidence.evidence import OVERLOAD, CauseEvidence, Evidence
from nbkit.analysis.storms.evidence.facts import Facts, inside_of
from nbkit.analysis.storms.evidence.words import signatures
from nbkit.analysis.storms.items import recovery

_FEWEST_GRANTED = 4


def scheduler_collision(facts: Facts, share: float) -> CauseEvidence:
    """Starts on schedule marks, failures rise with simultaneous starts, few attempts a message."""
    crowd = facts.crowding
    return CauseEvidence(
        cause="scheduler_collision",
        share=share,
        evidence=(
            Evidence(
                name="crowded_starts", value=crowd.crowded, against=0.3, full=0.7,
                words="share of first attempts in minutes of at least twice the average",
            ),
            Evidence(
                name="failed_in_a_crowd", value=crowd.dose, against=0.54, full=0.68,
                words="chance that a failed run met more runs in flight than a good one "
                "(0.5: no connection)",
                source=OVERLOAD, is_main=True,
            ),
            Evidence(
                name="processors_together", value=crowd.processors, against=2, full=6,
                words="processors that start within one crowded minute", weight=0.5,
            ),
            _few_attempts(facts),
            Evidence(
                name="by_schedule", value=by_schedule(facts), against=-0.6, full=0.6,
                words="share of first attempts that a schedule started", weight=0.5,
                needs="trigger_source: who started a run",
            ),
        ),
    )  # fmt: skip


def _few_attempts(facts: Facts) -> Evidence:
    return Evidence(
        name="attempts_per_message", value=relative_amplification(facts), against=6, full=3,
        words="attempts per message, beside the usual", source=OVERLOAD, weight=0.7, is_main=True,
        needs="trigger_message_id and retry_attempt: which message, which attempt",
    )  # fmt: skip


def relative_amplification(facts: Facts) -> float | None:
    """Attempts per message over what is usual for the same processors; None where messages are
    mostly guessed."""
    found = facts.attempts
    if found.messages == 0 or found.known < 0.3:
        return None
    runs = facts.rest.groupby("processor_name").size()
    usual = facts.usual["attempts_per_message"].reindex(runs.index).fillna(1.0).clip(lower=1.0)
    weighted = float(runs.sum() / (runs / usual).sum())
    return found.factor / max(weighted, 1.0)


def by_schedule(facts: Facts) -> float | None:
    first = facts.rest[facts.rest["attempt"] == 1]
    told = first["trigger_source"].notna() | first["triggered_by"].notna()
    if not told.any():
        return None
    by = first["trigger_source"].eq("scheduler") | first["triggered_by"].eq("scheduler")
    return float(by.mean())


def rate_limit(facts: Facts, share: float) -> CauseEvidence:
    """Quota messages, and no more than so many successes a minute."""
    own = facts.rest_failures
    return CauseEvidence(
        cause="rate_limit",
        share=share,
        evidence=(
            Evidence(
                name="quota_messages", value=float(own["is_quota"].mean()) if len(own) else 0.0,
                against=0.05, full=0.4, words="share of the failures that speak of a quota or 429",
                needs="errors: what a failed run says",
            ),
            Evidence(
                name="success_cap", value=_cap(facts), against=3.0, full=1.2,
                words="successes in the best minutes over those in a middling minute, while the "
                "quota is met", source=OVERLOAD, weight=0.25,
            ),
        ),
    )  # fmt: skip


def _cap(facts: Facts) -> float | None:
    """How flat the number of successes is, over minutes in which the quota refused somebody; None
    where they are so few that chance alone makes them uneven."""
    refused = facts.rest_failures
    refused = refused[refused["is_quota"]]
    limited = facts.rest["processor_name"].isin(refused["processor_name"].unique())
    wins = facts.rest[limited & (facts.rest["category"] == SUCCESS)]
    minutes = np.unique(np.floor(seconds_of(refused["started_at"]) / 60))
    counts = pd.Series(np.floor(seconds_of(wins["started_at"]) / 60)).value_counts()
    found = counts.reindex(minutes).dropna().to_numpy()
    if found.size < 5 or np.median(found) < _FEWEST_GRANTED:
        return None
    return float(np.quantile(found, 0.95) / np.median(found))


def premature_start(facts: Facts, share: float) -> CauseEvidence:
    """No data or no dependency, until the data lands; then the same work succeeds."""
    failures = facts.rest_failures
    waiting = failures[failures["is_waiting"]]
    found = [_of_span(waiting, facts, at) for at in range(len(facts.spans))]
    weights = np.array([each[0] for each in found], dtype=np.float64)
    if weights.sum() == 0:
        recovered = clean = abrupt = None
    else:
        recovered, clean, abrupt = (
            float(np.average([each[at] for each in found], weights=weights)) for at in (1, 2, 3)
        )
    return CauseEvidence(
        cause="premature_start",
        share=share,
        evidence=(
            Evidence(
                name="waiting_messages", value=len(waiting) / max(len(failures), 1), against=0.05,
                full=0.4, words="share of the failures that had no data or no dependency",
                weight=0.3,
            ),
            Evidence(
                name="succeeded_later", value=recovered, against=0.2, full=0.6,
                words="share of these failures whose processor and date succeeded later",
            ),
            Evidence(
                name="failed_before_success", value=clean, against=0.5, full=0.8,
                words="share of those that came before the first success of their work, or how "
                "much oftener it succeeds, or less often fails, after the end",
            ),
            Evidence(
                name="landed_together", value=abrupt, against=-0.4, full=0.4,
                words="how much closer the first successes lie than the failures", weight=0.5,
            ),
        ),
    )  # fmt: skip


def _of_span(waiting: pd.DataFrame, facts: Facts, at: int) -> tuple[int, float, float, float]:
    own = waiting[inside_of(waiting["ended_at"], [facts.spans[at]])]
    found = recovery(own.assign(unit=own["item"]), facts.around.assign(unit=facts.around["item"]))
    return len(own), found.recovered, max(found.clean, found.rise, found.fall), found.abrupt


def organic_load(facts: Facts) -> CauseEvidence:
    """More work, and the same share of it fails."""
    ended = facts.inside[facts.inside["category"].notna()]
    runs = ended.groupby("processor_name").size()
    usual = facts.usual_share.reindex(runs.index)
    expected = float((runs * usual).sum())
    seen = float(ended.loc[ended["processor_name"].isin(usual.dropna().index), "is_failure"].sum())
    known = float(runs[usual.notna()].sum())
    failing = winning = None
    if known > 0:
        failing = (seen + 5) / (expected + 5)
        winning = (known - seen + 5) / (known - expected + 5)
    return CauseEvidence(
        cause="organic_load",
        share=1.0 - facts.share("is_swept") - facts.share("is_poison"),
        evidence=(
            Evidence(
                name="failures_as_expected", value=failing, against=1.75, full=1.2,
                words="failures over those that so many runs usually have", is_main=True,
            ),
            Evidence(
                name="successes_as_expected", value=winning, against=0.65, full=0.85,
                words="successes over those that so many runs usually have", is_main=True,
            ),
            Evidence(
                name="other_words", value=_other_words(facts), against=0.5, full=0.25,
                words="part of the failures that say something else than failures usually say",
                is_main=True,
            ),
            Evidence(
                name="whatever_the_crowd", value=_careless(facts), against=0.45, full=0.12,
                words="how far failing hangs on the runs in flight (0: not at all)",
                source=OVERLOAD, weight=0.7,
            ),
            Evidence(
                name="attempts_per_message", value=relative_amplification(facts), against=2.0,
                full=1.4, words="attempts per message, beside the usual", weight=0.5,
            ),
        ),
    )  # fmt: skip


def _other_words(facts: Facts) -> float | None:
    """Distance (total variation) between what failures say in the storm and otherwise; None where
    there are too few to compare."""
    names = facts.inside["processor_name"].unique()
    usual = facts.usual_words[facts.usual_words["processor_name"].isin(names)]
    if usual["failures"].sum() < 30 or facts.failures.empty or not facts.known("errors_text"):
        return None
    codes = signatures(pd.concat([facts.failures["errors_text"], usual["errors_text"]])) + 1
    own, before = codes[: len(facts.failures)], codes[len(facts.failures) :]
    most = int(codes.max()) + 1
    seen = np.bincount(own, minlength=most) / own.size
    # Each processor's usual words, in the storm's mixture of processors; and without what so few
    # failures would differ from them by chance.
    mixture = facts.failures["processor_name"].value_counts()
    totals = usual.groupby("processor_name")["failures"].transform("sum")
    weights = usual["failures"] * usual["processor_name"].map(mixture).fillna(0) / totals
    expected = np.bincount(before, weights=weights.to_numpy(dtype=np.float64), minlength=most)
    if expected.sum() == 0:
        return None
    expected = expected / expected.sum()
    chance = float(np.sqrt(2 / np.pi * expected * (1 - expected) / own.size).sum() / 2)
    distance = float(np.abs(seen - expected).sum() / 2)
    return max(distance - chance, 0.0) / max(1 - chance, 0.05)


def _careless(facts: Facts) -> float | None:
    dose = facts.crowding.dose
    return None if dose is None else dose - 0.5
