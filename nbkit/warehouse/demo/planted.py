"""The incidents that a demo history holds; which runs belong to them is marked on the runs."""

from __future__ import annotations

from dataclasses import dataclass

from nbkit.warehouse.demo.truth import Kind


@dataclass(frozen=True)
class Planted:
    """An incident before it is known which runs make it up."""

    name: str
    kind: Kind
    cause: str | None
    what: str


PLANTED_INCIDENTS: tuple[Planted, ...] = (
    Planted(
        "monday_collision",
        "failure_storm",
        "scheduler_collision",
        "Sunday evening in New York: polls, hourly controllers and the precompute jobs start at "
        "the same marks, and roster files are redelivered; mostly failures that are expected",
    ),
    Planted(
        "first_sweep",
        "failure_storm",
        "cleanup_artifact",
        "runs stuck for up to three weeks, all marked failed in one sweep",
    ),
    Planted(
        "poison_message",
        "failure_storm",
        "poison_message",
        "one message with a malformed gcs_path, redelivered for most of a day",
    ),
    Planted(
        "gamebook_outage",
        "failure_storm",
        "upstream_outage",
        "the gamebook source answers 503; what depends on the gamebook fails after it",
    ),
    Planted(
        "premature_starts",
        "failure_storm",
        "premature_start",
        "team summaries started every ten minutes from noon on, before the games of 2026-01-16 had "
        "ended; they succeed once they have",
    ),
    Planted(
        "republish_loop",
        "failure_storm",
        "republish_loop",
        "a clean-up job believes files missing and republishes them every fifteen minutes: new "
        "message ids for work that had succeeded",
    ),
    Planted(
        "import_error",
        "failure_storm",
        "retry_amplification",
        "an import error after a deploy: every push fails the same way and is redelivered",
    ),
    Planted(
        "verification_backfill",
        "failure_storm",
        "backfill",
        "after the tracking fix the suspect dates were run again, and had data",
    ),
    Planted(
        "quota_bursts",
        "quota_burst",
        "rate_limit",
        "the table quota for DML jobs is used up by thirty team files that arrive together",
    ),
    Planted(
        "stuck_coordinator",
        "stuck_runs",
        None,
        "the prediction coordinator hangs; its message is redelivered after each ack deadline",
    ),
    Planted(
        "silent_game_lines",
        "silent_processor",
        None,
        "OddsGameLinesProcessor ran every half hour, then no more; `size` is the runs that are "
        "missing",
    ),
    Planted(
        "slow_shot_zones",
        "slow_processor",
        None,
        "PlayerShotZoneAnalysisProcessor takes several times its usual time",
    ),
    Planted(
        "incomplete_gamebook",
        "incomplete_data",
        None,
        "the gamebook of 2026-01-12 has fewer than a hundred player rows",
    ),
    Planted(
        "expired_certificate",
        "new_message",
        None,
        "roster fetches fail with a message never seen before",
    ),
    Planted(
        "daily_cache_drift",
        "duration_drift",
        None,
        "PlayerDailyCacheProcessor grows slower from 2025-12-28 on",
    ),
    Planted(
        "feature_store_step",
        "step_change",
        None,
        "MLFeatureStoreProcessor is slower at once from 2026-01-05 04:00 on",
    ),
    Planted(
        "zero_record_bug",
        "false_zero_records",
        None,
        "successes recorded with zero records; nearly all had data, or no games to have data of",
    ),
)


def number(name: str) -> int:
    """Position of an incident: what marks its runs."""
    return next(i for i, p in enumerate(PLANTED_INCIDENTS) if p.name == name)
