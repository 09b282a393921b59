"""What failures of the window say, message by message, and which of it nobody has said before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from nbkit.analysis.message_templates import message_templates
from nbkit.analysis.rates import is_real_failure
from nbkit.failures import FailureCategory, said_in

SUCCESS = FailureCategory.SUCCESS.value
SILENT = ""  # the template of a failure that left no message


@dataclass(frozen=True, kw_only=True)
class MessageGroup:
    """Failures of the window with one template and one category.

    `example` is one message as it was written, the first of the processor that says it most.
    `usual` is how many a window of this length brings on average over the baseline; `is_new` says
    that no processor wrote it there, `new_for` names those that never did. `since` and `until` are
    the ends of the first and last such run.
    """

    template: str
    category: str
    expected: bool
    example: str
    example_run_id: str
    failures: int
    processors: tuple[str, ...]
    since: datetime
    until: datetime
    usual: float
    is_new: bool
    new_for: tuple[str, ...]


def with_templates(window: pd.DataFrame, *others: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
    """Add `template` to frames with `error_signature`, mined over all of them at once.

    Only what is mined together can be compared: a slot that the baseline has shown is one in the
    window too.
    """
    frames = (window, *others)
    signatures = pd.concat([frame["error_signature"] for frame in frames]).dropna().unique()
    said = {signature: said_in(signature) for signature in signatures}
    templates = message_templates(said.values())
    known = {signature: templates[text] for signature, text in said.items()}
    return tuple(
        frame.assign(
            template=pd.Series(
                [known.get(signature, SILENT) for signature in frame["error_signature"]],
                index=frame.index,
                dtype="str",
            )
        )
        for frame in frames
    )


def message_groups(
    window: pd.DataFrame, baseline: pd.DataFrame, *, windows: float
) -> tuple[MessageGroup, ...]:
    """Group the failures of the window by what they say: new ones first, real before expected,
    then by number.

    Args:
        window: rows of `window_outcomes`, classified and `with_templates`.
        baseline: rows of `hourly_counts` before it, likewise.
        windows: how many windows of this length the baseline holds.
    """
    failing = window[window["category"].notna() & (window["category"] != SUCCESS)]
    before = baseline[baseline["category"] != SUCCESS]
    seen_by = set(zip(before["template"], before["processor_name"], strict=True))
    seen = {template for template, _ in seen_by}
    usual = before.groupby(["template", "category"], observed=True)["runs"].sum()
    groups = []
    for (template, category), own in failing.groupby(["template", "category"], sort=True):
        by_name = own.groupby("processor_name", observed=True)["runs"].sum()
        names = tuple(
            str(name) for name in by_name.sort_values(ascending=False, kind="stable").index
        )
        # Quoted is who says it most: the same words of another may be about another source.
        loudest = own[own["processor_name"] == names[0]]
        first = loudest.sort_values(["first_ended_at", "example_run_id"]).iloc[0]
        is_new = template != SILENT and template not in seen
        groups.append(
            MessageGroup(
                template=str(template),
                category=str(category),
                expected=not bool(is_real_failure(own).iloc[0]),
                example=said_in(first["error_example"]),
                example_run_id=str(first["example_run_id"]),
                failures=int(own["runs"].sum()),
                processors=names,
                since=own["first_ended_at"].min().to_pydatetime(),
                until=own["last_ended_at"].max().to_pydatetime(),
                usual=float(usual.get((template, category), 0)) / windows if windows else 0.0,
                is_new=is_new,
                new_for=tuple(name for name in names if (template, name) not in seen_by),
            )
        )
    return tuple(sorted(groups, key=lambda g: (g.expected, not g.is_new, -g.failures, g.template)))
