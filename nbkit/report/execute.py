"""Run one notebook with papermill, under limits, and say truthfully how it ended.

The outcome is taken from the exception. After a kernel was killed or a cell timed out, the notebook
that papermill saves says "completed" for every cell (papermill 2.7), so its metadata is not read;
it is removed, because its times would also make two equal reports differ.
"""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode

from nbkit.errors import (
    CellFailed,
    CellMisused,
    CellTimeout,
    InputError,
    KernelDied,
    NbkitError,
    NotebookFailed,
    RunTimeout,
)
from nbkit.findings.wording import span
from nbkit.params import Value
from nbkit.report.kernel import OwnKernel
from nbkit.report.limits import Limits
from nbkit.report.outcome import Cell, Execution, ExitState, Failure, Progress
from nbkit.runs.watch import Watch


@contextlib.contextmanager
def _without(*modules: str) -> Iterator[None]:
    """Make imports of optional modules fail fast: papermill and jsonschema try them at import,
    and a run needs none (rfc3987_syntax alone takes 1.7 s, gcsfs 1 s, pyarrow.fs 0.2 s)."""
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: ImportError
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


with _without("rfc3987_syntax", "pyarrow.fs", "gcsfs", "boto3", "github", "azure"):
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import ERROR_MARKER_TAG, execute_notebook

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_START_TIMEOUT_S = 60
_log = logging.getLogger("nbkit.notebook")
# nbclient logs what is told in plain words, papermill complains about comments that only its own
# reading of the parameters cell cannot parse.
for _noisy in (_log, logging.getLogger("papermill")):
    _noisy.addHandler(logging.NullHandler())
    _noisy.propagate = False


def execute(
    notebook: Mapping[str, Any],
    parameters: Mapping[str, Value],
    *,
    kernel: OwnKernel,
    limits: Limits | None = None,
    on_cell: Callable[[Progress], None] = lambda _: None,
) -> Execution:
    """Run `notebook` (as JSON) in `kernel`, which is fresh (`started_kernel`) and ends with it.

    Never raises for a notebook that fails: the failure is in the result, with all outputs made
    until then. SIGINT (Ctrl-C) and SIGTERM end the kernel and give the state INTERRUPTED.

    Args:
        parameters: checked values for the notebook's parameters.
        on_cell: called before each cell runs.
    """
    limits = limits or Limits()
    source = _prepared(notebook)
    with limits.watch(send=kernel.signal_group) as watch:
        course = _Course(source, watch, on_cell)
        with _interruptible(watch):
            failure = _run(source, dict(parameters), kernel, course, limits)
    if failure is None:
        state = ExitState.COMPLETED
    else:
        state = ExitState.INTERRUPTED if watch.expired == "stop" else ExitState.FAILED
    return Execution(
        notebook=_cleaned(course.notebook or source),
        state=state,
        failure=failure,
        cells=course.cells(),
        total_cells=len(source.cells),
        seconds=course.elapsed(),
    )


def _run(
    source: NotebookNode,
    parameters: dict[str, Value],
    kernel: OwnKernel,
    course: _Course,
    limits: Limits,
) -> Failure | None:
    try:
        execute_notebook(
            source,
            None,
            parameters,
            engine_name="nbkit",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            kernel=kernel,
            course=course,
        )
    except Exception as error:
        return _failure(error, kernel, course, limits)
    finally:
        kernel.end()  # also what the cells had started and left running
    return None


