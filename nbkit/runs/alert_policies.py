"""Alert policies and log-based metrics for Cloud Monitoring, as files under `registry/alerts/`.

An alert that fires on runs with nothing to do is what the platform drowned in. Each metric's
filter is therefore tried on lines as `nbkit.runs.log_line` writes them: one that counts an expected
outcome is refused, and so is a policy on a metric that counts successes, but for what a rate is
divided by.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbkit.errors import RegistryError
from nbkit.project import Project
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.registry.loading import FILE_NAME as REGISTRY_FILE
from nbkit.registry.yaml_lines import Document, read_document, shown_path
from nbkit.runs.alert_files import Metric, Policy
from nbkit.runs.log_line import finished_run_line

_METRIC = re.compile(r'metric\.type="([^"]+)"')
_OWN = "logging.googleapis.com/user/"
# Metrics of Google's that count no runs.
_GOOGLES = frozenset({"pubsub.googleapis.com/subscription/num_undelivered_messages"})
_METRIC_LABEL = re.compile(r"metric\.label\.(\w+)")
_PROCESSORS = re.compile(r"metric\.label\.processor=one_of\(([^)]*)\)")
_RUNBOOK = re.compile(r"docs/runbooks/([\w-]+)\.md")
_COMPARISON = re.compile(r'^jsonPayload\.([\w.]+)\s*(>=|<=|!=|=|>|<)\s*("[^"]*"|[\w.+-]+)$')


@dataclass(frozen=True)
class Alerts:
    """All that stands under `registry/alerts/`, checked."""

    metrics: Mapping[Path, Metric]
    policies: Mapping[Path, Policy]

    def commands(self, project: Project, channels: Sequence[str] = ()) -> tuple[str, ...]:
        """The gcloud commands that create them, metrics first; the policies tell `channels`."""
        told = f" --notification-channels={shlex.quote(','.join(channels))}" if channels else ""

        def within(path: Path) -> str:
            return shlex.quote(str(path.relative_to(project.root)))

        return (
            *(
                f"gcloud logging metrics create {m.name} --config-from-file={within(path)}"
                for path, m in self.metrics.items()
            ),
            *(
                f"gcloud alpha monitoring policies create --policy-from-file={within(path)}{told}"
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
    by_name = {metric.name: metric for metric in metrics.values()}
    registry = load_registry(project.registry / REGISTRY_FILE)
    for (path, document), policy in policies.items():
        found = (*_filter_problems(policy, by_name), *_document_problems(policy, project))
        problems += [_at(path, document, *one) for one in found]
        problems += [_at(path, document, *one) for one in _processor_problems(policy, registry)]
    titles = Counter(policy.displayName for policy in policies.values())
    problems += [
        _at(path, document, ("displayName",), f"displayName: {policy.displayName!r} stands twice")
        for (path, document), policy in policies.items()
        if titles[policy.displayName] > 1
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


_Problem = tuple[tuple[str | int, ...], str]


def _metric_problems(metric: Metric) -> Iterator[_Problem]:
    try:
        # Successes may be counted: a rate is divided by a metric with them.
        counted = [o for o in _good_lines() if o != "success" and _is_counted(metric, o)]
    except ValueError as error:
        yield ("filter",), f"filter: {error}"
        return
    if counted:
        yield (
            ("filter",),
            f"filter: it counts runs that are {', '.join(counted)}, on which no alert may fire; "
            "add jsonPayload.is_real_failure=true or jsonPayload.is_expected=false",
        )
    labels = {label.key for label in metric.metricDescriptor.labels}
    if labels != set(metric.labelExtractors):
        yield ("labelExtractors",), "labelExtractors: one is needed for each label"


def _is_counted(metric: Metric, outcome: str) -> bool:
    """Whether a metric counts a line of runs that nobody needs to look at."""
    return matches(metric.filter, _good_lines()[outcome])


def _filter_problems(policy: Policy, metrics: Mapping[str, Metric]) -> Iterator[_Problem]:
    for number, condition in enumerate(policy.conditions):
        threshold = condition.conditionThreshold
        key = ("conditions", number, "conditionThreshold")
        filters = [("filter", threshold.filter, threshold.aggregations)]
        if threshold.denominatorFilter or threshold.denominatorAggregations:
            below = threshold.denominatorAggregations
            filters.append(("denominatorFilter", threshold.denominatorFilter, below))
            if [a.groupByFields for a in below] != [
                a.groupByFields for a in threshold.aggregations
            ]:
                said = "denominatorAggregations: they need the groupByFields of the aggregations"
                yield (*key, "denominatorAggregations"), said
        for name, text, aggregations in filters:
            named = _METRIC.findall(text)
            known = metrics.get(named[0].removeprefix(_OWN)) if len(named) == 1 else None
            if known is None and named not in [[one] for one in _GOOGLES]:
                said = f"names no metric of registry/alerts/metrics ({', '.join(sorted(metrics))})"
                yield (*key, name), f"{name}: {said}"
                continue
            if "resource.type=" not in text:
                yield (*key, name), f"{name}: Google asks for a resource.type"
            if known is None:
                continue
            used = _METRIC_LABEL.findall(f"{text} {' '.join(aggregations[0].groupByFields)}")
            labels = {label.key for label in known.metricDescriptor.labels}
            if strange := sorted(set(used) - labels):
                yield (*key, name), f"{name}: {known.name} has no label {', '.join(strange)}"
            with suppress(ValueError):  # which is told of the metric itself
                if name == "filter" and _is_counted(known, "success"):
                    said = f"{known.name} counts successes, which only a denominatorFilter may"
                    yield (*key, name), f"{name}: {said}"


def _document_problems(policy: Policy, project: Project) -> Iterator[_Problem]:
    runbooks = _RUNBOOK.findall(policy.documentation.content)
    missing = [name for name in runbooks if not (project.runbooks / f"{name}.md").is_file()]
    if missing or not runbooks:
        said = f"no such runbook: {', '.join(missing)}" if missing else "names no runbook"
        yield ("documentation", "content"), f"documentation: {said}"


def _processor_problems(policy: Policy, registry: ProcessorRegistry) -> Iterator[_Problem]:
    """Of a policy on some processors: they are registered, and those of its criticality are all."""
    wanted = policy.userLabels.get("criticality")
    for number, condition in enumerate(policy.conditions):
        key = ("conditions", number, "conditionThreshold", "filter")
        listed = _PROCESSORS.search(condition.conditionThreshold.filter)
        if not listed and not wanted:
            continue
        names = set(re.findall(r'"([^"]+)"', listed[1])) if listed else set()
        if strange := sorted(names - {name for name in names if name in registry}):
            yield key, f"filter: not in the registry: {', '.join(strange)}"
        if wanted:
            all_of_it = {p.name for p in registry.get_by_criticality(wanted.upper())}
            if names != all_of_it:
                yield key, f"filter: those that are {wanted} are {', '.join(sorted(all_of_it))}"


def _good_lines() -> dict[str, dict[str, Any]]:
    """Lines of runs that nobody needs to look at, by their outcome."""
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
