"""Causes that live on messages: redelivery that multiplies, and work that is published again."""

from __future__ import annotations

from nbkit.analysis.storms.evidence.clocks import by_schedule, relative_amplification
from nbkit.analysis.storms.evidence.evidence import (
    BACKOFF,
    INCIDENTS,
    METASTABLE,
    CauseEvidence,
    Evidence,
)
from nbkit.analysis.storms.evidence.facts import Facts


def retry_amplification(facts: Facts, share: float) -> CauseEvidence:
    """Attempts ≫ messages, over many messages, and the waits follow a backoff law."""
    found = facts.attempts
    law = found.law
    amplified = relative_amplification(facts)
    return CauseEvidence(
        cause="retry_amplification",
        share=share,
        evidence=(
            Evidence(
                name="attempts_per_message", value=amplified, against=1.5, full=3.5, is_main=True,
                words="attempts per message, beside the usual", source=METASTABLE,
                needs="trigger_message_id and retry_attempt: which message, which attempt",
            ),
            *([_in_a_row(facts)] if amplified is None else []),
            Evidence(
                name="messages", value=float(found.messages), against=4, full=20,
                words="distinct messages", weight=0.5,
            ),
            Evidence(
                name="backoff_fit", value=law.fit if law else None, against=-0.3, full=0.4,
                words="share of the waits that follow one backoff law", source=BACKOFF, weight=0.4,
                needs="trigger_message_id: which message a run was started by",
            ),
        ),
    )  # fmt: skip


def _in_a_row(facts: Facts) -> Evidence:
    """Without ids: that work is looked for again after a failure is no redelivery. But while
    redelivery fails, nothing else comes between."""
    runs = facts.rest.groupby("processor_name").size()
    share = facts.usual_share.reindex(runs.index).fillna(0.0).clip(0.0, 0.95)
    usual = float(runs.sum() / (runs * (1 - share)).sum()) if len(runs) else 1.0
    return Evidence(
        name="failures_in_a_row", value=facts.attempts.factor / usual, against=1.8, full=4,
        words="failures of one processor and date in a row, beside those that its usual share of "
        "failures makes", is_main=True,
    )  # fmt: skip


def republish_loop(facts: Facts, share: float) -> CauseEvidence:
    """New messages for work that succeeded, in batches at a healer's period."""
    found, crowd = facts.repeats, facts.crowding
    # That failures do not depend on the crowd tells a healer's batch from jobs that collide.
    careless = None if crowd.dose is None else abs(crowd.dose - 0.5)
    return CauseEvidence(
        cause="republish_loop",
        share=share,
        evidence=(
            Evidence(
                name="messages_per_item", value=found.per_item, against=1.5, full=4,
                words="messages for one processor and date",
            ),
            Evidence(
                name="after_success", value=found.after_success, against=0.4, full=0.8,
                words="share of them that came after the work had succeeded", source=INCIDENTS,
            ),
            Evidence(
                name="at_a_period", value=found.regular if found.period_s else 0.0, against=0.5,
                full=0.9, words="how nearly they come at one period", weight=2.0, source=INCIDENTS,
            ),
            Evidence(
                name="whatever_the_crowd", value=careless, against=0.2, full=0.06,
                words="how far failing hangs on the runs in flight (0: not at all)", weight=0.8,
            ),
            Evidence(
                name="not_by_schedule", value=by_schedule(facts), against=0.8, full=0.3,
                words="share of them that a schedule started", weight=2.0,
                needs="trigger_source: who started a run",
            ),
            Evidence(
                name="attempts_per_message", value=relative_amplification(facts), against=5,
                full=2.5, words="attempts per message, beside the usual", weight=0.3,
            ),
        ),
    )  # fmt: skip
