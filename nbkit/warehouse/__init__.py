"""Warehouses: one URL opens a run history, whichever engine holds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from nbkit.errors import WarehouseURLError
from nbkit.project import find_project
from nbkit.warehouse.schema import RUN_HISTORY

if TYPE_CHECKING:
    from nbkit.warehouse.protocol import Warehouse

FORMS = (
    "duckdb:///file.duckdb (four slashes for an absolute path) or "
    "bigquery://project/dataset?location=us-west2"
)


def open_warehouse(url: str | None = None) -> Warehouse:
    """Open the run history at `url` (default: `NBKIT_WAREHOUSE`, else the demo file).

    - `duckdb:///file.duckdb`, `duckdb:////absolute/file.duckdb`; option `table=dataset.table`.
    - `bigquery://project/dataset?location=us-west2`; options in `nbkit.warehouse.bigquery_url`.

    Raises:
        WarehouseURLError: the URL cannot be read, or holds credentials.
        WarehouseError: what the URL names cannot be opened.
    """
    url = url or find_project().warehouse_url()
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise WarehouseURLError(
            "The warehouse URL holds credentials. Leave them out: BigQuery uses application "
            "default credentials (`gcloud auth application-default login`)."
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "duckdb":
        from nbkit.warehouse.duckdb import DuckDBWarehouse

        if parts.netloc or not parts.path.strip("/"):
            raise WarehouseURLError(f"{url} names no file. Write {FORMS}.")
        check_options(url, options, known=("table",))
        return DuckDBWarehouse(Path(parts.path[1:]), table=table_option(url, options))
    if parts.scheme == "bigquery":
        from nbkit.warehouse.bigquery import BigQueryWarehouse
        from nbkit.warehouse.bigquery_url import read_address

        return BigQueryWarehouse(read_address(url, parts.netloc, parts.path.strip("/"), options))
    raise WarehouseURLError(f"{url!r} is not a warehouse URL. Write {FORMS}.")


def open_history(url: str) -> Warehouse:
    """Open the run history at `url` for writing: as `open_warehouse`, but a DuckDB file or table
    that is absent is made.

    Raises:
        WarehouseURLError, WarehouseError: see `open_warehouse`.
    """
    from nbkit.errors import WarehouseForeign, WarehouseMissing

    try:
        return open_warehouse(url)
    except (WarehouseMissing, WarehouseForeign):
        parts = urlsplit(url)
        if parts.scheme != "duckdb":
            raise
        from nbkit.warehouse.duckdb_file import create_history

        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        create_history(Path(parts.path[1:]), table=table_option(url, options))
        return open_warehouse(url)


def check_options(url: str, options: Mapping[str, str], *, known: tuple[str, ...]) -> None:
    """Refuse an option that means nothing: a misspelt limit would silently not limit."""
    for option in options:
        if option not in known:
            raise WarehouseURLError(f"{url}: no option {option!r}; there are {', '.join(known)}.")


def table_option(url: str, options: Mapping[str, str], *, dataset: str | None = None) -> str:
    """The run history's `dataset.table`."""
    table = options.get("table") or (
        f"{dataset}.{RUN_HISTORY.split('.')[1]}" if dataset else RUN_HISTORY
    )
    if table.count(".") != 1 or not all(part for part in table.split(".")) or '"' in table:
        raise WarehouseURLError(f"{url}: table={table} should read table=dataset.table.")
    return table
