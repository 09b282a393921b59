"""Deployment state of Cloud Run services, from what `gcloud run services list` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ready", "not ready", "deploying", "not measured"]


@dataclass(frozen=True)
class ServiceState:
    """One service: its state, the revision that serves, and the platform's words if not ready."""

    name: str
    state: State
    revision: str | None
    message: str


@dataclass(frozen=True)
class PhaseDeployment:
    """The services of one phase together: as bad as the worst. Without data "not measured"."""

    phase: str
    state: State
    services: tuple[ServiceState, ...]


def service_states(listing: Sequence[Mapping[str, Any]]) -> tuple[ServiceState, ...]:
    """Read the services of `gcloud run services list --format=json` (Knative v1 shape), by name.

    Raises:
        ValueError: an entry without `metadata.name`.
    """
    states = []
    for entry in listing:
        name = entry.get("metadata", {}).get("name")
        if not name:
            raise ValueError("a service without metadata.name")
        status = entry.get("status", {})
        ready: Mapping[str, Any] = next(
            (c for c in status.get("conditions", []) if c.get("type") == "Ready"), {}
        )
        states.append(
            ServiceState(
                name=str(name),
                state=_state(str(ready.get("status", "Unknown"))),
                revision=status.get("latestReadyRevisionName"),
                message=str(ready.get("message", "")),
            )
        )
    return tuple(sorted(states, key=lambda s: s.name))


def deployments(
    states: Sequence[ServiceState] | None, services_of_phase: Mapping[str, Sequence[str]]
) -> tuple[PhaseDeployment, ...]:
    """Join service states with the services that each phase's runs name in the history.

    Args:
        states: None where nothing was measured.
        services_of_phase: phase → service names seen in its runs.
    """
    known = {state.name: state for state in states or ()}
    rows = []
    for phase, names in services_of_phase.items():
        own = tuple(known[name] for name in sorted(set(names)) if name in known)
        worst = next(
            (s for s in ("not ready", "deploying", "ready") if any(o.state == s for o in own)),
            "not measured",
        )
        rows.append(PhaseDeployment(phase, worst, own))  # type: ignore[arg-type]
    return tuple(rows)


def _state(ready: str) -> State:
    if ready == "True":
        return "ready"
    return "not ready" if ready == "False" else "deploying"
