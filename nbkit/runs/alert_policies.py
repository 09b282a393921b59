"""Alert policies and log-based metrics for Cloud Monitoring, as files under `registry/alerts/`.

An alert that fires on runs with nothing to do is what the platform drowned in. Each metric's
filter is therefore tried on lines as `nbkit.runs.log_line` writes them: one that counts an expected
outcome is refused.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nbkit.errors import RegistryError
from nbkit.project import Project
from nbkit.registry.yaml_lines import Document, read_document, shown_path
from nbkit.runs.log_line import finished_run_line

_USER_METRIC = re.compile(r'metric\.type="logging\.googleapis\.com/user/([\w.-]+)"')
_RUNBOOK = re.compile(r"docs/runbooks/([\w-]+)\.md")
_COMPARISON = re.compile(r'^jsonPayload\.([\w.]+)\s*(>=|<=|!=|=|>|<)\s*("[^"]*"|[\w.+-]+)$')
_Seconds = Annotated[str, Field(pattern=r"^\d+s$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Label(_Model):
    key: str
    valueType: Literal["STRING", "BOOL", "INT64"]  # noqa: N815  # Google's names


class _Descriptor(_Model):
    metricKind: Literal["DELTA"]  # noqa: N815
    valueType: Literal["INT64"]  # noqa: N815
    unit: str
    labels: list[_Label] = []


class Metric(_Model):
    """A log-based metric, as `gcloud logging metrics create --config-from-file` takes it."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    description: str
    filter: str
    metricDescriptor: _Descriptor  # noqa: N815
    labelExtractors: dict[str, str] = {}  # noqa: N815


class _Aggregation(_Model):
    alignmentPeriod: _Seconds  # noqa: N815
    perSeriesAligner: Literal["ALIGN_SUM", "ALIGN_COUNT", "ALIGN_RATE"]  # noqa: N815
    crossSeriesReducer: Literal["REDUCE_SUM", "REDUCE_NONE"]  # noqa: N815
    groupByFields: list[str] = []  # noqa: N815


class _Threshold(_Model):
    filter: str
    comparison: Literal["COMPARISON_GT", "COMPARISON_LT"]
    thresholdValue: int | float  # noqa: N815
    duration: _Seconds
    aggregations: Annotated[list[_Aggregation], Field(min_length=1)]


class _Condition(_Model):
    displayName: str  # noqa: N815
    conditionThreshold: _Threshold  # noqa: N815


class _Documentation(_Model):
    mimeType: Literal["text/markdown"]  # noqa: N815
    content: str


class _Strategy(_Model):
    autoClose: _Seconds  # noqa: N815


class Policy(_Model):
    """An alert policy, as `gcloud alpha monitoring policies create --policy-from-file` takes it."""

    displayName: str  # noqa: N815
    severity: Literal["CRITICAL", "ERROR", "WARNING"]
    combiner: Literal["OR", "AND"]
    enabled: bool
    documentation: _Documentation
    conditions: Annotated[list[_Condition], Field(min_length=1)]
    alertStrategy: _Strategy  # noqa: N815
    userLabels: dict[str, str] = {}  # noqa: N815


@dataclass(frozen=True)
class Alerts:
    """All that stands under `registry/alerts/`, checked."""

    metrics: Mapping[Path, Metric]
    policies: Mapping[Path, Policy]

    def commands(self, project: Project) -> tuple[str, ...]:
        """The gcloud commands that create them, metrics first."""

        def within(path: Path) -> str:
            return shlex.quote(str(path.relative_to(project.root)))

        return (
            *(
                f"gcloud logging metrics create {m.name} --config-from-file={within(path)}"
                for path, m in self.metrics.items()
            ),
            *(
                f"gcloud alpha monitoring policies create --policy-from-file={within(path)}"
                for path in self.policies
            ),
        )


def load_alerts(project: Project) -> Alerts:
    """Read and check all files.

    Raises:
        RegistryError: all that is wrong, a line each: file:line, key, what to do.
    """
    folder = project.registry / "alerts"
    problems: list[str] = []
    metrics = _read(sorted((folder / "metrics").glob("*.yaml")), Metric, problems)
    policies = _read(sorted(folder.glob("*.yaml")), Policy, problems)
    for (path, document), metric in metrics.items():
        problems += [_at(path, document, *problem) for problem in _metric_problems(metric)]
    names = {metric.name for metric in metrics.values()}
    for (path, document), policy in policies.items():
        problems += [
            _at(path, document, *problem) for problem in _policy_problems(policy, names, project)
        ]
    if not metrics or not policies:
        problems.append(f"{shown_path(folder)}: there are no policies or no metrics in it.")
    if problems:
        raise RegistryError("\n".join(problems))
    return Alerts(
        {path: metric for (path, _), metric in metrics.items()},
        {path: policy for (path, _), policy in policies.items()},
    )


