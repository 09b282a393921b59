"""BigQuery: the production engine, through Google's own client.

Every query has typed parameters, labels, a dry-run estimate that is held against
`maximum_bytes_billed`, a job timeout after which the job is cancelled, and retries that end in
minutes instead of the client's ten.

Options of the URL `bigquery://project/dataset`:

- `location`: where the dataset is, such as us-west2;
- `table`: the run history as `dataset.table` (default: `processor_run_history` in the URL's
  dataset, else nba_reference);
- `maximum_bytes_billed`: bytes, or with a unit such as 5GB (default 20GB);
- `job_timeout_s`: seconds (default 120);
- `api_endpoint`: an emulator on this machine, without credentials.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from nbkit.errors import QueryFailed, QueryTimeout, QueryTooExpensive, WarehouseURLError
from nbkit.warehouse import FORMS, catalog, check_options, table_option
from nbkit.warehouse.frames import frame_of
from nbkit.warehouse.protocol import Estimate, QueryRecord
from nbkit.warehouse.schema import COLUMNS, RUN_HISTORY

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd
    from google.cloud import bigquery

    from nbkit.warehouse.protocol import Parameter

OPTIONS = ("location", "table", "maximum_bytes_billed", "job_timeout_s", "api_endpoint")
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_RETRY_S = 60.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
    endpoint = options.get("api_endpoint")
    if endpoint and urlsplit(endpoint).hostname not in _LOOPBACK:
        raise WarehouseURLError(
            f"{url}: api_endpoint is for an emulator on this machine (127.0.0.1); leave it out "
            "to reach Google."
        )
    return BigQueryWarehouse(
        project,
        table=table_option(url, options, dataset=dataset or None),
        location=options.get("location"),
        maximum_bytes_billed=_bytes(url, options.get("maximum_bytes_billed", "20GB")),
        job_timeout_s=_seconds(url, options.get("job_timeout_s", "120")),
        api_endpoint=endpoint,
    )


class BigQueryWarehouse:
    """A run history in BigQuery. Use it as a context manager, or close it."""

    def __init__(
        self,
        project: str,
        *,
        table: str = RUN_HISTORY,
        location: str | None = None,
        maximum_bytes_billed: int = 20 * 10**9,
        job_timeout_s: float = 120.0,
        api_endpoint: str | None = None,
        retry_s: float = _RETRY_S,
    ) -> None:
        self._project = project
        self._table = table
        self._location = location
        self._maximum_bytes_billed = maximum_bytes_billed
        self._job_timeout_s = job_timeout_s
        self._is_emulator = api_endpoint is not None
        self._records: list[QueryRecord] = []
        self._client = _client(project, location, api_endpoint)
        self._retry = _retry(retry_s)

    @property
    def url(self) -> str:
        place = f"?location={self._location}" if self._location else ""
        return f"bigquery://{self._project}/{self._table.split('.')[0]}{place}"

    @property
    def queries(self) -> tuple[QueryRecord, ...]:
        return tuple(self._records)

    def query(self, name: str, /, **parameters: Parameter) -> pd.DataFrame:
        values = catalog.query(name).bind(parameters)
        estimate = self._estimate(name, values)
        if estimate is not None and estimate > self._maximum_bytes_billed:
            raise QueryTooExpensive(
                f"Query {name} would read {_size(estimate)}, over the limit of "
                f"{_size(self._maximum_bytes_billed)}. Ask for a shorter window, or raise "
                "maximum_bytes_billed=… in the warehouse URL."
            )
        started = time.perf_counter()
        job, table = self._run(name, values)
        frame = frame_of(table)
        self._records.append(
            QueryRecord(
                name=name,
                parameters={key: catalog.shown(value) for key, value in values.items()},
                rows=len(frame),
                seconds=round(time.perf_counter() - started, 3),
                bytes_billed=job.total_bytes_billed,
                bytes_estimated=estimate,
            )
        )
        return frame

    def estimate(self, name: str, /, **parameters: Parameter) -> Estimate:
        values = catalog.query(name).bind(parameters)
        return Estimate(name, self._estimate(name, values), self._maximum_bytes_billed)

    def append(self, table: str, rows: pd.DataFrame) -> int:
        """Append rows by one load job, never by row-wise DML (its quotas broke the platform)."""
        import io
        import json

        from google.cloud import bigquery

        kinds: dict[str, str] = {}
        if table == self._table:
            kinds = {column.name: column.type for column in COLUMNS}
        config = bigquery.LoadJobConfig(
            write_disposition="WRITE_APPEND",
            source_format="NEWLINE_DELIMITED_JSON",
            labels=_labels("append"),
        )
        if kinds:
            config.schema = [
                bigquery.SchemaField(
                    column.name, column.type, "REQUIRED" if column.required else "NULLABLE"
                )
                for column in COLUMNS
                if column.name in rows.columns
            ]
        else:
            config.autodetect = True
        payload = io.BytesIO(
            b"\n".join(
                json.dumps(
                    {
                        str(key): _json_value(value, is_json=kinds.get(str(key)) == "JSON")
                        for key, value in row.items()
                        if not _is_null(value)
                    },
                    ensure_ascii=False,
                ).encode()
                for row in rows.to_dict("records")
            )
        )

        def load() -> Any:
            # Without a size the client uploads in resumable chunks, which survive a dropped line.
            job = self._client.load_table_from_file(
                payload,
                f"{self._project}.{table}",
                rewind=True,
                job_config=config,
                timeout=self._job_timeout_s,
            )
            return job.result(timeout=self._job_timeout_s, retry=self._retry)

        self._explained(f"Appending {len(rows)} rows to {table}", load)
        return len(rows)

    def close(self) -> None:
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

    def _config(self, name: str, values: Mapping[str, Parameter], **options: Any) -> Any:
        from google.cloud import bigquery

        kinds = {p.name: p.type for p in catalog.query(name).parameters}
        return bigquery.QueryJobConfig(
            query_parameters=[
                bigquery.ScalarQueryParameter(key, kinds[key], value)
                for key, value in values.items()
            ],
            labels=_labels(name),
            use_query_cache=True,
            **options,
        )

    def _estimate(self, name: str, values: Mapping[str, Parameter]) -> int | None:
        text = catalog.googlesql(name, table=self._table)

        def dry_run() -> Any:
            return self._client.query(
                text,
                job_config=self._config(name, values, dry_run=True),
                retry=self._retry,
                job_retry=None,
                timeout=self._job_timeout_s,
            ).total_bytes_processed

        found = self._explained(f"Query {name}", dry_run)
        return None if found is None else int(found)

    def _run(self, name: str, values: Mapping[str, Parameter]) -> tuple[bigquery.QueryJob, Any]:
        config = self._config(
            name,
            values,
            maximum_bytes_billed=self._maximum_bytes_billed,
            job_timeout_ms=int(self._job_timeout_s * 1000),
        )
        text = catalog.googlesql(name, table=self._table)
        job = self._explained(
            f"Query {name}",
            lambda: self._client.query(
                text,
                job_config=config,
                retry=self._retry,
                job_retry=None,
                timeout=self._job_timeout_s,
            ),
        )
        try:
            return job, self._explained(
                f"Query {name}",
                lambda: job.result(timeout=self._job_timeout_s, retry=self._retry).to_arrow(
                    create_bqstorage_client=not self._is_emulator and _has_storage_api()
                ),
            )
        except BaseException:  # a timeout and Ctrl-C alike: a job left running goes on billing
            self._cancel(job)
            raise

    def _cancel(self, job: bigquery.QueryJob) -> None:
        from google.api_core.exceptions import GoogleAPIError
        from requests import RequestException

        try:
            if job.state != "DONE":
                job.cancel(retry=None, timeout=10)
        except (GoogleAPIError, RequestException):
            pass  # the reason to cancel is what the caller must hear of

    def _explained(self, what: str, work: Callable[[], Any]) -> Any:
        """Do it, and turn the client's errors into ours."""
        import concurrent.futures

        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError
        from requests import RequestException

        try:
            return work()
        except (concurrent.futures.TimeoutError, exceptions.DeadlineExceeded) as error:
            raise QueryTimeout(
                f"{what} did not end within {self._job_timeout_s:g} s and was cancelled. Ask for a "
                "shorter window, or raise job_timeout_s=… in the warehouse URL."
            ) from error
        except exceptions.NotFound as error:
            raise QueryFailed(
                f"{what}: {_words(error)}. Check project, dataset, table and location "
                f"({self.url}; history table {self._table})."
            ) from error
        except exceptions.Forbidden as error:
            hint = (
                "Ask for less or wait"
                if "quota" in str(error).lower() or "bytes billed" in str(error).lower()
                else "It takes the roles BigQuery Data Viewer and Job User"
            )
            raise QueryFailed(f"{what} was refused: {_words(error)}. {hint}.") from error
        except exceptions.RetryError as error:
            raise QueryFailed(
                f"{what}: BigQuery did not answer within {_RETRY_S:g} s of retries: "
                f"{_words(error.cause or error)}. Try again later."
            ) from error
        except (exceptions.GoogleAPIError, RequestException) as error:
            raise QueryFailed(f"{what} failed: {_words(error)}. ({self.url})") from error
        except GoogleAuthError as error:
            raise QueryFailed(
                f"{what}: {_words(error)}. Run `gcloud auth application-default login`."
            ) from error


