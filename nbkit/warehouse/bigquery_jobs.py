"""Jobs in BigQuery: labelled, ended in time, and load jobs that write once."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from nbkit.errors import QueryFailed, QueryTimeout

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud import bigquery

    from nbkit.warehouse.bigquery_errors import Limits

REQUEST_S = 30.0  # one HTTP request; a query's answer is long-polled in shorter steps
_CANCEL_S = 10.0
_KEYED_TRIES = 5
_SEEN_WITHIN_S = 10.0


def retry_within(limits: Limits) -> Retry:
    """The client's own retry: it knows best which faults pass. Only its ten minutes are too long
    for a report."""
    from google.cloud.bigquery import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(limits.retry_s).with_delay(0.5, 10.0, 2.0)


def labels(name: str) -> dict[str, str]:
    """Who asked: `INFORMATION_SCHEMA.JOBS` can then tell what each report costs."""
    from importlib.metadata import version

    return {
        "tool": "nbkit",
        "nbkit_query": re.sub(r"[^a-z0-9_-]", "-", name.lower())[-63:],
        "nbkit_version": re.sub(r"[^a-z0-9_-]", "-", version("nbkit"))[:63],
    }


@contextmanager
def cancelled_unless_done(job: bigquery.QueryJob | bigquery.LoadJob) -> Iterator[None]:
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


def load(
    client: bigquery.Client,
    target: bigquery.Table,
    schema: Sequence[bigquery.SchemaField],
    content: bytes,
    *,
    limits: Limits,
    job_id: str | None = None,
) -> None:
    """Append lines of JSON to a table by one load job: all or none.

    Raises:
        google.api_core.exceptions.Conflict: a job of that id was there before.
        google.api_core.exceptions.GoogleAPIError, TimeoutError: as the client raises.
    """
    from google.cloud import bigquery

    # Without its size a file goes up in resumable chunks, which outlive a dropped line.
    job = client.load_table_from_file(
        io.BytesIO(content),
        target.reference,
        job_id=job_id,
        location=target.location,
        job_config=bigquery.LoadJobConfig(
            schema=schema,
            source_format="NEWLINE_DELIMITED_JSON",
            write_disposition="WRITE_APPEND",
            labels=labels("append"),
        ),
        timeout=REQUEST_S,
    )
    with cancelled_unless_done(job):
        job.result(timeout=limits.job_timeout_s, retry=retry_within(limits))


def load_once(
    client: bigquery.Client,
    target: bigquery.Table,
    schema: Sequence[bigquery.SchemaField],
    content: bytes,
    *,
    key: str,
    limits: Limits,
) -> bool:
    """Load under a job id made from table and key; False where an earlier job of that id did it.

    BigQuery takes an id once a project and location, and knows it for half a year. A job that
    failed wrote nothing, but its id is used up: the next try has a number more.

    Raises:
        QueryTimeout: another's job of that key is still running.
        QueryFailed: all tries failed.
        google.api_core.exceptions.GoogleAPIError, TimeoutError: see `load`.
    """
    from google.api_core.exceptions import Conflict

    place = f"{target.dataset_id}.{target.table_id}"
    digest = hashlib.sha256(f"{place}\n{key}".encode()).hexdigest()[:40]
    for number in range(_KEYED_TRIES):
        job_id = f"nbkit-append-{digest}-{number}"
        # Asked first, so that rows known to be there are not sent again; of two that ask at once,
        # BigQuery refuses the second with a conflict.
        earlier = _job(client, job_id, target, limits)
        if earlier is None:
            try:
                load(client, target, schema, content, limits=limits, job_id=job_id)
                return True
            except Conflict:
                earlier = _job_seen_late(client, job_id, target, limits)
        if earlier is None:
            raise QueryFailed(
                f"Appending to {place} under the key {key!r}: BigQuery says that its job {job_id} "
                "exists, and does not show it. It is not known whether it wrote the rows: look at "
                "it in the console."
            )
        if earlier.state != "DONE":
            with suppress(Exception):  # how it ended is read from its state below
                earlier.result(timeout=limits.job_timeout_s)
        if earlier.state != "DONE":
            raise QueryTimeout(
                f"Appending to {place} under the key {key!r}: another process does it (job "
                f"{job_id}) and is not done after {limits.job_timeout_s:g} s. Try again later with "
                "the same key: the rows are written once."
            )
        if earlier.error_result is None:
            return False
    raise QueryFailed(
        f"Appending to {place} under the key {key!r} failed {_KEYED_TRIES} times; nothing was "
        f"written. Look at the jobs nbkit-append-{digest}-… in BigQuery, mend the rows, and use "
        "another key."
    )


def _job(
    client: bigquery.Client, job_id: str, target: bigquery.Table, limits: Limits
) -> bigquery.LoadJob | None:
    from google.api_core.exceptions import NotFound

    try:
        found: Any = client.get_job(
            job_id,
            # A job is found in its own location only, which is its table's.
            location=target.location,
            retry=retry_within(limits),
            timeout=REQUEST_S,
        )
    except NotFound:
        return None
    return cast("bigquery.LoadJob", found)


def _job_seen_late(
    client: bigquery.Client, job_id: str, target: bigquery.Table, limits: Limits
) -> bigquery.LoadJob | None:
    """The job of an id that is taken: another's, which may be seen a moment later only."""
    until = time.monotonic() + _SEEN_WITHIN_S
    while True:
        found = _job(client, job_id, target, limits)
        if found is not None or time.monotonic() > until:
            return found
        time.sleep(0.2)
