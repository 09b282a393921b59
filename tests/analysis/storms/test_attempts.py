"""Messages, attempts and the backoff law are read off runs with and without ids."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.storms.attempts import amplification, backoff_law, with_messages
from nbkit.analysis.storms.runs import classified

START = pd.Timestamp("2026-01-12T00:00:00Z")


def redelivered(
    messages: int, attempts: int, *, ids: bool = True, jitter: float = 0.0, seed: int = 0
) -> pd.DataFrame:
    """Messages that wait 10, 20, 40, … at most 600 s; the last attempt succeeds."""
    rng = np.random.default_rng(seed)
    rows = []
    for message in range(messages):
        at = START + pd.Timedelta(seconds=3 * message)
        for number in range(1, attempts + 1):
            rows.append(
                {
                    "processor_name": f"P{message % 7}" if ids else f"P{message}",
                    "run_id": f"{message}-{number}",
                    "data_date": pd.Timestamp("2026-01-11"),
                    "started_at": at,
                    "duration_s": 2.0,
                    "status": "failed" if number < attempts else "success",
                    "errors_text": '["503 Service Unavailable"]' if number < attempts else None,
                    "trigger_message_id": f"m{message}" if ids else None,
                }
            )
            ceiling = min(10.0 * 2 ** (number - 1), 600.0)
            wait = ceiling - jitter * rng.random() * (ceiling - 10.0)
            at += pd.Timedelta(seconds=2 + wait)
    return with_messages(classified(pd.DataFrame(rows)))


def test_attempts_per_message_by_id() -> None:
    found = amplification(redelivered(40, 6))
    assert (found.attempts, found.messages, found.most) == (240, 40, 6)
    assert found.known == 1.0
    assert found.recovered == 1.0
    assert found.hopeless == 0.0
    assert found.branching == pytest.approx(5 / 6)


def test_without_ids_a_run_soon_after_a_failure_is_a_redelivery_but_not_for_sure() -> None:
    found = amplification(redelivered(40, 6, ids=False))
    assert found.messages == 40
    assert found.known == 0.0


def test_what_a_schedule_started_is_a_message_of_its_own() -> None:
    polls = redelivered(1, 6, ids=False).assign(trigger_source="scheduler")
    assert amplification(with_messages(polls)).messages == 6


def test_the_law_of_a_policy_without_jitter_is_found() -> None:
    runs = redelivered(60, 9)
    law = backoff_law(runs["attempt"].to_numpy(), runs["gap_s"].to_numpy())
    assert law is not None
    assert law.min_s == pytest.approx(10, abs=0.5)
    assert law.max_s == pytest.approx(600, abs=1)
    assert law.factor == pytest.approx(2, abs=0.05)
    assert law.jitter < 0.05
    assert law.fit > 0.95


def test_full_jitter_is_seen() -> None:
    runs = redelivered(200, 8, jitter=1.0)
    law = backoff_law(runs["attempt"].to_numpy(), runs["gap_s"].to_numpy())
    assert law is not None
    assert law.jitter > 0.7
    assert law.factor == pytest.approx(2, abs=0.3)


def test_a_few_gaps_make_no_law() -> None:
    runs = redelivered(2, 3)
    assert backoff_law(runs["attempt"].to_numpy(), runs["gap_s"].to_numpy()) is None
