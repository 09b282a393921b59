"""Where the exported jobs will run, and what all exports say alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbkit.errors import InputError
from nbkit.schedule.job import Job


@dataclass(frozen=True, kw_only=True)
class Target:
    """The names that an export fills in. Empty ones follow from project and region.

    Attributes:
        command: the absolute path of `nbkit`, and `folder` that of the project, on a machine.
        slack_secret: name of the secret that holds the bot token.
    """

    project: str = "nba-props-platform"
    region: str = "us-west2"
    image: str = ""
    service_account: str = ""
    warehouse: str = ""
    runs: str = ""
    reports: str = ""
    slack_channel: str = "#pipeline-health"
    slack_secret: str = "nbkit-slack-bot-token"
    command: str = "/usr/local/bin/nbkit"
    folder: str = "/srv/nbkit"
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        derived = {
            "image": f"{self.region}-docker.pkg.dev/{self.project}/nbkit/nbkit:latest",
            "service_account": f"nbkit@{self.project}.iam.gserviceaccount.com",
            "warehouse": f"bigquery://{self.project}/nba_reference?location={self.region}",
            "runs": f"bigquery://{self.project}/nbkit_runs?location={self.region}",
            "reports": f"gs://{self.project}-nbkit-reports",
        }
        for name, value in derived.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)
        for name, value in vars(self).items():
            if isinstance(value, str) and (not value.isprintable() or ";" in value):
                raise InputError(
                    f"--{name.replace('_', '-')} {value!r}: must be one line without semicolons."
                )
        environment = {
            "NBKIT_WAREHOUSE": self.warehouse,
            "NBKIT_RUNS": self.runs,
            "NBKIT_REPORTS": self.reports,
            "SLACK_CHANNEL": self.slack_channel,
        }
        object.__setattr__(self, "environment", environment)


def arguments(job: Job) -> list[str]:
    """What `nbkit` is to be called with. A report's verdict is no fault of its run: the scheduler
    hears of a failure only where there was one."""
    return ["schedule", "run", job.name, "--only-if-due", "--exit-zero"]


def unit(job: Job) -> str:
    """The job's name where only small letters, digits and hyphens may stand."""
    return f"nbkit-{job.name.replace('_', '-').rstrip('-')}"


def header(target: str) -> str:
    """The first lines of every file."""
    return (
        f"# Written by `nbkit schedule export --to {target}` from registry/schedule.yaml.\n"
        "# Do not edit: change the schedule and export again.\n"
    )


def as_yaml(document: Mapping[str, Any]) -> str:
    """YAML in the order it was written in; texts of several lines as such."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, width=100)


def told(job: Job) -> str:
    """A line about a job, for a comment."""
    return f"{job.name}: {job.cron} {job.time_zone}, owner {job.owner}, told in {job.channel}"
