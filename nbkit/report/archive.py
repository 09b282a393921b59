"""The reports that were made: where a new one goes, and the list of all of them.

`index.json` holds one line per run, taken from its manifest; `index.html` is made from it. A new
run reads its own manifest and those that the list does not know yet, never a report: the list stays
quick at thousands of runs, mends itself after a crash, and forgets folders that were deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from nbkit.findings import Verdict
from nbkit.report.outcome import ExitState
from nbkit.store import MANIFEST, Store, folder_stamp

INDEX = "index.json"
_OF_ITS_OWN = ("as_of", "warehouse")  # told by the folder's name, and by the manifest's own entry


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run, as the list shows it. `path` is `<notebook>/<folder>` within the store."""

    path: str
    notebook: str
    title: str
    as_of: datetime
    variant: str
    verdict: Verdict
    counts: Mapping[str, int]
    state: ExitState
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "as_of": self.as_of.isoformat()}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Run:
        """Raises KeyError, TypeError or ValueError for something else than a run."""
        return cls(
            path=str(entry["path"]),
            notebook=str(entry["notebook"]),
            title=str(entry["title"]),
            as_of=datetime.fromisoformat(entry["as_of"]),
            variant=str(entry["variant"]),
            verdict=Verdict(entry["verdict"]),
            counts=dict(entry["counts"]),
            state=ExitState(entry["state"]),
            seconds=float(entry["seconds"]),
        )


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run goes: its folder within the store, and the suffix in the folder's name."""

    path: str
    variant: str


def place_for(
    store: Store,
    *,
    notebook: str,
    as_of: datetime,
    parameters: Mapping[str, Any],
    warehouse: str,
    label: str,
    completed: bool,
) -> Place:
    """The folder of a run: that of an earlier run with the same parameters, which it replaces.

    The first set of parameters at a moment has the plain name `<as_of>`; another set adds its
    `label` (the name of the parameter file), or, where that is taken or empty, a short hash. A run
    that did not complete never replaces one that did: it goes beside it, with `-failed`.
    """
    own = _identity(parameters, warehouse)
    digest = hashlib.sha256(own.encode()).hexdigest()[:6]
    stamp = folder_stamp(as_of)
    standing: dict[str, dict[str, Any] | None] = {}
    for variant in dict.fromkeys(("", label, digest)):
        standing[variant] = _manifest(store, _path(notebook, stamp, variant))
    same = [v for v, manifest in standing.items() if manifest and _identity_of(manifest) == own]
    free = [v for v, manifest in standing.items() if manifest is None]
    variant = [*same, *free, digest][0]
    before = standing.get(variant)
    if not completed and before and before["exit"]["state"] == ExitState.COMPLETED:
        variant = f"{variant}-failed".removeprefix("-")
    return Place(path=_path(notebook, stamp, variant), variant=variant)


def read_index(store: Store) -> tuple[Run, ...]:
    """The runs that the list knows, newest first; empty when there is no list."""
    content = store.read(INDEX)
    try:
        entries = json.loads(content)["runs"] if content else []
        return _sorted(Run.from_json(entry) for entry in entries)
    except (KeyError, TypeError, ValueError):
        return ()  # made anew from the manifests


def update_index(
    store: Store, *, changed: str | None = None, whole: bool = False
) -> tuple[Run, ...]:
    """Bring `index.json` and `index.html` up to date with the folders that are there.

    Args:
        changed: the path of the run that was just stored: its manifest is read in any case.
        whole: read every manifest again.

    Raises:
        ReportError: the list could not be written; the runs themselves are not touched.
    """
    from nbkit.report.index_page import render_index

    with store.exclusively():
        known = {} if whole else {run.path: run for run in read_index(store)}
        there = store.folders()
        runs = {path: run for path, run in known.items() if path in there and path != changed}
        for path in there - runs.keys():
            manifest = _manifest(store, path)
            run = run_of(path, manifest) if manifest else None
            if run:
                runs[path] = run
        listed = _sorted(runs.values())
        document = {"schema": 1, "runs": [run.to_json() for run in listed]}
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        store.write(INDEX, text.encode())
        store.write("index.html", render_index(listed).encode())
    return listed


def run_of(path: str, manifest: Mapping[str, Any]) -> Run | None:
    """The list's line for a run; None for a manifest that is none of ours."""
    try:
        return Run.from_json(
            {**manifest, "path": path, "state": manifest["exit"]["state"]},
        )
    except (KeyError, TypeError, ValueError):
        return None


def _sorted(runs: Iterable[Run]) -> tuple[Run, ...]:
    return tuple(sorted(sorted(runs, key=lambda r: r.path), key=lambda r: r.as_of, reverse=True))


def _path(notebook: str, stamp: str, variant: str) -> str:
    return f"{notebook}/{stamp}-{variant}" if variant else f"{notebook}/{stamp}"


def _manifest(store: Store, path: str) -> dict[str, Any] | None:
    content = store.read(f"{path}/{MANIFEST}")
    if content is None:
        return None
    try:
        manifest = json.loads(content)
    except ValueError:
        return {"exit": {"state": ""}}  # something stands there, though nothing that we know
    return manifest if isinstance(manifest, dict) else None


def _identity(parameters: Mapping[str, Any], warehouse: str) -> str:
    kept = {name: value for name, value in parameters.items() if name not in _OF_ITS_OWN}
    return json.dumps([kept, warehouse], sort_keys=True, default=str)


def _identity_of(manifest: Mapping[str, Any]) -> str:
    return _identity(manifest.get("parameters") or {}, str(manifest.get("warehouse")))
