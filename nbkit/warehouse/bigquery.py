"""BigQuery: the production engine, through Google's own client.

Every query has typed parameters, labels, a dry-run estimate that is held against
`maximum_bytes_billed`, a job timeout after which the job is cancelled, and retries that end in a
minute where the client's own last ten.

Options of the URL `bigquery://project/dataset`:

- `location`: where the dataset is, such as us-west2;
- `table`: the run history as `dataset.table` (default: `processor_run_history` in the URL's
  dataset, else in nba_reference);
- `maximum_bytes_billed`: bytes, or with a unit such as 5GB (default 20GB);
- `job_timeout_s`: seconds (default 120);
- `retry_s`: how long passing faults (429, 500, 502, 503, a dropped line) are retried (default 60);
- `writes`: how rows without a key go up: `auto` (few by the Storage Write API where its package is
  installed, many by a load job), `storage` or `load`;
- `api_endpoint`: an emulator on this machine, asked without credentials (also
  `BIGQUERY_EMULATOR_HOST`);
- `storage_endpoint`: host:port of its gRPC, without which an emulator gets load jobs only.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlencode, urlsplit

from nbkit.errors import QueryFailed, WarehouseURLError
from nbkit.warehouse import FORMS, catalog, check_options, table_option
from nbkit.warehouse.bigquery_errors import Limits, explain, too_expensive
from nbkit.warehouse.frames import frame_of
from nbkit.warehouse.protocol import Estimate, QueryRecord
from nbkit.warehouse.schema import CLUSTER_COLUMNS, COLUMNS, PARTITION_COLUMN, RUN_HISTORY

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd
    import pyarrow as pa
    from google.api_core.retry import Retry
    from google.cloud import bigquery

    from nbkit.warehouse.bigquery_stream import DefaultStream
    from nbkit.warehouse.protocol import Parameter

OPTIONS = (
    "location",
    "table",
    "maximum_bytes_billed",
    "job_timeout_s",
    "retry_s",
    "writes",
    "api_endpoint",
    "storage_endpoint",
)
WRITES = ("auto", "storage", "load")
DEFAULT_LIMITS = Limits(maximum_bytes_billed=20 * 10**9, job_timeout_s=120.0, retry_s=60.0)
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_REQUEST_S = 30.0  # one HTTP request; a query's answer is long-polled in shorter steps
_CANCEL_S = 10.0
_KEYED_TRIES = 5


def open_bigquery(
    url: str, project: str, dataset: str, options: Mapping[str, str]
) -> BigQueryWarehouse:
    """Open what a `bigquery://` URL names.

    Raises:
        WarehouseURLError: no project, an unknown option, or one that cannot be read.
        QueryFailed: there are no credentials on this machine.
    """
    check_options(url, options, known=OPTIONS)
    if not project or "/" in dataset:
        raise WarehouseURLError(f"{url!r} should read bigquery://project/dataset. Write {FORMS}.")
    return BigQueryWarehouse(
        project,
        table=table_option(url, options, dataset=dataset or None),
        location=options.get("location"),
        limits=Limits(
            maximum_bytes_billed=_bytes(url, options),
            job_timeout_s=_seconds(url, options, "job_timeout_s", DEFAULT_LIMITS.job_timeout_s),
            retry_s=_seconds(url, options, "retry_s", DEFAULT_LIMITS.retry_s),
        ),
        writes=_writes(url, options),
        api_endpoint=_emulator(url, options),
        storage_endpoint=_storage_emulator(url, options),
    )


class BigQueryWarehouse:
    """A run history in BigQuery. Use it as a context manager, or close it."""

    def __init__(
        self,
        project: str,
        *,
        table: str = RUN_HISTORY,
        location: str | None = None,
        limits: Limits = DEFAULT_LIMITS,
        writes: str = "auto",
        api_endpoint: str | None = None,
        storage_endpoint: str | None = None,
    ) -> None:
        """Make the client; nothing is asked of BigQuery yet.

        Args:
            project: pays for the queries, and holds the table.
            table: the run history, `dataset.table`.
            location: of the dataset; None lets BigQuery find it.
            limits: of cost, time and patience, for each query.
            writes: one of `WRITES`.
            api_endpoint: an emulator's URL; it is asked without credentials.
            storage_endpoint: `host:port` of the emulator's Storage API.

        Raises:
            QueryFailed: there are no credentials on this machine.
        """
        self._project = project
        self._table = table
        self._location = location
        self._limits = limits
        self._writes = writes
        self._api_endpoint = api_endpoint
        self._storage_endpoint = storage_endpoint
        self._stream: DefaultStream | None = None
        self._records: list[QueryRecord] = []
        with self._explained("Opening BigQuery"):
            self._client = _client(project, location, api_endpoint)

    @property
    def url(self) -> str:
        """What opens this table again. Limits are left out: they are no part of where it is."""
        dataset, name = self._table.split(".")
        options = {
            "location": self._location,
            "table": self._table if name != RUN_HISTORY.split(".")[1] else None,
            "writes": self._writes if self._writes != "auto" else None,
            "api_endpoint": self._api_endpoint,
            "storage_endpoint": self._storage_endpoint,
        }
        given = urlencode({key: value for key, value in options.items() if value}, safe=":/")
        return f"bigquery://{self._project}/{dataset}{'?' if given else ''}{given}"

    @property
    def queries(self) -> tuple[QueryRecord, ...]:
        return tuple(self._records)

    @property
    def history(self) -> str:
        return self._table

    def columns(self, table: str) -> tuple[str, ...]:
        from google.api_core.exceptions import NotFound

        with self._explained(f"Looking at {table}"):
            try:
                found = self._client.get_table(
                    f"{self._project}.{table}", retry=self._retry, timeout=_REQUEST_S
                )
            except NotFound:
                return ()
        return tuple(field.name for field in found.schema)

    def query(self, name: str, /, **parameters: Parameter) -> pd.DataFrame:
        values = catalog.query(name).bind(parameters)
        started = time.perf_counter()
        with self._explained(f"Query {name}"):
            estimate = self._dry_run(name, values)
            if estimate is not None and estimate > self._limits.maximum_bytes_billed:
                raise too_expensive(f"Query {name}", estimate, self._limits)
            table, billed = self._run(name, values)
        frame = frame_of(table)
        self._records.append(
            QueryRecord(
                name=name,
                parameters={key: catalog.shown(value) for key, value in values.items()},
                rows=len(frame),
                seconds=round(time.perf_counter() - started, 3),
                bytes_billed=billed,
                bytes_estimated=estimate,
            )
        )
        return frame

    def estimate(self, name: str, /, **parameters: Parameter) -> Estimate:
        values = catalog.query(name).bind(parameters)
        with self._explained(f"The estimate of query {name}"):
            found = self._dry_run(name, values)
        return Estimate(name, found, self._limits.maximum_bytes_billed)

    def append(self, table: str, rows: pd.DataFrame, *, key: str | None = None) -> int:
        """Append rows to `dataset.table`, all or none, without DML and its quota.

        A table that is absent is made: the run history as its schema says (partitioned and
        clustered), any other after the frame's own types. The dataset has to be there. A few rows
        go by the Storage Write API, for which see `bigquery_stream`; the rest by one load job. A
        `key` is the id of that job, which BigQuery takes once a project and location.

        Raises:
            QueryFailed: a column that the table does not have, or a value that does not fit.
            QueryTimeout: the load did not end in time; it was cancelled.
        """
        from nbkit.warehouse.bigquery_rows import check_fit, json_rows

        with self._explained(f"Appending {len(rows)} rows to {table}"):
            target = self._existing_or_new(table, rows)
            check_fit(table, target.schema, rows)
            if rows.empty:
                return 0
            if key is None and self._streamed(target, rows):
                return len(rows)
            types = {field.name: field.field_type for field in target.schema}
            lines = (json.dumps(row, ensure_ascii=False) for row in json_rows(rows, types))
            content = "\n".join(lines).encode()
            schema = [field for field in target.schema if field.name in rows.columns]
            if key is None:
                self._load(target, schema, content, job_id=None)
                return len(rows)
            return len(rows) if self._load_once(target, schema, content, key) else 0

    def execute(self, name: str, /, **parameters: Parameter) -> int:
        values = catalog.query(name).bind(parameters)
        started = time.perf_counter()
        with self._explained(f"Statement {name}"):
            estimate = self._dry_run(name, values)
            if estimate is not None and estimate > self._limits.maximum_bytes_billed:
                raise too_expensive(f"Statement {name}", estimate, self._limits)
            # Not run again when the job fails from the inside: it may have been half way.
            job = self._insert(name, self._limited_config(name, values))
            with self._cancelled_unless_done(job):
                job.result(timeout=self._limits.job_timeout_s, retry=self._retry, job_retry=None)
        changed = int(job.num_dml_affected_rows or 0)
        self._records.append(
            QueryRecord(
                name=name,
                parameters={key: catalog.shown(value) for key, value in values.items()},
                rows=changed,
                seconds=round(time.perf_counter() - started, 3),
                bytes_billed=job.total_bytes_billed,
                bytes_estimated=estimate,
            )
        )
        return changed

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._client.close()  # type: ignore[no-untyped-call]  # google ships none

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _retry(self) -> Retry:
        from google.cloud.bigquery import DEFAULT_RETRY

        # The client knows best which faults pass; only its ten minutes are too long for a report.
        return DEFAULT_RETRY.with_timeout(self._limits.retry_s).with_delay(0.5, 10.0, 2.0)

    def _config(
        self, name: str, values: Mapping[str, Parameter], **options: Any
    ) -> bigquery.QueryJobConfig:
        from google.cloud import bigquery

        return bigquery.QueryJobConfig(
            query_parameters=[
                bigquery.ScalarQueryParameter(
                    parameter.name, parameter.type, values[parameter.name]
                )
                for parameter in catalog.query(name).parameters
            ],
            labels=_labels(name),
            **options,
        )

    def _limited_config(
        self, name: str, values: Mapping[str, Parameter]
    ) -> bigquery.QueryJobConfig:
        return self._config(
            name,
            values,
            maximum_bytes_billed=self._limits.maximum_bytes_billed,
            # Should this process die, the job still ends by itself.
            job_timeout_ms=int(self._limits.job_timeout_s * 1000),
        )

    def _streamed(self, target: bigquery.Table, rows: pd.DataFrame) -> bool:
        """Append by the table's default stream; False where a load job has to do it."""
        from nbkit.warehouse import bigquery_stream

        if not self._may_stream(len(rows)):
            return False
        written = bigquery_stream.proto_rows(target.schema, rows)
        if written is None or sum(map(len, written[1])) > bigquery_stream.MOST_BYTES:
            return False
        if self._stream is None:
            self._stream = bigquery_stream.DefaultStream(
                endpoint=self._storage_endpoint, limits=self._limits
            )
        return self._stream.append(target, *written)

    def _may_stream(self, count: int) -> bool:
        from nbkit.warehouse.bigquery_stream import MOST_ROWS

        if self._writes == "load" or (self._api_endpoint and not self._storage_endpoint):
            return False
        if self._writes == "storage":
            return True
        return count <= MOST_ROWS and _has_storage_package()

    def _load_once(
        self,
        target: bigquery.Table,
        schema: list[bigquery.SchemaField],
        content: bytes,
        key: str,
    ) -> bool:
        """Load under a job id made from the key; False where an earlier job of that id did it.

        A job that failed wrote nothing, but its id is used up: the next try has a number more.
        """
        from google.api_core.exceptions import Conflict

        place = f"{target.dataset_id}.{target.table_id}"
        digest = hashlib.sha256(f"{place}\n{key}".encode()).hexdigest()[:40]
        for number in range(_KEYED_TRIES):
            job_id = f"nbkit-append-{digest}-{number}"
            # Asked first, so that rows known to be there are not sent again; of two that ask at
            # once, BigQuery refuses the second with a conflict.
            earlier = self._job(job_id)
            if earlier is None:
                try:
                    self._load(target, schema, content, job_id=job_id)
                    return True
                except Conflict:
                    earlier = self._job(job_id)
            if earlier is None:
                continue
            if earlier.state != "DONE":
                with suppress(Exception):  # how it ended is read from its state below
                    earlier.result(timeout=self._limits.job_timeout_s)
            if earlier.error_result is None:
                return False
        raise QueryFailed(
            f"Appending to {place} under the key {key!r} failed {_KEYED_TRIES} times; nothing was "
            "written. Look at the jobs named nbkit-append-… in BigQuery, mend the rows, and use "
            "another key."
        )

    def _job(self, job_id: str) -> bigquery.LoadJob | None:
        from google.api_core.exceptions import NotFound

        try:
            found: Any = self._client.get_job(
                job_id, location=self._location, retry=self._retry, timeout=_REQUEST_S
            )
            return cast("bigquery.LoadJob", found)
        except NotFound:
            return None

    def _load(
        self,
        target: bigquery.Table,
        schema: list[bigquery.SchemaField],
        content: bytes,
        *,
        job_id: str | None,
    ) -> None:
        from google.cloud import bigquery

        # Without its size a file goes up in resumable chunks, which outlive a dropped line.
        job = self._client.load_table_from_file(
            io.BytesIO(content),
            target.reference,
            job_id=job_id,
            job_config=bigquery.LoadJobConfig(
                schema=schema,
                source_format="NEWLINE_DELIMITED_JSON",
                write_disposition="WRITE_APPEND",
                labels=_labels("append"),
            ),
            timeout=_REQUEST_S,
        )
        with self._cancelled_unless_done(job):
            job.result(timeout=self._limits.job_timeout_s, retry=self._retry)

    def _dry_run(self, name: str, values: Mapping[str, Parameter]) -> int | None:
        job = self._insert(name, self._config(name, values, dry_run=True, use_query_cache=False))
        found = job.total_bytes_processed
        return None if found is None else int(found)

    def _run(self, name: str, values: Mapping[str, Parameter]) -> tuple[pa.Table, int | None]:
        from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

        config = self._limited_config(name, values)

        def attempt() -> tuple[pa.Table, int | None]:
            job = self._insert(name, config)
            with self._cancelled_unless_done(job):
                rows = job.result(
                    timeout=self._limits.job_timeout_s, retry=self._retry, job_retry=None
                )
                found = rows.to_arrow(create_bqstorage_client=self._uses_storage_api())
            return found, job.total_bytes_billed

        # A job can also fail from the inside ("jobBackendError"): then it is run again. The
        # client's own way of doing so cannot be given a deadline.
        again = DEFAULT_JOB_RETRY.with_timeout(self._limits.retry_s).with_delay(0.5, 10.0, 2.0)
        found: tuple[pa.Table, int | None] = again(attempt)()
        return found

    def _insert(self, name: str, config: bigquery.QueryJobConfig) -> bigquery.QueryJob:
        return self._client.query(
            catalog.googlesql(name, table=self._table),
            job_config=config,
            retry=self._retry,
            job_retry=None,
            timeout=_REQUEST_S,
        )

    def _existing_or_new(self, table: str, rows: pd.DataFrame) -> bigquery.Table:
        from google.api_core.exceptions import NotFound
        from google.cloud import bigquery

        from nbkit.warehouse.bigquery_rows import column_types

        place = f"{self._project}.{table}"
        with suppress(NotFound):
            return self._client.get_table(place, retry=self._retry, timeout=_REQUEST_S)
        if table == self._table:
            new = bigquery.Table(
                place,
                schema=[
                    bigquery.SchemaField(c.name, c.type, "REQUIRED" if c.required else "NULLABLE")
                    for c in COLUMNS
                ],
            )
            new.time_partitioning = bigquery.TimePartitioning(field=PARTITION_COLUMN)
            new.clustering_fields = list(CLUSTER_COLUMNS)
        else:
            new = bigquery.Table(
                place, schema=[bigquery.SchemaField(*item) for item in column_types(rows).items()]
            )
        return self._client.create_table(new, exists_ok=True, retry=self._retry, timeout=_REQUEST_S)

    def _uses_storage_api(self) -> bool:
        # It is gRPC, on a port of its own that an emulator's URL does not tell.
        return self._api_endpoint is None and _has_storage_package()

    @contextmanager
    def _cancelled_unless_done(self, job: bigquery.QueryJob | bigquery.LoadJob) -> Iterator[None]:
        """A job left running goes on billing: whatever interrupts (Ctrl-C too) cancels it."""
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from requests import RequestException

        try:
            yield
        except BaseException:
            # The reason to cancel is what the caller must hear of, not a fault while cancelling.
            with suppress(GoogleAPIError, GoogleAuthError, RequestException):
                if job.state != "DONE":
                    job.cancel(retry=None, timeout=_CANCEL_S)
            raise

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            ours = explain(error, what=what, url=self.url, limits=self._limits)
            if ours is None:
                raise
            raise ours from error


