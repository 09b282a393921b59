"""What failed runs say: templates, and the JSON that the platform wrote for them."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import numpy.typing as npt

from nbkit.warehouse.demo.facts import load_messages

SWEPT = "stale_running_cleanup"
MISSING = "Missing critical dependencies: {missing}"
PLANTED = {
    "certificate": "SSLCertVerificationError: certificate has expired",
    "poison": "Invalid gcs_path format: nba-scraped-data/{older}. Expected gs://bucket/path format "
    "from scraper espn_roster",
    "import": "Failed to load processor bdl_standings: cannot import name 'standings_schema' from "
    "'shared.schemas' (/app/shared/schemas.py)",
    "outage": "503 Server Error: Service Unavailable for url: https://official.example/gamebook/",
    "cascade": "Upstream NbacGamebookProcessor failed for {date}. Error: 503 Service Unavailable",
    "premature": "Games in progress or not started",
    "republished": "already_processed: data hash unchanged for {date}",
    "schema": "400 Name team_abbr not found inside t at [31:14]",
    "quota": "403 Quota exceeded: Your table exceeded quota for total number of dml jobs writing "
    "to a table, pending + running. table: nba_raw.br_rosters_current",
}
TEAMS = (
    *("ATL", "BOS", "BRK", "CHO", "CHI", "CLE", "DAL", "DEN", "DET", "GSW", "HOU", "IND", "LAC"),
    *("LAL", "MEM", "MIA", "MIL", "MIN", "NOP", "NYK", "OKC", "ORL", "PHI", "PHO", "POR", "SAC"),
    *("SAS", "TOR", "UTA", "WAS"),
)
# Shape of the JSON, by draw from 0 to 99: [text], [object], text, [object with a trace], "trunc…
_SHAPES = (50, 80, 90, 99, 100)

_EXCEPTIONS = (
    ("SSLCert", "ssl.SSLCertVerificationError"),
    ("cannot import name", "ImportError"),
    ("Invalid gcs_path", "ValueError"),
    ("SourceDataMissing", "SourceDataMissingError"),
    ("403 Quota", "google.api_core.exceptions.Forbidden"),
    ("400 ", "google.api_core.exceptions.BadRequest"),
    ("Could not serialize", "google.api_core.exceptions.BadRequest"),
    ("404 Not Found: https", "requests.exceptions.HTTPError"),
    ("429 ", "requests.exceptions.HTTPError"),
    ("503 ", "requests.exceptions.HTTPError"),
    ("504 ", "google.api_core.exceptions.DeadlineExceeded"),
    ("Read timed out", "requests.exceptions.ReadTimeout"),
    ("Page.goto", "playwright._impl._errors.TimeoutError"),
    ("asyncio", "asyncio.exceptions.TimeoutError"),
    ("Connection aborted", "requests.exceptions.ConnectionError"),
    ("Expecting value", "json.decoder.JSONDecodeError"),
    ("MERGE", "RuntimeError"),
    ("Upstream ", "DependencyError"),
    ("Missing critical", "ValueError"),
    ("No players found", "ValueError"),
)


@cache
def templates() -> tuple[str, ...]:
    """Every text that the demo can say; a run holds the position of its own in here."""
    seen: dict[str, None] = {}
    for entries in load_messages().values():
        for _share, text in entries:
            seen.setdefault(text)
    for text in (SWEPT, MISSING, *PLANTED.values()):
        seen.setdefault(text)
    return tuple(seen)


def template(text: str) -> int:
    """Position of a text among the templates."""
    return templates().index(text)


def draw(kind: str, n: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """`n` templates of one kind of processor, in the published proportions."""
    entries = load_messages()[kind]
    shares = np.array([share for share, _ in entries])
    own = np.array([template(text) for _, text in entries], dtype=np.int32)
    return own[rng.choice(own.size, size=n, p=shares / shares.sum())]


def error_json(text: int, *, day: int, variant: int, shape: int, missing: tuple[str, ...]) -> str:
    """The `errors` column of one failure.

    Args:
        text: position of the template.
        day: data date, days since 1970.
        variant: 0 to 29; which team, game and number fill the gaps.
        shape: 0 to 99; which of the shapes seen in production.
        missing: tables that a failed dependency check names.
    """
    pattern = templates()[text]
    if pattern == SWEPT:
        # rows.sql writes how long the run had been open.
        return json.dumps([{"cleanup": SWEPT, "original_errors": None}])
    date = np.datetime64(day, "D")
    message = pattern.format(
        date=date,
        older=date - np.timedelta64(1 + variant % 4, "D"),
        game=f"00225{(day * 31 + variant) % 1230:05d}",
        team=TEAMS[variant % len(TEAMS)],
        n=26 + 7 * variant,
        missing=list(missing),
    )
    kind = next((name for part, name in _EXCEPTIONS if part in pattern), "Exception")
    if shape < _SHAPES[0]:
        return json.dumps([message])
    if shape < _SHAPES[1]:
        return json.dumps([{"error_type": kind, "message": message}])
    if shape < _SHAPES[2]:
        return json.dumps(message)
    if shape < _SHAPES[3]:
        trace = (
            "Traceback (most recent call last):\n"
            '  File "/app/data_processors/processor_base.py", line 412, in run\n'
            "    self.process()\n"
            f"{kind}: {message}"
        )
        return json.dumps([{"error_type": kind, "error": message, "traceback": trace}])
    # A column cut at its limit: no longer JSON, so it is kept as a JSON string.
    return json.dumps(json.dumps([{"error_type": kind, "message": message}])[:-3])
