"""One job of the schedule: which notebook, when, for whom; strict, frozen."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from nbkit.params.length import parse_length
from nbkit.schedule.cron import Cron

# A run that its own timeout ends still has to store its report and tell about it.
ENDING = timedelta(minutes=5)
# A start later than this is not the run that was meant, whatever the job.
LONGEST_GRACE = timedelta(hours=24)


def _length(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_length(str(value))
    except ValueError as error:
        raise ValueError(str(error).removesuffix(".")) from None


def _expression(value: str) -> str:
    return Cron(value, "UTC").expression


def _zone(value: str) -> str:
    return Cron("0 0 * * *", value).zone


def _channel(value: str) -> str:
    kind, _, rest = value.partition(":")
    if value in ("slack", "none") or (kind in ("slack", "dir") and rest.strip()):
        return value
    raise ValueError(
        f"{value!r} is not a channel; write slack, slack:#channel, dir:PATH (a preview) or none"
    )


def _grace(value: timedelta) -> timedelta:
    if value > LONGEST_GRACE:
        raise ValueError("a grace is at most 24h; later than that the next run is nearer")
    return value


Length = Annotated[timedelta, BeforeValidator(_length)]
Text = Annotated[str, Field(min_length=1, pattern=r"^\S(.*\S)?$")]


class Job(BaseModel):
    """A notebook with its parameters, at times of a zone.

    `params` is a path from the project's root. `timeout` holds for the whole run. A moment that was
    missed is made up for within `grace`. A job that is not `enabled` says its `reason`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    # Also the name of a systemd unit, of a Kubernetes object and of a Cloud Run job.
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    notebook: Text
    params: Annotated[str, Field(pattern=r"^[\w][\w./-]*\.ya?ml$")]
    cron: Annotated[str, AfterValidator(_expression)]
    time_zone: Annotated[str, AfterValidator(_zone)]
    channel: Annotated[str, AfterValidator(_channel)]
    owner: Text
    timeout: Length
    grace: Annotated[Length, AfterValidator(_grace)] = timedelta(hours=6)
    enabled: bool = True
    reason: Text | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Job:
        if not self.enabled and self.reason is None:
            raise ValueError("enabled: false needs a reason, for whoever misses the job")
        if self.enabled and self.reason is not None:
            raise ValueError("reason says why a job is not enabled; remove it, or disable the job")
        return self

    @cached_property
    def when(self) -> Cron:
        return Cron(self.cron, self.time_zone)

    @property
    def to(self) -> str:
        """Where `nbkit.delivery` is to send: `slack`, `dir:PATH`, or "" for nowhere."""
        if self.channel == "none":
            return ""
        return "slack" if self.channel.startswith("slack") else self.channel

    @property
    def slack_channel(self) -> str | None:
        """The channel that the job names; None for that of the environment."""
        kind, _, rest = self.channel.partition(":")
        return rest.strip() if kind == "slack" and rest else None
