"""Read what a run left behind (the folder of the contract) into one value that can be sent.

The value holds bytes, not paths: a report folder may be moved, pruned or live in a bucket before
the message gets through.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbkit.errors import RunFolderError
from nbkit.findings import Finding, Verdict, iso_utc
from nbkit.store import folder_stamp

_PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture (PNG bytes) and the words for those who do not see it."""

    png: bytes
    alt: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a run did not end well. `cell` says where in plain words, None where it is not known."""

    reason: str
    cell: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a notebook, as far as a message tells of it."""

    notebook: str
    variant: str
    as_of: datetime
    window: tuple[datetime, datetime] | None
    verdict: Verdict
    findings: tuple[Finding, ...]
    failure: Failure | None
    facts: Mapping[str, float]
    figure: Figure | None
    html: bytes | None
    folder: Path

    @property
    def run_id(self) -> str:
        """The same for every rerun of this notebook, variant and as_of: what must be said once."""
        return _digest([self.notebook, self.variant, iso_utc(self.as_of)])

    @property
    def content(self) -> str:
        """The same as long as the message would say the same. Costs and times are not part of it,
        nor is the text of a failure beyond its first line (tracebacks hold addresses)."""
        failure = (
            [self.failure.cell, self.failure.reason.partition("\n")[0]] if self.failure else []
        )
        told = [finding.to_json() for finding in self.findings]
        return _digest([self.verdict.value, told, failure])


def read_run(folder: Path) -> Run:
    """The run in `folder`; a path to a file in it (such as `findings.json`) does as well.

    Raises:
        RunFolderError: no such folder, or it is not what `nbkit run` writes.
    """
    folder = folder.parent if folder.is_file() else folder
    if not folder.is_dir():
        raise RunFolderError(f"{folder}: no such run folder. `nbkit run` prints where a run is.")
    found = _read_json(folder / "findings.json")
    manifest_file = folder / "manifest.json"
    manifest = _read_json(manifest_file) if manifest_file.exists() else {}
    html_file = folder / "index.html"
    try:
        return _run(
            found,
            folder=folder.resolve(),
            variant=_variant(folder.resolve().name, found["as_of"], manifest),
            failure=_failure(manifest),
            facts=_facts(manifest),
            figure=_headline_figure(folder / "notebook.ipynb"),
            html=html_file.read_bytes() if html_file.is_file() else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise RunFolderError(
            f"{folder / 'findings.json'}: not the findings of a run: {said}. "
            "Give a folder that `nbkit run` wrote, or run the notebook again."
        ) from error


def snapshot(run: Run) -> tuple[str, bytes | None, bytes | None]:
    """Everything of `run` as text, picture and page, to be kept elsewhere."""
    told = {
        "notebook": run.notebook,
        "as_of": iso_utc(run.as_of),
        "window": {"start": iso_utc(run.window[0]), "end": iso_utc(run.window[1])}
        if run.window
        else None,
        "verdict": run.verdict.value,
        "findings": [finding.to_json() for finding in run.findings],
        "variant": run.variant,
        "folder": str(run.folder),
        "failure": asdict(run.failure) if run.failure else None,
        "facts": dict(run.facts),
        "alt": run.figure.alt if run.figure else None,
    }
    return json.dumps(told), run.figure.png if run.figure else None, run.html


def run_from_snapshot(told: str, png: bytes | None, html: bytes | None) -> Run:
    """The run that `snapshot` was made of."""
    kept = json.loads(told)
    return _run(
        kept,
        folder=Path(kept["folder"]),
        variant=kept["variant"],
        failure=Failure(**kept["failure"]) if kept["failure"] else None,
        facts=kept["facts"],
        figure=Figure(png=png, alt=kept["alt"]) if png is not None else None,
        html=html,
    )


def _run(
    found: Mapping[str, Any],
    *,
    folder: Path,
    variant: str,
    failure: Failure | None,
    facts: Mapping[str, float],
    figure: Figure | None,
    html: bytes | None,
) -> Run:
    window = found.get("window")
    return Run(
        notebook=str(found["notebook"]),
        variant=variant,
        as_of=_moment(found["as_of"]),
        window=(_moment(window["start"]), _moment(window["end"])) if window else None,
        verdict=Verdict(found["verdict"]),
        findings=tuple(Finding.from_json(item) for item in found["findings"]),
        failure=failure,
        facts=facts,
        figure=figure,
        html=html,
        folder=folder,
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunFolderError(
            f"{path.parent}: no {path.name} in it, so this is not the folder of a run. "
            "`nbkit run` prints where a run is."
        ) from None
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f"{path}: cannot be read ({error}). Run the notebook again."
        ) from error
    if not isinstance(value, dict):
        raise RunFolderError(f"{path}: holds no object. Run the notebook again.")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment


def _variant(folder_name: str, as_of: str, manifest: Mapping[str, Any]) -> str:
    """Which of several reports of one notebook this is: the name of its parameter file, and the
    suffix of its folder where that says more.

    Not the suffix alone: which set of parameters gets the plain folder depends on the order of the
    day, and tomorrow's report must be compared with today's of the same set.
    """
    stamp = folder_stamp(_moment(as_of))
    suffix = str(manifest.get("variant") or "")
    if folder_name.startswith(f"{stamp}-"):
        suffix = folder_name.removeprefix(f"{stamp}-")
    series = Path(str(manifest.get("params_file") or "")).stem
    if not series or suffix == series or suffix.startswith(f"{series}-"):
        return suffix
    return f"{series}-{suffix}" if suffix else series


def _headline_figure(notebook: Path) -> Figure | None:
    """First image of the cell tagged `headline`. A picture is never a reason not to send."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        for cell in cells:
            if "headline" not in cell.get("metadata", {}).get("tags", []):
                continue
            for output in cell.get("outputs", []):
                encoded = output.get("data", {}).get("image/png")
                if not encoded:
                    continue
                png = base64.b64decode("".join(encoded).replace("\n", ""), validate=True)
                if not png.startswith(_PNG_START):
                    continue
                about = output.get("metadata", {}).get("image/png") or {}
                alt = about.get("alt") or cell["metadata"].get("alt") or "Headline figure"
                return Figure(png=png, alt=str(alt))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
    return None


def _failure(manifest: Mapping[str, Any]) -> Failure | None:
    """The manifest's word, for it was taken from the exception. A manifest without one is of a tool
    that stores only runs that ended well."""
    ended = manifest.get("exit") or {"state": "completed"}
    if ended["state"] == "completed":
        return None
    cell = ended.get("cell")
    reason = ended.get("error") or "no reason was recorded"
    return Failure(reason=str(reason), cell=str(cell) if cell else None)


def _facts(manifest: Mapping[str, Any]) -> dict[str, float]:
    """What the queries took, where all of them tell."""
    queries = manifest.get("queries")
    if not isinstance(queries, list):
        return {}
    facts = {"queries": float(len(queries))}
    for name, key in (("query_seconds", "seconds"), ("bytes_billed", "bytes_billed")):
        values = [query.get(key) for query in queries if isinstance(query, Mapping)]
        known = [float(value) for value in values if isinstance(value, (int, float))]
        if known and len(known) == len(queries):
            facts[name] = sum(known)
    return facts


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
