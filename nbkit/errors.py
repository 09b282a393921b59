"""The error tree. Every error a user can meet is one of these leaves.

The number is the exit code of the command line (clig.dev: 2 misuse, 3 the tool failed)::

    NbkitError
    ├── InputError                  2  what was asked cannot be done as asked
    │   ├── ParameterError          2  a notebook parameter: unknown, wrong type, bad date
    │   ├── RegistryError           2  a YAML file under registry/: syntax, key, value, cycle
    │   ├── UnknownProcessor        2  no processor of that name is registered
    │   ├── ProjectNotFound         2  no notebooks/ and registry/ above the working directory
    │   ├── NotebookNotFound        2  no notebook of that name (or one of the wrong shape)
    │   ├── WarehouseURLError       2  a warehouse URL that cannot be read
    │   ├── UnknownQuery            2  no SQL file of that name, or parameters that it does not take
    │   ├── ImportFileError         2  a file given to `nbkit import` that cannot become a warehouse
    │   ├── RunFolderError          2  a folder that is not what `nbkit run` writes
    │   └── PayloadError            2  a message or request that cannot be read
    ├── WarehouseError              3  the warehouse did not give an answer
    │   ├── WarehouseMissing        3  no file there
    │   ├── WarehouseLocked         3  another process is writing it
    │   ├── WarehouseForeign        3  not a DuckDB file, or one without a run history
    │   ├── QueryFailed             3  the engine refused the query (unknown table or column, ...)
    │   ├── QueryTooExpensive       3  the estimate is over `maximum_bytes_billed`
    │   └── QueryTimeout            3  the job did not end in time and was cancelled
    ├── GuardError                  3  guarded work was ended from outside, or ended by itself badly
    │   ├── HardTimeout             3  it was not done within its time
    │   ├── HeartbeatLost           3  it gave no sign of life for too long
    │   └── ChildDied               3  its process went away (a signal, an exit code)
    ├── BreakerOpen                 3  the last runs failed; says until when to wait
    ├── DependenciesNotReady        3  the input of a run is not there yet
    ├── NotebookFailed              3  a run of a notebook did not end well
    │   ├── CellFailed              3  a cell raised
    │   │   └── CellMisused         2  it raised an InputError, such as a parameter out of bounds
    │   ├── CellTimeout             3  a cell ran longer than allowed
    │   ├── RunTimeout              3  the whole run did
    │   └── KernelDied              3  the kernel went away (killed, out of memory)
    ├── ScheduleError               3  what ran when cannot be read or noted, so nothing is started
    ├── ReportError                 3  a report could not be rendered or stored
    ├── PublishFailed               3  a message to Pub/Sub was refused, or may not have arrived
    └── DeliveryError               3  a message did not reach its channel (it is kept for later)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class NbkitError(Exception):
    """Base of all errors raised on purpose. The message says what, where, and what to do."""

    exit_code: ClassVar[int] = 3


class InputError(NbkitError):
    """What was asked cannot be done as asked."""

    exit_code: ClassVar[int] = 2


class ParameterError(InputError):
    """A notebook parameter is unknown, of the wrong type, or not a date."""


class RegistryError(InputError):
    """A file under `registry/` is wrong; names file, line, key and the fix."""


class UnknownProcessor(InputError):
    """No processor of that name is registered; names the nearest ones."""


class ProjectNotFound(InputError):
    """No project folder (one with `notebooks/` and `registry/`) was found."""


class NotebookNotFound(InputError):
    """No notebook of that name, or it is not of the shape that nbkit runs."""


class WarehouseURLError(InputError):
    """A warehouse URL that cannot be read."""


class UnknownQuery(InputError):
    """No such query in the catalog, or parameters that it does not take."""


class ImportFileError(InputError):
    """A file that cannot become a warehouse."""


class RunFolderError(InputError):
    """A folder that is not what `nbkit run` writes."""


class PayloadError(InputError):
    """A message of Pub/Sub, or the body of a request, that cannot be read."""


class WarehouseError(NbkitError):
    """The warehouse did not give an answer."""


class WarehouseMissing(WarehouseError):
    """There is no warehouse at that place."""


class WarehouseLocked(WarehouseError):
    """Another process is writing to the file."""


class WarehouseForeign(WarehouseError):
    """The file is not a warehouse: not DuckDB, or without a run history."""


class QueryFailed(WarehouseError):
    """The engine refused the query."""


class QueryTooExpensive(WarehouseError):
    """The query would read more than `maximum_bytes_billed`."""


class QueryTimeout(WarehouseError):
    """The query did not end in time and was cancelled."""


class GuardError(NbkitError):
    """Guarded work did not end by itself, or ended badly; `evidence` says what it did last.

    `evidence` is JSON-ready: stacks, last heartbeat, log lines, memory, as far as known.
    """

    def __init__(self, message: str, *, evidence: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.evidence: Mapping[str, Any] = dict(evidence or {})


class HardTimeout(GuardError):
    """The work was not done within its time, and was ended."""


class HeartbeatLost(GuardError):
    """The work gave no sign of life for too long, and was ended."""


class ChildDied(GuardError):
    """The process of the work went away: a signal, or an exit code that is not 0."""


class BreakerOpen(NbkitError):
    """The last runs failed for real: no new one until the moment that the message names."""


class DependenciesNotReady(NbkitError):
    """The input of a run is not there yet; says what is missing and when to expect it."""


class NotebookFailed(NbkitError):
    """A run of a notebook did not end well; what it had made is kept."""


class CellFailed(NotebookFailed):
    """A cell raised an exception."""


class CellMisused(CellFailed):
    """A cell raised an InputError: its notebook was given what it cannot work with."""

    exit_code: ClassVar[int] = 2


class CellTimeout(NotebookFailed):
    """A cell ran longer than its limit."""


class RunTimeout(NotebookFailed):
    """The run as a whole took longer than its limit."""


class KernelDied(NotebookFailed):
    """The kernel went away while a cell ran."""


class ScheduleError(NbkitError):
    """The memory of the schedule cannot be used: no run is started that may have run already."""


class ReportError(NbkitError):
    """A report could not be rendered or stored; nothing half-written is left."""


class PublishFailed(NbkitError):
    """A message to a Pub/Sub topic was refused, or is not known to have arrived."""


class DeliveryError(NbkitError):
    """A message did not reach its channel; it is kept in the outbox for later."""
