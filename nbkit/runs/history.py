"""Record runs: a `running` row, heartbeats, and an end that says why, whatever happens.

The end is written when the block ends by itself, by an exception, or by a signal. When the process
goes away without a word (SIGKILL, out of memory, a crash in native code), a witness process writes
it. A row that cannot be written waits in the spool and is sent later. Recording never fails the
work that it records.

This module reads the clock unless it is given one: a record is about the present.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkit.errors import NbkitError
from nbkit.project import find_project
from nbkit.runs import witness
from nbkit.runs.log_line import log_finished
from nbkit.runs.rows import Row, frame_of_rows, season_of, to_text
from nbkit.runs.run import Run, Trigger
from nbkit.runs.spool import Spool
from nbkit.runs.terminating import terminating

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkit.warehouse.protocol import Warehouse

_log = logging.getLogger("nbkit.runs")
HEARTBEAT_EVERY = timedelta(minutes=5)
_WITNESS_S = 10.0


@contextmanager
def record(
    warehouse: Warehouse | str,
    *,
    processor: str,
    data_date: date,
    trigger: Trigger | None = None,
    phase: str | None = None,
    columns: Mapping[str, Any] | None = None,
    spool: Path | None = None,
    heartbeat_every: timedelta = HEARTBEAT_EVERY,
    has_witness: bool = True,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[Run]:
    """Record what happens in the block as a run.

    The end says `success` unless the block said otherwise (`run.no_data`, `run.skip`,
    `run.missing`, `run.partial`, `run.fail`; the last one counts) or raised, which counts over
    everything. What was raised goes on unchanged. SIGTERM, where nothing else handles it, ends the
    run as failed and then the process.

    Args:
        warehouse: an open warehouse, or a URL, which is opened for the moment of each write only
            (a DuckDB file is then free in between, and made if absent).
        processor: the class that runs.
        data_date: the date that the data is about.
        columns: further columns of the history, for every row of the run.
        spool: folder for rows that cannot be written now (default: one for each history, in
            `.nbkit/spool` of the project).
        heartbeat_every: how often `run.heartbeat()` writes a row.
        has_witness: whether a small process stands by, in case this one goes away without a word.
        environment: `K_SERVICE` and `K_REVISION` name the Cloud Run service.

    Yields:
        The run.
    """
    trigger = trigger or Trigger()
    started = clock()
    start = {
        "processor_name": processor,
        "run_id": f"{processor}-{started:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}",
        "season_year": season_of(data_date),
        "status": "running",
        "data_date": data_date,
        "started_at": started,
        "heartbeat_at": started,
        "phase": phase,
        "execution_host": "cloud-run" if environment.get("K_SERVICE") else "local",
        "cloud_run_service": environment.get("K_SERVICE"),
        "cloud_run_revision": environment.get("K_REVISION"),
        **trigger.columns(),
        **(columns or {}),
    }
    writer = _Writer(warehouse, Spool(spool or _spool_of(warehouse)))
    process = os.getpid()
    watch: _Witness | None = None

    def instruct() -> None:
        """What the witness is to write changes with every sign of life."""
        if watch and not run.ended:
            watch.say(run.left_behind())

    run = Run(
        start=start,
        send=writer.send,
        monotonic=monotonic,
        heartbeat_every=heartbeat_every,
        on_words=instruct,
    )
    if has_witness:
        watch = _Witness(run.run_id, writer)
        instruct()
    writer.send(start, "start")

    def end(error: BaseException | None) -> None:
        # A copy of this process, forked in the block, is not the one that is recorded.
        if os.getpid() != process or run.ended:
            return
        run.ended = True
        if error is not None:
            run.raised(error)
        row = run.end_row()
        writer.send(row, "end")
        if watch:
            watch.dismiss()
        log_finished(row)

    with terminating():
        try:
            yield run
        except SystemExit as error:
            end(None if error.code in (None, 0) else error)
            raise
        except BaseException as error:
            end(error)
            raise
        end(None)


class RunHistoryMixin:
    """For processors that are classes: `with self.recorded(data_date=…) as run:`.

    The class has `run_history`, a warehouse or its URL; `processor_name` and `phase` are taken
    from it where they are set.
    """

    run_history: Warehouse | str
    processor_name: str = ""
    phase: str | None = None
    data_date: date | None = None
    _began_at: datetime | None = None

    @contextmanager
    def recorded(
        self, *, data_date: date | None = None, trigger: Trigger | None = None, **options: Any
    ) -> Iterator[Run]:
        """`record` with this processor's name, phase and date."""
        with record(
            self.run_history,
            processor=self.processor_name or type(self).__name__,
            data_date=self._date(data_date),
            trigger=trigger,
            phase=self.phase,
            **options,
        ) as run:
            yield run

    def _log_run_history(
        self,
        status: str,
        error_message: str | None = None,
        failure_category: str | None = None,
        **options: Any,
    ) -> None:
        """Write the end of a run at once, as the platform's own mixin does: for code that cannot
        be put into a block. A hang or a crash before it leaves nothing."""
        with self.recorded(has_witness=False, **options) as run:
            if status == "skipped":
                run.skip(error_message or "skipped")
            elif status != "success":
                run.fail(error_message or f"status {status}", category=failure_category)

    def _date(self, given: date | None) -> date:
        found = given or self.data_date
        if found is None:
            raise TypeError(f"{type(self).__name__} has no data_date: set it, or give it")
        return found


