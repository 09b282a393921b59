"""What a failing run says, by the kind of its fault, and the category that the platform records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from worlds.names import table_of

# The words written since 2026-01-14 for the first vocabulary's (facts: incidents.md).
SECOND_WORDS = {
    "no_data_available": "no_data_available",
    "dependency_missing": "upstream_failure",
    "validation_failed": "processing_error",
    "timeout": "timeout",
    "error": "processing_error",
}


@dataclass(frozen=True)
class Line:
    """One message: the recorded category, the exception's type ("": none) and a template."""

    category: str
    kind: str
    text: str


FAMILIES: dict[str, tuple[Line, ...]] = {
    "no_data": (
        Line("no_data_available", "", "No games found for {date}"),
        Line("no_data_available", "", "No events found at snapshot for {date}"),
        Line("no_data_available", "", "Odds API returned empty list for off-day {date}"),
        Line("no_data_available", "", "No rosters changed since {date}; nothing to merge"),
        Line("no_data_available", "", "Received 0 rows; league calendar shows no games on {date}"),
    ),
    "early": (
        Line("no_data_available", "", "Games in progress or not started"),
        Line("no_data_available", "", "Box score not available: game 00225{n} has not started"),
        Line(
            "no_data_available",
            "",
            "404 Not Found: https://official.example/gamebook/00225{n}.pdf"
            " (report is published after the game)",
        ),
        Line("no_data_available", "", "No player props data available at this snapshot"),
        Line(
            "dependency_missing",
            "",
            "No rows in {input} for {date}, upstream load has not completed",
        ),
        Line("dependency_missing", "ValueError", "Missing critical dependencies: ['{input}']"),
    ),
    "upstream": (
        Line("dependency_missing", "DependencyError", "Upstream {names} failed for {date}"),
        Line(
            "dependency_missing",
            "DependencyError",
            "Upstream {names} failed for {date}. Error: 503 Service Unavailable",
        ),
        Line("dependency_missing", "ValueError", "Missing critical dependencies: ['{table}']"),
        Line(
            "dependency_missing",
            "",
            "No rows in {table} for {date}, upstream load has not completed",
        ),
    ),
    "unavailable": (
        Line("error", "requests.exceptions.HTTPError", "503 Server Error: Service Unavailable"),
        Line(
            "error",
            "requests.exceptions.ConnectionError",
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without"
            " response'))",
        ),
        Line(
            "error",
            "requests.exceptions.ConnectionError",
            "HTTPSConnectionPool(host='api.example', port=443): Max retries exceeded with url:"
            " /v2 (Caused by NewConnectionError('[Errno 111] Connection refused'))",
        ),
        Line("error", "", "500 Internal Server Error: backend error, try again later"),
    ),
    "hang": (
        Line("timeout", "google.api_core.exceptions.DeadlineExceeded", "504 Deadline Exceeded"),
        Line(
            "timeout",
            "asyncio.exceptions.TimeoutError",
            "asyncio.exceptions.TimeoutError: work for {date} did not finish in 540 s",
        ),
        Line("timeout", "TimeoutError", "Page.goto: Timeout 45000ms exceeded."),
    ),
    "starved": (
        Line(
            "timeout",
            "",
            "lock wait timeout: processing lock on {date} held for 300 s by another run",
        ),
        Line(
            "error",
            "google.api_core.exceptions.BadRequest",
            "Could not serialize access to table {own} due to concurrent update",
        ),
        Line(
            "error",
            "",
            "The request was aborted because there was no available instance.",
        ),
        Line(
            "timeout",
            "sqlalchemy.exc.TimeoutError",
            "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
        ),
        Line("error", "", "Resources exceeded during query execution: not enough slots"),
    ),
    "quota": (
        Line("error", "requests.exceptions.HTTPError", "429 Client Error: Too Many Requests"),
        Line(
            "error",
            "google.api_core.exceptions.Forbidden",
            "403 Quota exceeded: Your table exceeded quota for imports or query appends per table",
        ),
        Line(
            "error", "", "rateLimitExceeded: Exceeded rate limits: too many table update operations"
        ),
        Line("error", "", "API rate limit reached (HTTP 429), retry after 60 seconds"),
    ),
    "malformed": (
        Line(
            "error",
            "ValueError",
            "Invalid gcs_path format: nba-scraped-data/{date}. Expected gs://",
        ),
        Line(
            "error",
            "json.decoder.JSONDecodeError",
            "Expecting value: line 1 column 1 (char 0)",
        ),
        Line("error", "KeyError", "KeyError: 'game_id'"),
        Line("error", "AttributeError", "'NoneType' object has no attribute 'get'"),
        Line("validation_failed", "DownloadDataException", "Game 4 is not a dict: <class 'str'>"),
    ),
    "swept": (
        Line("timeout", "", "stale_running_cleanup: stuck in running state for more than 4 hours"),
        Line(
            "timeout",
            "",
            '{{"cleanup": "stale_running_cleanup", "original_errors": null,'
            ' "hours_running": {hours}}}',
        ),
    ),
    "again": (
        Line(
            "error",
            "google.api_core.exceptions.Conflict",
            "409 Already Exists: Job nba-props-platform:us-west2.load_{n}",
        ),
        Line(
            "validation_failed",
            "",
            "Duplicate rows: {n} duplicates on (game_id, player_lookup) in {own}",
        ),
        Line(
            "error",
            "google.api_core.exceptions.BadRequest",
            "Could not serialize access to table {own} due to concurrent update",
        ),
    ),
    "gap": (
        Line("dependency_missing", "DependencyError", "{n} gaps in historical data"),
        Line(
            "validation_failed",
            "",
            "Row count check failed for {date}: 12 rows, expected at least 150",
        ),
        Line("no_data_available", "", "No player props data available at this snapshot"),
        Line(
            "dependency_missing",
            "FileNotFoundError",
            "No schedule files found for season 2021-22 at nba-com/schedule/",
        ),
    ),
    "random": (
        Line("validation_failed", "", "Data validation found {n} issues"),
        Line("validation_failed", "", "resultSets is not a list for game 00225{n}"),
        Line("error", "RuntimeError", "Failed to publish Phase 6 trigger for {date}"),
        Line("error", "", "Failed to batch insert {n} analytics rows"),
        Line("timeout", "", "Job exceeded rate of progress: 0 rows in 20 minutes"),
        Line("error", "requests.exceptions.ConnectionError", "Connection reset by peer"),
        Line(
            "dependency_missing", "", "Some sources are stale: ['nba_raw.nbac_injury_report: 26h']"
        ),
        Line("error", "RuntimeError", "MERGE operation failed"),
    ),
}


