"""What a message on the topic of failures says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from nbkit.errors import PayloadError

# Carried through a request to run again into the failure that it may lead to.
GENERATION = "nbkit_generation"
_ERRORS = ("errors", "error", "error_message", "message")


@dataclass(frozen=True, kw_only=True)
class ReportedFailure:
    """One failure of one run.

    Attributes:
        id: the same whenever this failure is told again: its run, else its message.
        errors: the text, or any value that the `errors` column may hold.
        generation: how many requests of self-heal led to the run.
    """

    id: str
    message_id: str
    processor: str
    data_date: date
    run_id: str = ""
    errors: Any = None
    exception_type: str | None = None
    status: str = "failed"
    skip_reason: str | None = None
    generation: int = 0


def read_failure(
    payload: Mapping[str, Any], attributes: Mapping[str, str], *, message_id: str
) -> ReportedFailure:
    """The failure that a message tells of.

    Needed are `processor_name` and `data_date` (or `processor` and `game_date`, the older names);
    `run_id`, `errors` (`error`, `error_message`, `message`), `exception_type`, `status` and
    `skip_reason` help. The generation is looked for in the attributes, the payload and the message
    that had triggered the run.

    Raises:
        PayloadError: one that is needed is missing or cannot be read.
    """
    processor = payload.get("processor_name") or payload.get("processor")
    if not isinstance(processor, str) or not processor.strip():
        raise PayloadError(f"processor_name is missing; the payload has {_keys(payload)}.")
    run_id = str(payload.get("run_id") or "")
    data_date = _date(payload)
    own = f"run {processor} {data_date} {run_id}" if run_id else f"message {message_id}"
    return ReportedFailure(
        id=own,
        message_id=message_id,
        processor=processor.strip(),
        data_date=data_date,
        run_id=run_id,
        errors=next((payload[name] for name in _ERRORS if payload.get(name)), None),
        exception_type=_text(payload.get("exception_type")),
        status=_text(payload.get("status")) or "failed",
        skip_reason=_text(payload.get("skip_reason")),
        generation=_generation(payload, attributes),
    )


def _date(payload: Mapping[str, Any]) -> date:
    value = payload.get("data_date") or payload.get("game_date")
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise PayloadError(
            f"data_date={value!r} is no date; write it like 2026-01-12. "
            f"The payload has {_keys(payload)}."
        ) from None


def _generation(payload: Mapping[str, Any], attributes: Mapping[str, str]) -> int:
    trigger = payload.get("trigger_message_data")
    told = [attributes.get(GENERATION), payload.get(GENERATION)]
    if isinstance(trigger, Mapping):
        told.append(trigger.get(GENERATION))
    numbers = [int(str(value)) for value in told if str(value).isdecimal()]
    return min(max(numbers, default=0), 1_000)


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _keys(payload: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, payload))[:12]) or "nothing"
