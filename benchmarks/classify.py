"""How long it takes to classify a month of run history, beside judging each row on its own.

    python benchmarks/classify.py [ROWS]

Prints seconds and rows a second of `classify_history` over ROWS rows (default 270,000) that fail as
the platform's do: few kinds of messages, each with its own dates and game ids. "Cold" has judged
nothing before, "again" is the second call in one process. The baseline is `classify` row by row
with its memory of shapes emptied before each, which is what judging distinct inputs once saves.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from nbkit.failures import classify, classify_history
from nbkit.failures.classify import _judge_shape

MESSAGES = Path(__file__).parents[1] / "tests" / "data" / "error_messages_dev.csv"
BASELINE_ROWS = 500


def history(rows: int) -> pd.DataFrame:
    """Failed runs of 60 processors over 105 days, each message with its own date and game."""
    with MESSAGES.open(newline="", encoding="utf-8") as file:
        templates = [row["message"] for row in csv.DictReader(file)]
    rng = np.random.default_rng(20260113)
    days = pd.date_range("2025-10-01", periods=105).strftime("%Y-%m-%d").to_numpy()
    errors = [
        json.dumps([{"message": f"{templates[kind]} ({day}, game 00225{game:05d})"}])
        for kind, day, game in zip(
            rng.integers(0, len(templates), rows),
            rng.choice(days, rows),
            rng.integers(0, 1230, rows),
            strict=True,
        )
    ]
    return pd.DataFrame(
        {
            "status": rng.choice(["failed", "failed", "failed", "success"], rows),
            "failure_category": None,
            "skip_reason": None,
            "processor_name": rng.choice([f"Demo{n}Processor" for n in range(60)], rows),
            "phase": "phase_2_raw",
            "errors": errors,
        }
    )


def seconds(runs: pd.DataFrame) -> float:
    begin = time.perf_counter()
    classify_history(runs)
    return time.perf_counter() - begin


def main(rows: int) -> None:
    worst = history(rows)
    # As it is in the table: redeliveries and polls repeat a message word for word.
    repeated = worst.sample(
        n=rows, replace=True, random_state=1, weights=np.arange(rows) < rows / 9
    )
    for name, runs in (("repeated", repeated), ("all different", worst)):
        _judge_shape.cache_clear()
        cold, again = seconds(runs), seconds(runs)
        distinct = len(runs[["status", "processor_name", "errors"]].drop_duplicates())
        print(
            f"{name:14} {rows:,} rows, {distinct:,} distinct inputs: "
            f"cold {cold:.2f} s ({rows / cold:,.0f} rows/s), again {again:.2f} s"
        )
    begin = time.perf_counter()
    for row in worst.head(BASELINE_ROWS).itertuples():
        _judge_shape.cache_clear()
        classify(row.errors, status=row.status, processor_name=row.processor_name)
    each = (time.perf_counter() - begin) / BASELINE_ROWS
    print(
        f"{'row by row':14} {each * rows:.0f} s for {rows:,} rows (baseline, from {BASELINE_ROWS})"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 270_000)
