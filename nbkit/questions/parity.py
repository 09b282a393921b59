"""Is it safe to cut over from one version of a job to the next? Both ran side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import pandas as pd

from nbkit.analysis.daily import daily_outcomes
from nbkit.analysis.liveness import freshness
from nbkit.analysis.parity import TwinRuns, compare_outputs, compare_runs
from nbkit.analysis.profiles import profiles_by
from nbkit.errors import ParameterError
from nbkit.failures import classify_counts
from nbkit.findings import verdict_of
from nbkit.findings.health import HealthRules, judge_freshness
from nbkit.findings.parity import ParityRules, judge_outputs, judge_twins
from nbkit.params import parse_moment
from nbkit.params.checked import Bounds, Days, checked
from nbkit.project import find_project
from nbkit.questions.judgements import judgement_of
from nbkit.questions.parity_report import ParityReport
from nbkit.registry.cloud_functions import CloudFunction, load_cloud_functions
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.table_files import is_table_file, read_table_file

YEAR = timedelta(days=365)


@checked
def parity(
    warehouse: Warehouse | str,
    *,
    as_of: datetime | str,
    name: str,
    left: str = "",
    right: str = "",
    keys: Sequence[str] = (),
    ignore: Sequence[str] = (),
    tolerance: Annotated[float, Bounds(least=0)] = 0.0,
    relative_tolerance: Annotated[float, Bounds(least=0)] = 0.0,
    processors: Sequence[str] = (),
    days: Days = 7,
    margins: Mapping[str, float] | None = None,
    functions: tuple[CloudFunction, ...] | None = None,
) -> ParityReport:
    """Compare the old version (left) of a job with the new one (right).

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        as_of: the runs of the `days` whole UTC days before it are compared.
        name: what the job is called, as in `registry/cloud_functions.yaml`.
        left, right: their outputs: a table (`dataset.table`), a query file (`left.sql`), or a file
            of rows (`.csv`, `.parquet`, `.jsonl`); paths from the project's root. Empty: outputs
            are not compared.
        keys: columns that name a row.
        ignore: columns that may differ.
        tolerance, relative_tolerance: by how much numbers may.
        processors: under which names the old and the new version record their runs. Empty: runs
            are not compared.
        margins: what counts as alike: `failures` (0.05: five points more), `duration` (1.5 times).

    Raises:
        ParameterError: one side without the other, no keys, or keys that a side lacks.
        InputError: a file that is not there, or cannot be read.
        WarehouseError: a table or query could not be read.
    """
    end = parse_moment(as_of)
    if isinstance(warehouse, str):
        with open_warehouse(warehouse or None) as opened:
            return parity(
                opened,
                as_of=end,
                name=name,
                left=left,
                right=right,
                keys=keys,
                ignore=ignore,
                tolerance=tolerance,
                relative_tolerance=relative_tolerance,
                processors=processors,
                days=days,
                margins=margins,
                functions=functions,
            )
    if bool(left) != bool(right):
        raise ParameterError("left and right: give both, or neither.")
    if len(processors) not in (0, 2):
        raise ParameterError("processors: name the old one and the new one, or none.")
    rules = _rules(days, dict(margins or {}))
    stop = end.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = stop - timedelta(days=days)
    outputs = None
    if left:
        try:
            outputs = compare_outputs(
                _rows(warehouse, left),
                _rows(warehouse, right),
                keys=list(keys),
                ignore=list(ignore),
                tolerance=tolerance,
                relative_tolerance=relative_tolerance,
            )
        except ValueError as problem:
            raise ParameterError(f"keys, tolerance: {problem}.") from None
    twins, stale = None, []
    if processors:
        fresh = freshness(
            warehouse.query("history_freshness", start=stop - YEAR, end=stop, as_of=stop),
            as_of=stop,
        )
        stale = judge_freshness(fresh, as_of=stop, rules=HealthRules())
        twins = _twins(warehouse, processors[0], processors[1], start, stop)
    judged = sorted(
        [
            *judge_outputs(outputs, name=name, since=start, rules=rules),
            *judge_twins(twins, name=name, since=start, rules=rules),
        ],
        key=lambda finding: -finding.severity.rank,
    )
    findings = (*stale, *judged)
    verdict = verdict_of(findings, fit_to_judge=not stale, is_complete=not findings)
    return ParityReport(
        as_of=end,
        name=name,
        window=(start, stop),
        sources=(left, right),
        outputs=outputs,
        twins=twins,
        rules=rules,
        functions=functions if functions is not None else load_cloud_functions(),
        verdict=verdict,
        findings=findings,
        judgement=judgement_of(
            warehouse,
            verdict=verdict,
            findings=findings,
            as_of=end,
            window=(start, stop),
        ),
    )


def _rules(days: int, margins: dict[str, float]) -> ParityRules:
    usual = ParityRules()
    failures = margins.pop("failures", usual.failure_margin)
    duration = margins.pop("duration", usual.duration_margin)
    if not 0 < failures < 1 or duration <= 1 or margins:
        raise ParameterError(
            "margins takes failures (between 0 and 1) and duration (above 1)"
            + (f", not {', '.join(margins)}." if margins else ".")
        )
    return ParityRules(days=days, failure_margin=failures, duration_margin=duration)


def _rows(warehouse: Warehouse, source: str) -> pd.DataFrame:
    """A file of rows, the answer of a query file, or a whole table; paths from the project's
    root."""
    if is_table_file(source):
        return read_table_file(find_project().root / source)
    is_file = source.endswith(".sql")
    return warehouse.query(str(find_project().root / source) if is_file else source)


def _twins(
    warehouse: Warehouse, left: str, right: str, start: datetime, stop: datetime
) -> TwinRuns:
    counts = warehouse.query("hourly_counts", start=start, end=stop, as_of=stop)
    histograms = warehouse.query("daily_histograms", start=start, end=stop, as_of=stop)
    own = [frame[frame["processor_name"].isin([left, right])] for frame in (counts, histograms)]
    good = own[1][(own[1]["metric"] == "duration_s") & (own[1]["outcome"] == "success")]
    return compare_runs(
        daily_outcomes(classify_counts(own[0])),
        {
            (name, str(day)): profile
            for (name, day), profile in profiles_by(good, ["processor_name", "day"]).items()
        },
        left=left,
        right=right,
    )