def flush_spool(warehouse: Warehouse | str, *, spool: Path) -> int:
    """Send the rows that wait in a spool; returns how many still wait."""
    return _Writer(warehouse, Spool(spool)).flush()


def _spool_of(warehouse: Warehouse | str) -> Path:
    """A folder for each history: rows of one must not be sent to another."""
    url = warehouse if isinstance(warehouse, str) else warehouse.url
    return find_project().state / "spool" / hashlib.sha256(url.encode()).hexdigest()[:16]


class _Writer:
    """Brings rows to the history, or keeps them in the spool."""

    def __init__(self, warehouse: Warehouse | str, spool: Spool) -> None:
        self.spool = spool
        self.warehouse = warehouse
        self._warned = False

    def send(self, row: Row, event: str) -> None:
        """Never raises: recording must not fail the work."""
        try:
            with self.open() as warehouse:
                warehouse.append(warehouse.history, frame_of_rows([row]))
        except Exception as error:
            self._keep(row, event, error)
            return
        self.flush()

    def flush(self) -> int:
        return self.spool.flush(self.open).waiting

    @contextmanager
    def _borrowed(self) -> Iterator[Warehouse]:
        assert not isinstance(self.warehouse, str)
        yield self.warehouse

    def open(self) -> Any:
        from nbkit.warehouse import open_history

        if isinstance(self.warehouse, str):
            return open_history(self.warehouse)
        return self._borrowed()

    def _keep(self, row: Row, event: str, error: Exception) -> None:
        try:
            self.spool.keep(row, event=event)
        except OSError as full:
            # The last place where it can be kept: the log.
            _log.error("Not recorded, and not kept (%s): %s", full, to_text(row))
            return
        if not self._warned:
            self._warned = True
            said = error if isinstance(error, NbkitError) else f"{type(error).__name__}: {error}"
            _log.warning("Rows of the run history wait in %s: %s", self.spool.folder, said)


class _Witness:
    """The process that writes the end when this one cannot."""

    def __init__(self, run_id: str, writer: _Writer) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        url = writer.warehouse if isinstance(writer.warehouse, str) else writer.warehouse.url
        target = writer.spool.folder / f"{run_id}.end.row.json"
        flush = [sys.executable, "-m", "nbkit.runs.flush", url, str(writer.spool.folder)]
        command = [sys.executable, "-I", "-S", str(witness.__file__), str(target), *flush]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                # A signal to the group (Ctrl-C, a guard's kill) is not for the witness.
                start_new_session=True,
            )
        except OSError as error:
            _log.warning("No witness for run %s: %s", run_id, error)

    def say(self, row: Row) -> None:
        """The end to write should nobody else do it; the last one said counts."""
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError, ValueError):  # without a witness the work goes on
                process.stdin.write(to_text(row).encode() + b"\n")
                process.stdin.flush()

    def dismiss(self) -> None:
        """The end is written, or kept."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(b"done\n")
            process.stdin.close()
            process.wait(_WITNESS_S)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