def _client(project: str, location: str | None, api_endpoint: str | None) -> bigquery.Client:
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import DefaultCredentialsError
    from google.cloud import bigquery

    if api_endpoint:
        return bigquery.Client(
            project=project,
            location=location,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": api_endpoint},
        )
    try:
        return bigquery.Client(project=project, location=location)
    except DefaultCredentialsError as error:
        raise QueryFailed(
            "There are no Google credentials on this machine. Run "
            "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS."
        ) from error


def _retry(deadline_s: float) -> Any:
    from google.api_core import exceptions, retry
    from requests import ConnectionError as Dropped
    from requests import Timeout

    return retry.Retry(
        predicate=retry.if_exception_type(
            exceptions.TooManyRequests,
            exceptions.InternalServerError,
            exceptions.BadGateway,
            exceptions.ServiceUnavailable,
            Dropped,
            Timeout,
        ),
        initial=0.5,
        maximum=10.0,
        multiplier=2.0,
        timeout=deadline_s,
    )


def _labels(name: str) -> dict[str, str]:
    from importlib.metadata import version

    return {
        "tool": "nbkit",
        "nbkit_query": name[:63],
        "nbkit_version": version("nbkit").replace(".", "-")[:63],
    }


def _has_storage_api() -> bool:
    from importlib.util import find_spec

    return find_spec("google.cloud.bigquery_storage") is not None


def _json_value(value: Any, *, is_json: bool) -> Any:
    import json

    if is_json and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value  # a truncated document is kept as the string that it is
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def _is_null(value: Any) -> bool:
    import pandas as pd

    return not isinstance(value, (list, dict)) and bool(pd.isna(value))


def _bytes(url: str, text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise WarehouseURLError(f"{url}: maximum_bytes_billed={text} should read 20GB or a number.")
    return int(float(match[1]) * _UNITS[(match[2] or "").upper()])


def _seconds(url: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if value <= 0:
        raise WarehouseURLError(f"{url}: job_timeout_s={text} should be a number of seconds.")
    return value


def _size(count: int) -> str:
    for unit, size in reversed(_UNITS.items()):
        if unit and count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _words(error: BaseException) -> str:
    text = getattr(error, "message", None) or str(error)
    return " ".join(str(text).split()).rstrip(".")[:400]
