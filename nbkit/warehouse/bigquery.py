"""BigQuery: the production engine, through Google's own client.

Every query has typed parameters, labels, a dry-run estimate that is held against
`maximum_bytes_billed`, a job timeout after which the job is cancelled, and retries that end in a
minute where the client's own last ten. Rows go up by stream (`bigquery_stream`) or by load job
(`bigquery_jobs`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from nbkit.warehouse import catalog
from nbkit.warehouse.bigquery_errors import explain, too_expensive
from nbkit.warehouse.bigquery_jobs import (
    REQUEST_S,
    cancelled_unless_done,
    labels,
    load,
    load_once,
    retry_within,
)
from nbkit.warehouse.bigquery_url import Address, has_storage_package
from nbkit.warehouse.frames import frame_of
from nbkit.warehouse.protocol import Estimate, QueryRecord
from nbkit.warehouse.schema import CLUSTER_COLUMNS, COLUMNS, PARTITION_COLUMN

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd
    import pyarrow as pa
    from google.cloud import bigquery

    from nbkit.warehouse.bigquery_stream import DefaultStream
    from nbkit.warehouse.protocol import Parameter


class BigQueryWarehouse:
    """A run history in BigQuery. Use it as a context manager, or close it."""

    def __init__(self, address: Address) -> None:
        """Make the client; nothing is asked of BigQuery yet.

        Raises:
            QueryFailed: there are no credentials on this machine.
        """
        self._address = address
        self._project = address.project
        self._table = address.table
        self._limits = address.limits
        self._retry = retry_within(address.limits)
        self._stream: DefaultStream | None = None
        self._records: list[QueryRecord] = []
        with self._explained("Opening BigQuery"):
            self._client = _client(address)

    @property
    def url(self) -> str:
        return self._address.url

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
                    f"{self._project}.{table}", retry=self._retry, timeout=REQUEST_S
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
                load(self._client, target, schema, content, limits=self._limits)
                return len(rows)
            written = load_once(self._client, target, schema, content, key=key, limits=self._limits)
        return len(rows) if written else 0

    def sql(self, name: str, /) -> str:
        return catalog.googlesql(name, table=self._table)

    def execute(self, name: str, /, **parameters: Parameter) -> int:
        values = catalog.query(name).bind(parameters)
        started = time.perf_counter()
        with self._explained(f"Statement {name}"):
            estimate = self._dry_run(name, values)
            if estimate is not None and estimate > self._limits.maximum_bytes_billed:
                raise too_expensive(f"Statement {name}", estimate, self._limits)
            # Not run again when the job fails from the inside: it may have been half way.
            job = self._insert(name, self._limited_config(name, values))
            with cancelled_unless_done(job):
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
            labels=labels(name),
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
                endpoint=self._address.storage_endpoint, limits=self._limits
            )
        return self._stream.append(target, *written)

    def _may_stream(self, count: int) -> bool:
        from nbkit.warehouse.bigquery_stream import MOST_ROWS

        if self._address.writes == "load" or (
            self._address.api_endpoint and not self._address.storage_endpoint
        ):
            return False
        if self._address.writes == "storage":
            return True
        return count <= MOST_ROWS and has_storage_package()

    def _dry_run(self, name: str, values: Mapping[str, Parameter]) -> int | None:
        job = self._insert(name, self._config(name, values, dry_run=True, use_query_cache=False))
        found = job.total_bytes_processed
        return None if found is None else int(found)

    def _run(self, name: str, values: Mapping[str, Parameter]) -> tuple[pa.Table, int | None]:
        from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

        config = self._limited_config(name, values)

        def attempt() -> tuple[pa.Table, int | None]:
            job = self._insert(name, config)
            with cancelled_unless_done(job):
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
            self.sql(name),
            job_config=config,
            retry=self._retry,
            job_retry=None,
            timeout=REQUEST_S,
        )

    def _existing_or_new(self, table: str, rows: pd.DataFrame) -> bigquery.Table:
        from google.api_core.exceptions import NotFound
        from google.cloud import bigquery

        from nbkit.warehouse.bigquery_rows import column_types

        place = f"{self._project}.{table}"
        with suppress(NotFound):
            return self._client.get_table(place, retry=self._retry, timeout=REQUEST_S)
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
        return self._client.create_table(new, exists_ok=True, retry=self._retry, timeout=REQUEST_S)

    def _uses_storage_api(self) -> bool:
        # It is gRPC, on a port of its own that an emulator's URL does not tell.
        return self._address.api_endpoint is None and has_storage_package()

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            ours = explain(error, what=what, url=self.url, limits=self._limits)
            if ours is None:
                raise
            raise ours from error


def _client(address: Address) -> bigquery.Client:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    if address.api_endpoint is None:
        return bigquery.Client(project=address.project, location=address.location)
    return bigquery.Client(
        project=address.project,
        location=address.location,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": address.api_endpoint},
    )
