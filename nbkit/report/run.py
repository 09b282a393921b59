"""One run from start to finish: execute, judge, render, store, list."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat

from nbkit.errors import NotebookFailed
from nbkit.findings import iso_utc
from nbkit.params import WAREHOUSE
from nbkit.project import Project
from nbkit.report.archive import place_for, update_index
from nbkit.report.execute import execute
from nbkit.report.judgement import NOT_JUDGED, Emitted, read_emitted
from nbkit.report.kernel import OwnKernel
from nbkit.report.limits import Limits
from nbkit.report.outcome import Execution, ExitState, Failure, Progress
from nbkit.report.page import Page
from nbkit.report.plan import Plan
from nbkit.report.provenance import Commit, package_versions, read_commit, without_credentials
from nbkit.store import MANIFEST, LocalStore, Store


@dataclass(frozen=True, kw_only=True)
class Report:
    """A run that was stored. `folder` is a local path or a URL; `files` are its contents."""

    folder: str
    state: ExitState
    emitted: Emitted
    failure: Failure | None
    total_cells: int
    files: Mapping[str, bytes]

    def file(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def error(self, notebook: str) -> NotebookFailed | None:
        """The error that tells why the run did not complete; None for one that did."""
        if self.failure is None:
            return None
        place = self.failure.place(self.total_cells)
        where = f" in {place}" if place else ""
        return self.failure.error(
            f"{notebook} stopped{where}: {self.failure.reason}\n"
            f"What was made until then: {self.file('index.html')}"
        )


def run(
    plan: Plan,
    *,
    project: Project,
    store: Store,
    kernel: OwnKernel,
    clock: Callable[[], datetime],
    limits: Limits | None = None,
    on_cell: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Execute the planned notebook and store its report, also when it fails half-way.

    Args:
        kernel: a fresh one for this run (`started_kernel`).
        clock: the moment now; asked at start and end, for the manifest.

    Raises:
        ReportError: the report could not be rendered or stored; nothing half-written is left.
    """
    started = clock()
    readying = threading.Thread(target=_get_ready, daemon=True)

    def on_any_cell(progress: Progress) -> None:
        if readying.ident is None:  # the kernel is at work from here on, and this process waits
            readying.start()
        on_cell(progress)

    execution = execute(
        plan.source.content,
        plan.parameters,
        kernel=kernel,
        limits=limits,
        on_cell=on_any_cell,
    )
    if readying.ident is not None:
        readying.join()
    emitted, failure = _judged(execution)
    state = execution.state
    if failure is not None and state is ExitState.COMPLETED:
        state = ExitState.FAILED
    place = place_for(
        store,
        notebook=plan.source.name,
        as_of=plan.as_of,
        parameters=_told(plan.parameters),
        warehouse=plan.warehouse,
        label=plan.label,
        completed=state is ExitState.COMPLETED,
    )
    commit = read_commit(project.root)
    manifest = {
        "schema": 1,
        "notebook": plan.source.name,
        "title": plan.source.title,
        "variant": place.variant,
        "as_of": iso_utc(plan.as_of),
        "window": emitted.window,
        "verdict": emitted.verdict.value,
        "counts": emitted.counts(),
        "parameters": _told(plan.parameters),
        "params_file": _within(plan.params_file, project),
        "warehouse": plan.warehouse,
        "git": commit.to_json() if commit else None,
        "versions": package_versions(),
        "queries": list(emitted.queries),
        "cells": [
            {"id": cell.id, "number": cell.number, "seconds": cell.seconds}
            for cell in execution.cells
        ],
        "started_at": iso_utc(started),
        "ended_at": iso_utc(clock()),
        "seconds": round(execution.seconds, 3),
        "exit": _exit(state, failure, execution.total_cells),
    }
    files = {
        "notebook.ipynb": _notebook_file(execution, plan),
        "index.html": _html(execution, plan, emitted, failure, commit).encode(),
        "findings.json": _json(
            emitted.document(notebook=plan.source.name, as_of=iso_utc(plan.as_of))
        ),
        MANIFEST: _json(manifest),
    }
    store.put_folder(place.path, files)
    update_index(store, changed=place.path)
    return Report(
        folder=store.address(place.path),
        state=state,
        emitted=emitted,
        failure=failure,
        total_cells=execution.total_cells,
        files=files,
    )


def _get_ready() -> None:
    """What takes half a second when it is first done."""
    with suppress(Exception):  # the report itself will say what is wrong
        package_versions()
        from nbkit.report.fit import get_ready

        get_ready()


def keep_locally(report: Report, folder: Path) -> Path:
    """The report as a local folder (under `folder`, when its store is a bucket)."""
    if "://" not in report.folder:
        return Path(report.folder)
    name = report.folder.rpartition("/")[2]
    LocalStore(folder).put_folder(name, report.files)
    return folder / name


def _judged(execution: Execution) -> tuple[Emitted, Failure | None]:
    """What the notebook said. One that ends without saying anything has failed as well: it must
    not look healthy for lack of a judgement."""
    try:
        emitted = read_emitted(execution.notebook)
    except ValueError as error:
        return NOT_JUDGED, execution.failure or Failure(
            error=NotebookFailed, reason=f"{str(error)[:1].upper()}{str(error)[1:]}.", cell=None
        )
    if emitted is not None:
        return emitted, execution.failure
    silent = Failure(
        error=NotebookFailed,
        reason="It ran to its end without a judgement: no cell called nb.emit(...).",
        cell=None,
    )
    return NOT_JUDGED, execution.failure or silent


def _html(
    execution: Execution,
    plan: Plan,
    emitted: Emitted,
    failure: Failure | None,
    commit: Commit | None,
) -> str:
    from nbkit.report.fit import render_within

    page = Page(
        notebook=plan.source.name,
        as_of=plan.as_of,
        emitted=emitted,
        failure=failure,
        total_cells=execution.total_cells,
        parameters=_told(plan.parameters),
        warehouse=plan.warehouse,
        commit=commit,
        version=version("nbkit"),
    )
    return render_within(execution.notebook, page)


def _exit(state: ExitState, failure: Failure | None, total: int) -> dict[str, Any]:
    if failure is None:
        return {"state": state.value}
    return {
        "state": state.value,
        "kind": failure.error.__name__,
        "error": failure.reason,
        "cell": failure.place(total) or None,
        "cell_id": failure.cell.id if failure.cell else None,
        "traceback": failure.traceback or None,
    }


def _notebook_file(execution: Execution, plan: Plan) -> bytes:
    text: str = nbformat.writes(execution.notebook, version=4)
    url = str(plan.parameters.get(WAREHOUSE) or "")
    if url and url != without_credentials(url):
        text = text.replace(url, without_credentials(url))
    return (text.rstrip("\n") + "\n").encode()


def _told(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as they may be shown: a URL without credentials."""
    return {
        name: without_credentials(value) if name == WAREHOUSE and value else value
        for name, value in parameters.items()
    }


def _within(path: Path | None, project: Project) -> str | None:
    if path is None:
        return None
    whole = path.resolve()
    return str(whole.relative_to(project.root) if whole.is_relative_to(project.root) else path)


def _json(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=str)
    return (text + "\n").encode()
