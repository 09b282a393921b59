"""Runs as Arrow tables that `rows.sql` turns into rows of the history."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from nbkit.warehouse.demo import messages
from nbkit.warehouse.demo.facts import DemoFacts, load_published
from nbkit.warehouse.demo.runs import NO_MESSAGE, NO_RECORDS, NO_TEXT, Runs

# Messages of one part of a large demo are apart from those of the next.
MESSAGES_A_PART = 100_000_000
SERIALS_A_PART = 1_000_000_000
_CATEGORIES = (
    ("Module", "configuration_error"),
    ("cannot import", "configuration_error"),
    ("certificate", "configuration_error"),
    ("already_processed", "no_data_available"),
    ("changed since", "no_data_available"),
    ("No games", "no_data_available"),
    ("No NBA games", "no_data_available"),
    ("No player", "no_data_available"),
    ("No events", "no_data_available"),
    ("No active players", "no_data_available"),
    ("Empty JSON", "no_data_available"),
    ("not available", "no_data_available"),
    ("in progress or not started", "no_data_available"),
    ("published after the game", "no_data_available"),
    ("Missing critical", "upstream_failure"),
    ("Upstream ", "upstream_failure"),
    ("stale: [", "upstream_failure"),
    ("SourceDataMissing", "upstream_failure"),
    ("missing features", "upstream_failure"),
    (messages.SWEPT, "timeout"),
    ("imeout", "timeout"),
    ("timed out", "timeout"),
    ("Deadline", "timeout"),
    ("Connection aborted", "unknown"),
    ("Expecting value", "unknown"),
)


def processors_table(facts: DemoFacts) -> pa.Table:
    """One row per processor: processor (its number), name, phase, dataset, table_name, service,
    topic, parent, missing (tables that its failed dependency checks name)."""
    blocked = load_published()["dependency_failures"]
    rows = []
    for number, p in enumerate(facts.processors):
        dataset, _, table = (p.table or "").partition(".")
        rows.append(
            {
                "processor": number,
                "name": p.name,
                "phase": p.phase,
                "dataset": dataset or None,
                "table_name": table or None,
                "service": facts.services[p.phase],
                "topic": facts.topics.get(p.phase),
                "parent": p.parent,
                "missing": blocked.get(p.name, {}).get("missing"),
            }
        )
    return pa.Table.from_pylist(rows)


def run_tables(
    facts: DemoFacts, runs: Runs, *, part: int, shift_days: int, rng: np.random.Generator
) -> tuple[pa.Table, pa.Table]:
    """The runs as numbers, and the distinct errors that they point to by `error`."""
    n = len(runs)
    shape = rng.integers(0, 100, n)
    with_message = runs.message != NO_MESSAGE
    variant = np.where(with_message, runs.message % 30, rng.integers(0, 30, n))
    said = runs.text != NO_TEXT
    # Only failed dependency checks name tables, and those differ between processors.
    kind = np.digitize(shape, (50, 80, 90, 99))
    blocked = np.where(runs.blocked, runs.processor.astype(np.int64) + 1, 0)
    key = runs.text.astype(np.int64) * 100_000 + runs.data_date
    key = ((key * 30 + variant) * 5 + kind) * 200 + blocked
    distinct, where = np.unique(key[said], return_inverse=True)
    error = np.full(n, -1, dtype=np.int64)
    error[said] = where
    texts, categories = _errors(facts, distinct, shift_days)
    numbers = pa.table(
        {
            "serial": part * SERIALS_A_PART + np.arange(n),
            "processor": runs.processor,
            "status": runs.status,
            "started": runs.started,
            "duration": pa.array(runs.duration, mask=np.isnan(runs.duration)),
            "records": pa.array(runs.records, mask=runs.records == NO_RECORDS),
            "message": pa.array(runs.message + part * MESSAGES_A_PART, mask=~with_message),
            "attempt": runs.attempt,
            "data_date": runs.data_date,
            "origin": runs.origin,
            "blocked": runs.blocked,
            "shape": shape,
            "error": pa.array(error, mask=~said),
            "team": pa.DictionaryArray.from_arrays(
                pa.array(variant.astype(np.int8)), pa.array(messages.TEAMS)
            ),
        }
    )
    errors = pa.table({"error": np.arange(distinct.size), "errors": texts, "category": categories})
    return numbers, errors


def _errors(
    facts: DemoFacts, distinct: np.ndarray[tuple[int], np.dtype[np.int64]], shift_days: int
) -> tuple[list[str], list[str]]:
    published = load_published()["dependency_failures"]
    of_template = [
        next((c for part, c in _CATEGORIES if part in text), "processing_error")
        for text in messages.templates()
    ]
    shapes = (0, 50, 80, 90, 99)
    texts, categories = [], []
    for key in distinct.tolist():
        key, blocked = divmod(key, 200)
        key, kind = divmod(key, 5)
        key, variant = divmod(key, 30)
        text, day = divmod(key, 100_000)
        name = facts.processors[blocked - 1].name if blocked else ""
        texts.append(
            messages.error_json(
                text,
                day=day + shift_days,
                variant=variant,
                shape=shapes[kind],
                missing=tuple(published.get(name, {}).get("missing", ())),
            )
        )
        categories.append(of_template[text])
    return texts, categories
