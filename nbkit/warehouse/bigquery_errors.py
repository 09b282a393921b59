"""What Google's client raises, in words that say what to do.

BigQuery reports one trouble in several ways (an HTTP status, a `reason` inside a finished job, a
`RetryError` around either): here they become one of our errors each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbkit.errors import QueryFailed, QueryTimeout, QueryTooExpensive, WarehouseError

LOGIN = "Run `gcloud auth application-default login`"


@dataclass(frozen=True)
class Limits:
    """How much one query may read, how long its job may run, how long faults are retried."""

    maximum_bytes_billed: int
    job_timeout_s: float
    retry_s: float


def explain(error: Exception, *, what: str, url: str, limits: Limits) -> WarehouseError | None:
    """Our error for one of the client's, or None where it is not the client's.

    Args:
        error: what was caught.
        what: the subject of the sentence, such as "Query hourly_counts".
        url: the warehouse, for the reader to check.
        limits: those that held; a message that speaks of one names it.
    """
    from google.api_core import exceptions
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
    from requests import RequestException

    if isinstance(error, exceptions.RetryError):
        cause = _first_cause(error)
        return QueryFailed(
            f"{what}: BigQuery did not answer within {limits.retry_s:g} s of retries "
            f"({_words(cause)}). Try again later; https://status.cloud.google.com says whether "
            "Google knows."
        )
    if isinstance(error, DefaultCredentialsError):
        return QueryFailed(
            f"There are no Google credentials on this machine. {LOGIN}, or set "
            "GOOGLE_APPLICATION_CREDENTIALS to a service account's key."
        )
    if isinstance(error, GoogleAuthError):
        return QueryFailed(f"{what}: Google refused the credentials: {_words(error)}. {LOGIN}.")
    if _is_timeout(error):
        return QueryTimeout(
            f"{what} did not end within {limits.job_timeout_s:g} s and was cancelled. Ask for a "
            "shorter window, or raise job_timeout_s=… in the warehouse URL."
        )
    if _has_reason(error, "bytesBilledLimitExceeded", words="bytes billed"):
        return too_expensive(what, None, limits)
    if isinstance(error, exceptions.NotFound):
        return QueryFailed(
            f"{what}: {_words(error)}. Check project, dataset, ?table= and ?location= in {url}; "
            "a dataset is only found in its own location."
        )
    if _has_reason(error, "quotaExceeded", "rateLimitExceeded", words="quota"):
        return QueryFailed(
            f"{what}: a quota of the project is used up: {_words(error)}. Wait for it to refill, "
            "or have it raised (IAM & Admin > Quotas)."
        )
    if isinstance(error, exceptions.Forbidden):
        return QueryFailed(
            f"{what} was refused: {_words(error)}. The account needs the roles BigQuery Job User "
            "(on the project), Data Viewer (Data Editor to append) and Read Session User."
        )
    if isinstance(error, exceptions.BadRequest):
        return QueryFailed(
            f"{what} was refused by the engine: {_words(error)}. Compare the table's columns "
            f"with nbkit/warehouse/schema.py, or name another table with ?table= ({url})."
        )
    if isinstance(error, (exceptions.GoogleAPIError, RequestException)):
        return QueryFailed(f"{what} failed: {_words(error)} ({url}).")
    return None


def too_expensive(what: str, estimate: int | None, limits: Limits) -> QueryTooExpensive:
    """The refusal that names estimate and limit (the estimate is None where only BigQuery knew)."""
    reads = f"about {size(estimate)}" if estimate is not None else "more than was estimated"
    return QueryTooExpensive(
        f"{what} would read {reads}, over the limit of {size(limits.maximum_bytes_billed)}. "
        "Ask for a shorter window, or raise maximum_bytes_billed=… in the warehouse URL "
        "(such as maximum_bytes_billed=50GB)."
    )


def size(count: int) -> str:
    """Bytes for people, in the decimal units of BigQuery's price list."""
    for unit, scale in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} bytes"


def _is_timeout(error: Exception) -> bool:
    from google.api_core import exceptions

    if isinstance(error, (TimeoutError, exceptions.DeadlineExceeded)):
        return True
    # BigQuery ends a job at its own job_timeout_ms with the reason "stopped".
    return _has_reason(error, "stopped", "timeout") or "job timed out" in str(error).lower()


def _has_reason(error: Exception, *reasons: str, words: str | None = None) -> bool:
    from google.api_core import exceptions

    if not isinstance(error, exceptions.GoogleAPICallError):
        return False
    found = {item.get("reason") for item in error.errors if isinstance(item, dict)}
    if found & set(reasons):
        return True
    # Only refusals: a column may well be called "quota".
    is_refusal = isinstance(error, (exceptions.Forbidden, exceptions.TooManyRequests))
    return bool(words) and is_refusal and str(words) in str(error).lower()


def _first_cause(error: BaseException) -> BaseException:
    from google.api_core import exceptions

    while isinstance(error, exceptions.RetryError) and error.cause is not None:
        error = error.cause
    return error


def _words(error: BaseException) -> str:
    """The engine's own words on one line, without the client's request line and footer."""
    text = str(getattr(error, "message", None) or error).split("\n\nLocation:")[0]
    text = re.sub(r"^(GET|POST|PUT|PATCH|DELETE) \S+: ", "", text)
    # A failed job's message is followed by all its errors; often the same words once more.
    first, _, others = text.partition("; reason: ")
    if others.count("message: ") == 1 and others.endswith(f"message: {first}"):
        text = first
    return " ".join(text.split()).rstrip(".")[:600]
