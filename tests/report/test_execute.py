"""Real kernels, one per test: how a run ends must be told truthfully."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from report_samples import code, markdown, notebook

from nbkit.errors import CellFailed, CellMisused, CellTimeout, KernelDied, RunTimeout
from nbkit.findings.wording import span
from nbkit.report.execute import execute
from nbkit.report.kernel import started_kernel
from nbkit.report.limits import Limits
from nbkit.report.outcome import Execution, ExitState, Progress

PARAMETERS = {"as_of": "2026-01-13T12:00:00Z", "warehouse": "", "days": 3}


def run(
    *sources: str, cwd: Path, limits: Limits | None = None, seen: list[Progress] | None = None
) -> Execution:
    cells = [markdown("## What is the answer?"), *(code(source) for source in sources)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg"}
    with started_kernel(cwd=cwd, environment=environment) as kernel:
        return execute(
            notebook(*cells),
            PARAMETERS,
            kernel=kernel,
            limits=limits,
            on_cell=(seen if seen is not None else []).append,
        )


def text(execution: Execution) -> str:
    return "".join(
        output["text"]
        for cell in execution.notebook["cells"]
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream"
    )


def test_a_run_uses_this_interpreter_in_the_project_with_a_steady_environment(
    tmp_path: Path,
) -> None:
    seen: list[Progress] = []
    ask = """
import json, os, sys
import matplotlib.pyplot as plt
names = ("PYTHONHASHSEED", "TZ", "PYTHONDONTWRITEBYTECODE", "NBKIT_PROJECT")
print(json.dumps([sys.executable, os.getcwd(), as_of, days, *map(os.environ.get, names)]))
plt.plot([1, 2]);"""
    done = run(ask, cwd=tmp_path, seen=seen)
    assert (done.state, done.failure) == (ExitState.COMPLETED, None)
    folder = str(tmp_path)
    assert json.loads(text(done)) == [
        *(sys.executable, folder, "2026-01-13T12:00:00Z", 3),
        *("0", "UTC", None, folder),
    ]
    kinds = [set(o["data"]) for o in done.notebook["cells"][-1]["outputs"] if "data" in o]
    assert {"image/png", "text/plain"} in kinds
    assert [(at.number, at.total) for at in seen] == [(2, 4), (4, 4)]
    assert [at.question for at in seen] == ["Is all well?", "What is the answer?"]
    assert [cell.number for cell in done.cells if cell.seconds is not None] == [2, 4]
    metadata = [cell["metadata"] for cell in done.notebook["cells"]]
    assert "papermill" not in str(metadata), "its times would make two equal reports differ"


def test_a_kernel_has_what_its_notebook_asks_for_before_the_first_cell(tmp_path: Path) -> None:
    ask = "import sys; print('nbkit.questions.trends' in sys.modules)"
    ahead = ("no_such_name", "trends", "emit")
    with started_kernel(cwd=tmp_path, environment=os.environ, ahead=ahead) as kernel:
        done = execute(notebook(code(ask)), PARAMETERS, kernel=kernel)
    assert text(done).strip() == "True"


def test_a_kernel_that_nobody_used_ends_with_its_block(tmp_path: Path) -> None:
    with started_kernel(cwd=tmp_path, environment=os.environ) as kernel:
        process = psutil.Process(kernel.provisioner.process.pid)
        assert process.is_running()
    assert not process.is_running()


def test_a_failing_cell_is_named_and_later_cells_did_not_run(tmp_path: Path) -> None:
    done = run("print('before')", "1 / 0", "print('after')", cwd=tmp_path)
    assert done.state is ExitState.FAILED
    assert done.failure is not None
    assert done.failure.error is CellFailed
    assert done.failure.reason == "ZeroDivisionError: division by zero"
    assert done.failure.place(done.total_cells) == 'cell 5 of 6 ("What is the answer?")'
    assert "1 / 0" in done.failure.traceback
    assert "\x1b" not in done.failure.traceback
    assert text(done) == "before\n"
    assert [cell.seconds is None for cell in done.cells] == [False, False, False, True]


def test_a_notebook_that_was_given_nonsense_was_misused(tmp_path: Path) -> None:
    source = "from nbkit.errors import ParameterError\nraise ParameterError('weeks is at least 2.')"
    done = run(source, cwd=tmp_path)
    assert done.failure is not None
    assert (done.failure.error, done.failure.error.exit_code) == (CellMisused, 2)
    assert done.failure.reason == "weeks is at least 2."


def test_errors_of_this_package_speak_for_themselves(tmp_path: Path) -> None:
    source = (
        "from nbkit.errors import WarehouseMissing\nraise WarehouseMissing('No file x.duckdb.')"
    )
    done = run(source, cwd=tmp_path)
    assert done.failure is not None
    assert done.failure.reason == "No file x.duckdb."


def test_a_killed_kernel_is_a_failure_although_papermill_says_completed(tmp_path: Path) -> None:
    done = run(
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "print('after')", cwd=tmp_path
    )
    assert done.state is ExitState.FAILED
    assert done.failure is not None
    assert done.failure.error is KernelDied
    assert "killed by SIGKILL (most often: out of memory)" in done.failure.reason
    assert done.failure.cell is not None
    assert done.failure.cell.number == 4


def test_a_cell_over_its_limit_is_interrupted_where_it_hung(tmp_path: Path) -> None:
    limits = Limits(cell=timedelta(seconds=3))
    done = run("import time\ntime.sleep(60)  # here", "1", cwd=tmp_path, limits=limits)
    assert done.failure is not None
    assert done.failure.error is CellTimeout
    assert done.failure.reason == f"It ran longer than {span(limits.cell)}, the limit of a cell."
    assert "time.sleep(60)  # here" in done.failure.traceback
    assert done.seconds < 40


def test_a_run_over_its_limit_is_ended_whatever_it_does(tmp_path: Path) -> None:
    limits = Limits(run=timedelta(seconds=2))
    done = run("import time; time.sleep(60)", cwd=tmp_path, limits=limits)
    assert done.failure is not None
    assert done.failure.error is RunTimeout
    assert (
        done.failure.reason == f"The run took longer than {span(limits.run)}, the limit of a run."
    )


def test_a_cell_that_answers_no_interrupt_is_killed_with_all_that_it_started(
    tmp_path: Path,
) -> None:
    stubborn = """
import os, subprocess, time
print(os.getpid(), subprocess.Popen(["sleep", "60"]).pid, flush=True)
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass"""
    limits = Limits(cell=timedelta(seconds=3), grace=timedelta(seconds=0.3))
    done = run(stubborn, cwd=tmp_path, limits=limits)
    assert done.failure is not None
    assert done.failure.error is CellTimeout
    kernel, child = (int(number) for number in text(done).split())
    assert not psutil.pid_exists(kernel)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_kernel_and_keeps_what_was_made(
    tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    marker = tmp_path / "running"

    def interrupt() -> None:
        while not marker.exists():
            stop.wait(0.05)
        os.kill(os.getpid(), number)

    stop = threading.Event()
    thread = threading.Thread(target=interrupt)
    thread.start()
    source = f"print('made')\nopen({str(marker)!r}, 'w').close()\nimport time; time.sleep(60)"
    done = run(source, cwd=tmp_path)
    thread.join()
    assert done.state is ExitState.INTERRUPTED
    assert text(done) == "made\n"
    assert signal.getsignal(number) == before


def test_two_runs_leave_the_same_notebook(tmp_path: Path) -> None:
    first, second = (run("print(sorted({'b', 'a'}), hash('x'))", cwd=tmp_path) for _ in range(2))
    assert first.notebook == second.notebook
