"""From what happened to rows of `processor_run_history`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from worlds import names
from worlds.life import Life
from worlds.said import Voice, speak
from worlds.scene import Scene
from worlds.work import Attempt, Work

COLUMNS = (
    "processor_name",
    "run_id",
    "season_year",
    "status",
    "duration_seconds",
    "records_processed",
    "backfill_mode",
    "execution_host",
    "triggered_by",
    "errors",
    "data_date",
    "started_at",
    "processed_at",
    "phase",
    "trigger_source",
    "trigger_message_id",
    "parent_processor",
    "dependency_check_passed",
    "cloud_run_service",
    "retry_attempt",
    "skipped",
    "skip_reason",
    "failure_category",
)


def rows(
    scene: Scene, life: Life, works: Sequence[Work], attempts: Sequence[Attempt], voice: Voice
) -> pd.DataFrame:
    """One row a run, ordered by start, as the platform's own writers leave it at `scene.end`.

    Columns: `COLUMNS`; timestamps UTC (microseconds), `data_date` a `datetime.date`. A run that is
    still busy is `running` without an end.
    """
    done = [works[each.work] for each in attempts]
    people = np.array(life.names, dtype=object)
    base = 10**15 + scene.seed % 1_000_003 * 10**9
    own = pd.DataFrame(
        {
            "processor_name": people[life.processor],
            "start": life.start,
            "end": life.end,
            "fault": life.fault.astype(object),
            "number": life.number,
            "message": np.where(
                life.scheduled, None, (base + life.message * 13).astype(str).astype(object)
            ),
            "source": np.where(life.scheduled, "scheduler", "pubsub"),
            "by": np.where(life.scheduled, "scheduler", "workflow"),
            "parent": None,
            "backfill": False,
            "day": life.day,
            "names": "",
            "fixed": -1,
        }
    )
    storm = pd.DataFrame(
        {
            "processor_name": [each.processor for each in done],
            "start": [each.start for each in attempts],
            "end": [each.end for each in attempts],
            "fault": [each.fault for each in attempts],
            "number": [each.number for each in attempts],
            "message": [each.message for each in done],
            "source": [each.source for each in done],
            "by": [each.by for each in done],
            "parent": [each.parent for each in done],
            "backfill": [each.backfill for each in done],
            "day": [each.data_day for each in done],
            "names": [each.names for each in done],
            # A poisoned message says the same every time: the text hangs on the work.
            "fixed": [each.work if each.fault == "malformed" else -1 for each in attempts],
        }
    )
    parts = [part.astype(object) for part in (own, storm) if len(part)]
    table = pd.concat(parts, ignore_index=True).sort_values("start", kind="stable")
    return _dress(scene, table.reset_index(drop=True), voice)


def _dress(scene: Scene, table: pd.DataFrame, voice: Voice) -> pd.DataFrame:
    rng = scene.rng(21)
    count = len(table)
    start = table["start"].to_numpy(dtype=float)
    end = table["end"].to_numpy(dtype=float)
    fault = table["fault"].to_numpy(dtype=object)
    open_ = end >= scene.end
    failed = (fault != "") & ~open_
    picks = rng.integers(0, 10**6, count)
    categories = np.full(count, None, dtype=object)
    errors = np.full(count, None, dtype=object)
    categories[(fault == "") & ~open_] = "success"
    columns = ("processor_name", "day", "names", "fixed")
    lists = [table[column].to_list() for column in columns]
    for row in np.flatnonzero(failed):
        processor, day, upstream, fixed = (values[row] for values in lists)
        # A fault has one of the world's words for it; which, hangs on the processor.
        pick = int(picks[row]) if fixed < 0 else int(fixed)
        loose = fault[row] in ("random", "gap", "no_data")
        line = voice.line_of(
            str(fault[row]), pick if loose else _stable(processor, pick // 400_000)
        )
        text = speak(
            line,
            processor=processor,
            day=day,
            names=upstream,
            pick=pick,
            hours=(end[row] - start[row]) / 3600,
        )
        categories[row] = line.category
        errors[row] = voice.write(line, text)
    processors = table["processor_name"]
    succeeded = categories == "success"
    records = np.where(succeeded, np.rint(np.exp(rng.normal(4.8, 0.6, count))), 0.0)
    frame = pd.DataFrame(
        {
            "processor_name": processors.astype(object),
            "run_id": [f"{pick:06d}-{row:08x}" for row, pick in enumerate(picks)],
            "season_year": np.full(count, 2025, dtype="int64"),
            "status": np.where(open_, "running", np.where(failed, "failed", "success")),
            "duration_seconds": np.where(open_, np.nan, end - start),
            "records_processed": pd.array(np.where(open_, np.nan, records), dtype="Int64"),
            "backfill_mode": table["backfill"].astype(bool),
            "execution_host": np.where(table["by"] == "manual", "backfill-job", "cloud-run"),
            "triggered_by": table["by"].astype(object),
            "errors": errors,
            "data_date": pd.to_datetime(table["day"].astype("int64"), unit="D").dt.date,
            "started_at": _moment(start),
            "processed_at": _moment(np.where(open_, np.nan, end)),
            "phase": [names.phase_of(name) for name in processors],
            "trigger_source": table["source"].astype(object),
            "trigger_message_id": table["message"].astype(object),
            "parent_processor": table["parent"].astype(object),
            "dependency_check_passed": pd.array(
                np.where(
                    categories == "dependency_missing", False, np.where(succeeded, True, None)
                ),
                dtype="boolean",
            ),
            "cloud_run_service": [f"nba-{names.phase_of(name)}" for name in processors],
            "retry_attempt": table["number"].astype("int64"),
            "skipped": np.zeros(count, dtype=bool),
            "skip_reason": np.full(count, None, dtype=object),
            "failure_category": categories,
        }
    )
    return frame[list(COLUMNS)]


def _stable(name: str, salt: int) -> int:
    """The same number for the same name, in every process."""
    return sum(ord(letter) * (k + 1) for k, letter in enumerate(name)) + salt


def _moment(seconds: np.ndarray) -> pd.Series:
    whole = pd.Series(np.where(np.isnan(seconds), np.nan, np.round(seconds * 1e6)))
    return pd.to_datetime(whole.astype("Int64"), unit="us", utc=True).astype("datetime64[us, UTC]")
