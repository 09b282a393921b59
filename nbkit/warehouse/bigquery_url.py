"""What a `bigquery://` URL says.

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

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from nbkit.errors import WarehouseURLError
from nbkit.warehouse import FORMS, check_options, table_option
from nbkit.warehouse.bigquery_errors import Limits
from nbkit.warehouse.schema import RUN_HISTORY

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


@dataclass(frozen=True)
class Address:
    """Where a run history is in BigQuery, and how it is asked.

    `project` pays for the queries and holds the table; `table` is `dataset.table`; without
    `location` BigQuery finds it; the limits hold for each query; `writes` is one of `WRITES`. With
    endpoints it is an emulator, asked without credentials.
    """

    project: str
    table: str = RUN_HISTORY
    location: str | None = None
    limits: Limits = DEFAULT_LIMITS
    writes: str = "auto"
    api_endpoint: str | None = None
    storage_endpoint: str | None = None

    @property
    def url(self) -> str:
        """What opens this table again. Limits are left out: they are no part of where it is."""
        dataset, name = self.table.split(".")
        options = {
            "location": self.location,
            "table": self.table if name != RUN_HISTORY.split(".")[1] else None,
            "writes": self.writes if self.writes != "auto" else None,
            "api_endpoint": self.api_endpoint,
            "storage_endpoint": self.storage_endpoint,
        }
        given = urlencode({key: value for key, value in options.items() if value}, safe=":/")
        return f"bigquery://{self.project}/{dataset}{'?' if given else ''}{given}"


def read_address(url: str, project: str, dataset: str, options: Mapping[str, str]) -> Address:
    """Read what the parts of a `bigquery://` URL say.

    Raises:
        WarehouseURLError: no project, an unknown option, or one that cannot be read.
    """
    check_options(url, options, known=OPTIONS)
    if not project or "/" in dataset:
        raise WarehouseURLError(f"{url!r} should read bigquery://project/dataset. Write {FORMS}.")
    return Address(
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


def has_storage_package() -> bool:
    from importlib.util import find_spec

    return find_spec("google.cloud.bigquery_storage") is not None


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
    if writes == "storage" and not has_storage_package():
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
