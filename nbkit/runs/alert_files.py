"""What a file of `registry/alerts/` holds: Google's own names and limits, nothing else."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _seconds(least: int, most: int) -> AfterValidator:
    def checked(text: str) -> str:
        found = re.fullmatch(r"(\d+)s", text)
        if not found or not least <= int(found[1]) <= most:
            raise ValueError(f"write seconds from {least}s to {most}s, as Google takes them")
        return text

    return AfterValidator(checked)


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
    alignmentPeriod: Annotated[str, _seconds(60, 90_000)]  # noqa: N815
    perSeriesAligner: Literal["ALIGN_SUM", "ALIGN_MAX"]  # noqa: N815
    crossSeriesReducer: Literal["REDUCE_SUM", "REDUCE_MAX"]  # noqa: N815
    groupByFields: list[str] = []  # noqa: N815


class _Threshold(_Model):
    filter: str
    comparison: Literal["COMPARISON_GT", "COMPARISON_LT"]
    thresholdValue: int | float  # noqa: N815
    duration: Annotated[str, _seconds(0, 84_600)]
    aggregations: Annotated[list[_Aggregation], Field(min_length=1, max_length=1)]
    denominatorFilter: str = ""  # noqa: N815
    denominatorAggregations: list[_Aggregation] = []  # noqa: N815


class _Condition(_Model):
    displayName: str  # noqa: N815
    conditionThreshold: _Threshold  # noqa: N815


class _Documentation(_Model):
    mimeType: Literal["text/markdown"]  # noqa: N815
    content: str


class _Strategy(_Model):
    # No notificationRateLimit: Google has it for policies on single log lines alone.
    autoClose: Annotated[str, _seconds(1_800, 604_800)]  # noqa: N815


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