def _read(paths: list[Path], model: Any, problems: list[str]) -> dict[tuple[Path, Any], Any]:
    from pydantic import ValidationError

    found: dict[tuple[Path, Any], Any] = {}
    for path in paths:
        document = read_document(path)
        try:
            found[(path, _Lines(document))] = model.model_validate(document.values)
        except ValidationError as error:
            for one in error.errors():
                said = f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}"
                problems.append(_at(path, _Lines(document), tuple(one["loc"]), said))
    return found


class _Lines:
    """Where keys stand in a document."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def line(self, key: tuple[str | int, ...]) -> int:
        return self._document.line(key)


def _at(path: Path, lines: Any, key: tuple[str | int, ...], said: str) -> str:
    return f"{shown_path(path)}:{lines.line(key)}: {said}"


def _metric_problems(metric: Metric) -> list[tuple[tuple[str | int, ...], str]]:
    problems: list[tuple[tuple[str | int, ...], str]] = []
    try:
        counted = [
            category for category, line in _expected_lines().items() if matches(metric.filter, line)
        ]
    except ValueError as error:
        return [(("filter",), f"filter: {error}")]
    if counted:
        problems.append(
            (
                ("filter",),
                f"filter: it counts runs that are {', '.join(counted)}, on which no alert may "
                "fire; add jsonPayload.is_real_failure=true",
            )
        )
    labels = {label.key for label in metric.metricDescriptor.labels}
    if labels != set(metric.labelExtractors):
        problems.append((("labelExtractors",), "labelExtractors: one is needed for each label"))
    return problems


def _policy_problems(
    policy: Policy, metrics: set[str], project: Project
) -> list[tuple[tuple[str | int, ...], str]]:
    problems: list[tuple[tuple[str | int, ...], str]] = []
    for number, condition in enumerate(policy.conditions):
        key = ("conditions", number, "conditionThreshold", "filter")
        named = _USER_METRIC.findall(condition.conditionThreshold.filter)
        if len(named) != 1 or named[0] not in metrics:
            known = ", ".join(sorted(metrics))
            problems.append((key, f"filter: names no metric of registry/alerts/metrics ({known})"))
    runbooks = _RUNBOOK.findall(policy.documentation.content)
    missing = [name for name in runbooks if not (project.runbooks / f"{name}.md").is_file()]
    if missing or not runbooks:
        said = f"no such runbook: {', '.join(missing)}" if missing else "names no runbook"
        problems.append((("documentation", "content"), f"documentation: {said}"))
    return problems


def _expected_lines() -> dict[str, dict[str, Any]]:
    """Lines of runs that nobody needs to look at, by their category."""
    row = {"processor_name": "P", "run_id": "r", "phase": "phase_2_raw"}
    return {
        "success": finished_run_line({**row, "status": "success", "failure_category": "success"}),
        "no_data_available": finished_run_line(
            {**row, "status": "failed", "failure_category": "no_data_available"}
        ),
        "skipped": finished_run_line(
            {**row, "status": "skipped", "failure_category": "no_data_available"}
        ),
    }


def matches(text: str, line: Mapping[str, Any]) -> bool:
    """Whether a line of the log passes a filter of the Logging query language; of that language
    comparisons of `jsonPayload` fields joined by AND.

    Raises:
        ValueError: it is more than that.
    """
    for part in re.split(r"\s+AND\s+", text.strip()):
        found = _COMPARISON.match(part.strip())
        if not found:
            raise ValueError(f'{part!r} is not a comparison like jsonPayload.status="failed"')
        name, operator, said = found.groups()
        if not _compare(line.get(name), operator, said):
            return False
    return True


def _compare(value: Any, operator: str, said: str) -> bool:
    if value is None:  # a field that is absent passes no comparison, != included
        return False
    if operator in ("=", "!="):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return (text == said.strip('"')) == (operator == "=")
    number, limit = float(value), float(said.strip('"'))
    return {
        ">": number > limit,
        "<": number < limit,
        ">=": number >= limit,
        "<=": number <= limit,
    }[operator]
