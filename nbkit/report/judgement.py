"""What the notebook said: its emitted judgement, read from its outputs, as `findings.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbkit.findings import FINDINGS_MIMETYPE, SCHEMA, Severity, Verdict
from nbkit.findings.plain import plain

_NEEDED = (
    "kind",
    "subject",
    "severity",
    "title",
    "since",
    "evidence",
    "owner",
    "runbook",
    "next_step",
    "fingerprint",
)


@dataclass(frozen=True, kw_only=True)
class Emitted:
    """A judgement as it came out of the notebook. `window` holds ISO texts `start` and `end`, None
    when nothing was emitted; `findings` are as in the contract, worst first."""

    verdict: Verdict
    findings: tuple[Mapping[str, Any], ...]
    window: Mapping[str, str] | None
    warehouse: str
    queries: tuple[Mapping[str, Any], ...]

    def counts(self) -> dict[str, int]:
        """Findings by severity, worst first, zeros left out."""
        found = [finding["severity"] for finding in self.findings]
        return {s.value: found.count(s) for s in reversed(Severity) if s in found}

    def document(self, *, notebook: str, as_of: str) -> dict[str, Any]:
        """`findings.json` (schema 1)."""
        return {
            "schema": SCHEMA,
            "notebook": notebook,
            "as_of": as_of,
            "window": self.window,
            "verdict": self.verdict.value,
            "findings": list(self.findings),
        }


NOT_JUDGED = Emitted(verdict=Verdict.UNKNOWN, findings=(), window=None, warehouse="", queries=())


def read_emitted(notebook: Mapping[str, Any]) -> Emitted | None:
    """The last judgement among the outputs; None when the notebook never emitted one.

    Raises:
        ValueError: there is one, but it is not what `nb.emit` makes; says what is wrong.
    """
    found = [
        output["data"][FINDINGS_MIMETYPE]
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if FINDINGS_MIMETYPE in output.get("data", {})
    ]
    if not found:
        return None
    said = plain(found[-1])
    try:
        findings = [_finding(item) for item in said["findings"]]
        return Emitted(
            verdict=Verdict(said["verdict"]),
            findings=tuple(sorted(findings, key=lambda f: -Severity(f["severity"]).rank)),
            window={"start": str(said["window"]["start"]), "end": str(said["window"]["end"])},
            warehouse=str(said["warehouse"]),
            queries=tuple(dict(query) for query in said.get("queries", ())),
        )
    except KeyError as error:
        raise ValueError(f"the emitted judgement has no {error}") from None
    except TypeError as error:
        raise ValueError(f"the emitted judgement is malformed: {error}") from None


def _finding(item: Mapping[str, Any]) -> dict[str, Any]:
    Severity(item["severity"])
    return {key: item[key] for key in _NEEDED}
