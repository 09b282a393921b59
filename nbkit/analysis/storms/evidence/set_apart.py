"""Failures that can be told one by one: swept rows, poisoned messages, replays of old dates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbkit.analysis.storms.attempts import backoff_law, seconds_of
from nbkit.analysis.storms.evidence.apart import POISON_ATTEMPTS, by_hand
from nbkit.analysis.storms.evidence.evidence import BACKOFF, INCIDENTS, CauseEvidence, Evidence
from nbkit.analysis.storms.evidence.facts import Facts


def cleanup_artifact(facts: Facts) -> CauseEvidence:
    """One instant of `processed_at`, starts spread over hours or days."""
    swept = facts.failures[facts.failures["is_swept"]]
    spread = within = None
    if len(swept):
        started, ended = seconds_of(swept["started_at"]), seconds_of(swept["ended_at"])
        low, high = np.quantile(started, [0.1, 0.9])
        spread = float(high - low) / 3600
        minute = np.floor(ended / 60)
        within = float(np.unique(minute, return_counts=True)[1].max() / len(swept))
        # One sweep a week: each of them is an instant.
        within = min(within * len(facts.spans), 1.0)
    return CauseEvidence(
        cause="cleanup_artifact",
        share=facts.share("is_swept"),
        evidence=(
            Evidence(
                name="ended_within_a_minute", value=within, against=0.1, full=0.5,
                words="share of the swept rows that ended in one minute", source=INCIDENTS,
                needs="processed_at: when a run ended", weight=0.5,
            ),
            Evidence(
                name="starts_spread_h", value=spread, against=0.3, full=1.5,
                words="hours over which their starts are spread", source=INCIDENTS, weight=0.5,
            ),
        ),
    )  # fmt: skip


def poison_message(facts: Facts) -> CauseEvidence:
    """A few messages that can never succeed, redelivered for hours."""
    own = facts.failures[facts.failures["is_poison"]]
    told = own[own["trigger_message_id"].notna()]
    each = told.groupby("message").size()
    # Without ids the messages of one piece of work cannot be told apart.
    works = own.groupby("item").size() if len(told) < len(own) else None
    law = backoff_law(told["attempt"].to_numpy(), told["gap_s"].to_numpy()) if len(told) else None
    return CauseEvidence(
        cause="poison_message",
        share=facts.share("is_poison"),
        evidence=(
            Evidence(
                name="attempts_per_message", value=float(each.median()) if len(each) else None,
                against=POISON_ATTEMPTS / 2, full=2.0 * POISON_ATTEMPTS, is_main=True,
                words="attempts of each message that never succeeded", source=INCIDENTS,
                needs="trigger_message_id: which message a run was started by",
            ),
            *([_failures_per_work(works)] if works is not None else []),
            Evidence(
                name="backoff_fit", value=law.fit if law else None, against=0.0, full=0.4,
                words="share of their waits that follow one backoff law", source=BACKOFF,
                weight=0.3,
            ),
        ),
    )  # fmt: skip


def _failures_per_work(works: pd.Series) -> Evidence:
    return Evidence(
        name="failures_per_work", value=float(works.median()), against=POISON_ATTEMPTS / 2,
        full=3.0 * POISON_ATTEMPTS, is_main=True, source=INCIDENTS,
        words="failures with one error of each processor and date, whose other runs fare as usual",
    )  # fmt: skip


def backfill(facts: Facts) -> CauseEvidence:
    """A bulk replay: dates far from the start."""
    return backfill_of(facts.failures[facts.failures["is_far"]], facts.share("is_far"))


def backfill_of(own: pd.DataFrame, share: float) -> CauseEvidence:
    """Of runs about dates long ago, which are a share of the storm's."""
    hand = by_hand(own)
    told = bool(own["triggered_by"].notna().any() or own["backfill_mode"].notna().any())
    return CauseEvidence(
        cause="backfill",
        share=share,
        evidence=(
            Evidence(
                name="data_dates", value=float(own["data_date"].nunique()), against=1, full=4,
                words="data dates replayed, each more than a week from the start",
            ),
            Evidence(
                name="items_per_run", value=own["item"].nunique() / max(len(own), 1), against=0.0,
                full=0.02, words="distinct processors and dates per run", weight=0.3,
            ),
            Evidence(
                name="by_hand", value=float(hand.mean()) if told else None,
                against=-1.0, full=0.5, words="share started by hand or in backfill mode",
                needs="triggered_by or backfill_mode: who started a run", weight=0.3,
            ),
        ),
    )  # fmt: skip