def _client(project: str, location: str | None, api_endpoint: str | None) -> bigquery.Client:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    if api_endpoint is None:
        return bigquery.Client(project=project, location=location)
    return bigquery.Client(
        project=project,
        location=location,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": api_endpoint},
    )


def _has_storage_package() -> bool:
    from importlib.util import find_spec

    return find_spec("google.cloud.bigquery_storage") is not None


def _labels(name: str) -> dict[str, str]:
    """Who asked: `INFORMATION_SCHEMA.JOBS` can then tell what each report costs."""
    from importlib.metadata import version

    return {
        "tool": "nbkit",
        "nbkit_query": name[:63],
        "nbkit_version": re.sub(r"[^a-z0-9_-]", "-", version("nbkit"))[:63],
    }


def _emulator(url: str, options: Mapping[str, str]) -> str | None:
    endpoint = options.get("api_endpoint") or os.environ.get("BIGQUERY_EMULATOR_HOST")
    if not endpoint:
        return None
    if "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    if urlsplit(endpoint).hostname not in _LOOPBACK:
        raise WarehouseURLError(
            f"{url}: {endpoint} (api_endpoint or BIGQUERY_EMULATOR_HOST) is not on this machine "
            "(127.0.0.1). It is for an emulator; leave it out to reach Google."
        )
    return endpoint