@dataclass(frozen=True)
class Voice:
    """Which lines of each family a world uses, and in what shape it writes `errors`.

    A platform does not say one thing in five ways: a world has one to three lines a family; of
    families that gather unlike troubles it has all.
    """

    lines: dict[str, tuple[Line, ...]]
    shape: str

    def line_of(self, fault: str, pick: int) -> Line:
        lines = self.lines[fault]
        return lines[pick % len(lines)]

    def write(self, line: Line, text: str) -> str:
        if text.startswith("{") or self.shape == "strings":
            return text if text.startswith("{") else json.dumps([text])
        if self.shape == "text":
            return json.dumps(text)
        found: dict[str, str] = {"message": text}
        if line.kind:
            found["type"] = line.kind
        return json.dumps([found])


def voice(rng: np.random.Generator) -> Voice:
    """What the platform of one world sounds like."""
    lines = {}
    for fault, known in FAMILIES.items():
        if fault in ("random", "no_data"):
            lines[fault] = known
            continue
        count = min(int(rng.integers(1, 4)), len(known))
        chosen = rng.choice(len(known), size=count, replace=False)
        lines[fault] = tuple(known[int(i)] for i in chosen)
    if lines["upstream"]:
        # Somebody names the upstream by its name, not only by its table.
        lines["upstream"] = (*lines["upstream"], FAMILIES["upstream"][int(rng.integers(0, 2))])
    return Voice(lines=lines, shape=str(rng.choice(["objects", "objects", "strings", "text"])))


def speak(line: Line, *, processor: str, day: int, names: str, pick: int, hours: float) -> str:
    """The message of one run. `day`: days since 1970; `pick`: any number, for ids in the text."""
    return line.text.format(
        date=_day_text(day),
        own=table_of(processor),
        table=table_of(names) if names else table_of(processor),
        input=table_of(names) if names else "nba_raw.nbac_gamebook_player_stats",
        names=names or "an upstream",
        n=pick % 90_000 + 10,
        hours=round(hours, 1),
    )


_DAYS: dict[int, str] = {}


def _day_text(day: int) -> str:
    if day not in _DAYS:
        _DAYS[day] = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
    return _DAYS[day]
