"""What every warehouse can do, whichever engine is behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date, datetime
    from types import TracebackType
    from typing import Self

    import pandas as pd

    Parameter = str | int | float | bool | datetime | date | None


@dataclass(frozen=True)
class QueryRecord:
    """One query as it ran: goes into the manifest and the report's footer."""

    name: str
    parameters: dict[str, str]
    rows: int
    seconds: float
    bytes_billed: int | None  # None where the engine does not bill
    bytes_estimated: int | None


@dataclass(frozen=True)
class Estimate:
    """What a query would read. `bytes` is None where the engine cannot tell beforehand."""

    name: str
    bytes: int | None
    maximum_bytes_billed: int | None


class Warehouse(Protocol):
    """A run history that can be asked by the name of a catalog query."""

    @property
    def url(self) -> str:
        """The URL without credentials."""
        ...

    @property
    def queries(self) -> tuple[QueryRecord, ...]:
        """What has been asked so far, in order."""
        ...

    @property
    def history(self) -> str:
        """The run history's table, `dataset.table`."""
        ...

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table (`dataset.table`), in order; none where there is no such table."""
        ...

    def query(self, name: str, /, **parameters: Parameter) -> pd.DataFrame:
        """Run `sql/<name>.sql`. Timestamps come back as UTC, integers nullable (Int64), dates
        as db-dtypes `dbdate`; equal frames whichever engine.

        Raises:
            UnknownQuery: no such file, or a parameter missing, unknown or of the wrong type.
            WarehouseError: one of its leaves.
        """
        ...

    def estimate(self, name: str, /, **parameters: Parameter) -> Estimate:
        """What `query` with the same arguments would read, without running it."""
        ...

    def append(self, table: str, rows: pd.DataFrame, *, key: str | None = None) -> int:
        """Append rows to a table (`dataset.table`); returns how many were written.

        All of them or none. With a `key` they are written once, however often and from wherever
        this is called with the same key for that table: 0 says that they had been written before.
        An error says that it is not known; call again with the same key. Without a key, a row may
        stand twice on BigQuery after a fault of the network.
        """
        ...

    def sql(self, name: str, /) -> str:
        """What `query` or `execute` of that name sends to the engine.

        Raises:
            UnknownQuery: no such file.
        """
        ...

    def execute(self, name: str, /, **parameters: Parameter) -> int:
        """Run `sql/statements/<name>.sql`, which changes data or a table; returns the rows that it
        changed (0 for a table).

        Raises:
            UnknownQuery: no such file, or a parameter missing, unknown or of the wrong type.
            WarehouseError: one of its leaves; nothing was changed.
        """
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