def _storage_emulator(url: str, options: Mapping[str, str]) -> str | None:
    endpoint = options.get("storage_endpoint")
    if not endpoint:
        return None
    host, _, port = endpoint.rpartition(":")
    if host.strip("[]") not in _LOOPBACK or not port.isdigit() or not _emulator(url, options):
        raise WarehouseURLError(
            f"{url}: storage_endpoint={endpoint} should read 127.0.0.1:PORT and stand beside the "
            "api_endpoint of the same emulator. Leave both out to reach Google."
        )
    return endpoint


def _writes(url: str, options: Mapping[str, str]) -> str:
    writes = options.get("writes", "auto")
    if writes not in WRITES:
        raise WarehouseURLError(f"{url}: writes={writes} should be one of {', '.join(WRITES)}.")
    if writes == "storage" and not _has_storage_package():
        raise WarehouseURLError(
            f"{url}: writes=storage needs a package: `pip install 'nbkit[gcp]'`, or leave it out."
        )
    return writes


def _bytes(url: str, options: Mapping[str, str]) -> int:
    text = options.get("maximum_bytes_billed")
    if text is None:
        return DEFAULT_LIMITS.maximum_bytes_billed
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]B)?", text.strip(), re.IGNORECASE)
    if not match or float(match[1]) == 0:
        raise WarehouseURLError(
            f"{url}: maximum_bytes_billed={text} should read like 20GB or 5000000."
        )
    return int(float(match[1]) * _UNITS[(match[2] or "").upper()])


def _seconds(url: str, options: Mapping[str, str], option: str, default: float) -> float:
    text = options.get(option)
    if text is None:
        return default
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) == 0:
        raise WarehouseURLError(f"{url}: {option}={text} should be a number of seconds above 0.")
    return float(text)