@contextlib.contextmanager
def _interruptible(watch: Watch) -> Iterator[None]:
    """SIGINT and SIGTERM end the kernel; nbclient then unwinds by itself, which a
    KeyboardInterrupt in the middle of its event loop would not let it do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        watch.end_now("stop")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _failure(error: Exception, kernel: OwnKernel, course: _Course, limits: Limits) -> Failure:
    trace = ""
    if isinstance(error, PapermillExecutionError):
        trace = _ANSI.sub("", "\n".join(error.traceback))
    match course.watch.expired:
        case "cell":
            reason = f"It ran longer than {span(limits.cell)}, the limit of a cell."
            return Failure(error=CellTimeout, reason=reason, cell=course.running, traceback=trace)
        case "stop":
            reason = "The run was interrupted."
            return Failure(error=NotebookFailed, reason=reason, cell=course.running)
        case "run":
            reason = f"The run took longer than {span(limits.run)}, the limit of a run."
            return Failure(error=RunTimeout, reason=reason, cell=course.running, traceback=trace)
    if isinstance(error, PapermillExecutionError):
        misused = error.ename in {kind.__name__ for kind in _leaves(InputError)}
        return Failure(
            error=CellMisused if misused else CellFailed,
            reason=_one_line(error),
            cell=course.running,
            traceback=trace,
        )
    if isinstance(error, RuntimeError):  # nbclient's DeadKernelError is one
        started = "while it ran" if course.running else "before it was ready"
        return Failure(
            error=KernelDied,
            reason=f"The kernel died {started}: {kernel.death()}.",
            cell=course.running,
            traceback=kernel.last_words(),
        )
    reason = f"{type(error).__name__}: {error}"
    return Failure(error=NotebookFailed, reason=reason, cell=course.running)


def _one_line(error: PapermillExecutionError) -> str:
    """The exception in plain words: the errors of this package speak for themselves."""
    text = " ".join(_ANSI.sub("", error.evalue).split())
    own = {kind.__name__ for kind in _leaves(NbkitError)}
    if text and error.ename in own:
        return text
    return f"{error.ename}: {text}" if text else str(error.ename)


def _leaves(kind: type[NbkitError]) -> Iterator[type[NbkitError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _leaves(child)


class _Course:
    """Follows the run: which cell runs, how long each took, the notebook as it fills."""

    def __init__(
        self, source: NotebookNode, watch: Watch, on_cell: Callable[[Progress], None]
    ) -> None:
        self.notebook: NotebookNode | None = None
        self.watch = watch
        self.running: Cell | None = None
        self._on_cell = on_cell
        self._began = time.monotonic()
        self._starts: list[tuple[str, float]] = []
        self._ended: float | None = None
        self._code = _code_cells(source)
        self._total = len(source.cells)

    def started(self, cell: NotebookNode, **_: object) -> None:
        """nbclient's hook: a cell (of any type) is next."""
        known = self._code.get(cell.get("id", ""))
        self._starts.append((cell.get("id", ""), time.monotonic()))
        if known is None:
            return
        self.running = known
        self.watch.restart("cell")
        self._on_cell(Progress(number=known.number, total=self._total, question=known.question))

    def ended(self) -> None:
        self._ended = time.monotonic()

    def elapsed(self) -> float:
        return (self._ended or time.monotonic()) - self._began

    def cells(self) -> tuple[Cell, ...]:
        ends = [start for _, start in self._starts[1:]] + [self._ended or time.monotonic()]
        took = {
            cell_id: round(end - start, 3)
            for (cell_id, start), end in zip(self._starts, ends, strict=True)
        }
        return tuple(
            Cell(id=c.id, number=c.number, question=c.question, seconds=took.get(c.id))
            for c in self._code.values()
        )


class _GuardedEngine(NBClientEngine):  # type: ignore[misc]  # papermill is not typed
    """papermill's engine with our kernel, and hooks that it does not pass on."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, kernel: OwnKernel, course: _Course, **_: Any
    ) -> None:
        course.notebook = nb_man.nb
        client = PapermillNotebookClient(
            nb_man,
            km=kernel,
            log=_log,
            startup_timeout=_START_TIMEOUT_S,
            shutdown_kernel="immediate",
            record_timing=False,
            on_cell_start=course.started,
        )
        client.owns_km = True  # nbclient then closes channels and kernel, whatever happens
        try:
            client.execute()
        finally:
            course.ended()


papermill_engines.register("nbkit", _GuardedEngine)


def _prepared(notebook: Mapping[str, Any]) -> NotebookNode:
    """A copy in the newest format, without outputs; ids that a notebook lacks come from its cells'
    positions, because invented ones would differ in every run."""
    node: NotebookNode = nbformat.from_dict(dict(notebook))
    node.nbformat, node.nbformat_minor = 4, 5
    for position, cell in enumerate(node.cells, start=1):
        cell.setdefault("id", f"cell-{position}")
        if isinstance(cell.get("source"), list):
            cell.source = "".join(cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return node


def _cleaned(notebook: NotebookNode) -> NotebookNode:
    """Without papermill's records and markers, which are partly wrong and never the same twice."""
    notebook.metadata.pop("papermill", None)
    notebook.cells = [
        cell for cell in notebook.cells if ERROR_MARKER_TAG not in cell.metadata.get("tags", [])
    ]
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
    return notebook


def _code_cells(source: NotebookNode) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    question = ""
    for number, cell in enumerate(source.cells, start=1):
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#{1,4}\s+(.+?)\s*#*$", cell.source, re.MULTILINE)
            question = headings[-1] if headings else question
        elif cell.cell_type == "code":
            cells[cell.id] = Cell(id=cell.id, number=number, question=question, seconds=None)
    return cells
