"""Evidence is JSON, whatever library a number came from."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from nbkit.findings import Finding, Severity
from nbkit.findings.plain import plain


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.int64(3), 3),
        (np.float32(2.5), 2.5),
        (np.bool_(True), True),
        (float("nan"), None),
        (np.float64("-inf"), None),
        (pd.NA, None),
        (pd.NaT, None),
        (timedelta(minutes=1), 60.0),
        (pd.Timedelta("1h"), 3_600.0),
        (date(2026, 1, 13), "2026-01-13"),
        (pd.Timestamp("2026-01-13T12:00Z"), "2026-01-13T12:00:00+00:00"),
        (np.datetime64("2026-01-13"), "2026-01-13"),
        (Severity.WARNING, "warning"),
        ((1, {"a": np.array([1, 2])}), [1, {"a": [1, 2]}]),
        ({np.int64(7): frozenset({"x"})}, {"7": ["x"]}),
        (ValueError("odd"), "odd"),
    ],
)
def test_values_are_as_json_has_them(value: object, said: object) -> None:
    assert plain(value) == said
    assert type(plain(value)) is type(said)


def test_a_finding_is_json_with_numpys_numbers_in_its_evidence() -> None:
    finding = Finding(
        kind="x",
        subject="A",
        severity=Severity.INFO,
        title="t",
        since=datetime(2026, 1, 13, tzinfo=UTC),
        owner="o",
        next_step="n",
        fingerprint="x:A",
        evidence={"runs": np.int64(3), "worst": np.nan},
    )
    told = json.loads(json.dumps(finding.to_json(), allow_nan=False))
    assert told["evidence"] == {"runs": 3, "worst": None}
