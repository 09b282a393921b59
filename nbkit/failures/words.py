"""What a message says, with the names in it taken out: names are not words.

`no_games` is a column, `phase4-timeout-check` a topic, `UpcomingGamesProcessor` a class,
`"No games"` in quotes a value. Rules that look for "no games" or "timeout" must not see them. So
every name becomes a tag (`<name>`, `<table>`, `<processor>`, `<url>`, `<path>`, `<setting>`,
`<date>`), and the rules speak of tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

# Words of the platform that are spelt like names. They keep their meaning.
_SPOKEN = frozenset(
    {
        "smart_skip",
        "early_exit",
        "already_processed",
        "no_data",
        "no_data_available",
        "no_games",
        "off_season",
        "stale_running_cleanup",
        "upstream_failure",
        "validation_failed",
        "dependency_missing",
        "missing_dependency",
        "dependency_check_passed",
        "deadline_exceeded",
        "resource_exhausted",
        "err_timed_out",
        "err_connection_timed_out",
    }
)
_SETTING = (
    r"\w+_(?:key|token|url|uri|secret|password|project_id|client_id|bucket|dsn|webhook|seconds)"
)
# A dataset's name has one of these words in it; other snake_case may be a column or a variable.
_DATASET = r"\w*(?:raw|analytics|precompute|predictions|reference|orchestration|grading|staging)"

# What the class of an exception looks like, anywhere in a text.
_CLASS = re.compile(
    r"(?<![\w./<-])(?:[a-z_]\w*\.)*[a-z_]\w{2,}(?:error|exception|timeout|expired|exceeded|limit"
    r"|interrupt)(?![\w/-])"
)


def _tag_token(match: re.Match[str]) -> str:
    token = match[0]
    if token in _SPOKEN:
        return token
    if "stale" in token and ("clean" in token or "running" in token):
        return "stale_running_cleanup"
    if token.startswith("expect_"):
        return "<expectation>"
    if re.fullmatch(_SETTING, token):
        return "<setting>"
    return "<table>" if "." in token and re.match(rf"{_DATASET}\.", token) else "<name>"


_Replacement = str | Callable[[re.Match[str]], str]
_TAGS: tuple[tuple[re.Pattern[str], _Replacement], ...] = tuple(
    (re.compile(pattern), tag)
    for pattern, tag in (
        (r"\b(?:https?|wss?|postgresql|redis)://\S+?(?=[)\]'\",;]*(?:\s|$))", "<url>"),
        (r"\bgs://\S+?(?=[)\]'\",;]*(?:\s|$))", "<path>"),
        # Paths: absolute with two parts, or relative with a file's suffix or a last slash.
        (r"(?<![\w<])(?:/[\w.@%=~-]+){2,}/?", "<path>"),
        (
            r"\b[\w.-]+(?:/[\w.=%-]+)*\.(?:py|json|jsonl|csv|ya?ml|html?|parquet|sql|sh|txt)\b",
            "<path>",
        ),
        (r"\b[\w.-]*[\w-](?:/[\w.=%-]+)*/(?=\s|$)", "<path>"),
        (
            r"\b\d{4}-\d\d?-\d\d?(?:[t ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z|[+-]\d\d:?\d\d)?)?\b",
            "<date>",
        ),
        # A proxy that says "upstream" means a server, not a processor.
        (
            r"\b(?:no healthy upstream|upstream (?=connect|request|prematurely|server|sent|host"
            r"|response|overflow|timed out \(\d))",
            "proxy ",
        ),
        # A limit that is told beside what happened is not what happened.
        (r"\(?\b(?:read |connect )?time_?out(?:_\w+)?\s*=\s*[\d.]+\w*\)?", "<setting>"),
        (r"\bclient error:? '?(?:404 )?not found\b", "not found"),
        (r"\b(?:nba|wnba|mlb|gcp|phase\d\w*)-[\w-]*[a-z][\w-]*(?:[:.][\w.-]+)*", "<name>"),
        # Dataset and table, also with the project before them (which is a <name> by now).
        (rf"\b{_DATASET}\.[a-z]\w*", _tag_token),
        (r"<name>[:.]<table>|`<table>`", "<table>"),
        (r"\b[a-z]\w*(?:processor|exporter|coordinator|scraper|detector)(?:v\d)?\b", "<processor>"),
        (r"\b(?:\w+\.)*[a-z0-9]+(?:_[a-z0-9]+)+(?:\.\w+)*\b", _tag_token),
        (r"<name>(?:\.<?\w+>?)+", "<name>"),
    )
)
# Quotes, but not apostrophes. What is quoted and has no space in it is a name.
_QUOTED = re.compile(r"(?<![\w])(['\"`])(?P<text>(?:(?!\1).|(?<=\w)\1(?=\w))*?)\1(?!\w)", re.DOTALL)

# What stands before a message without saying anything.
_PREFIX = re.compile(
    r"\s*(?:\[?<date>\]?\s*[-|:,]*\s+|\[?(?:error|warning|warn|info|critical|fatal|debug"
    r"|exception)\]?\s*[-|:\]]+\s*|<processor>\s*:\s*|(?:<path>|<name>)(?::\d+)*\s*:\s*"
    r"|(?:[\w.]+)?(?:error|exception|warning|skip|available|scheduled|nodata|nogames)\s*:\s+"
    r"|(?:the )?(?:processing|processor|run|scrape|scraper|scraping|job|task|step"
    r"|<processor>)(?: run)? (?:failed|skipped|stopped|aborted|ended|error)(?: for <date>)?\s*:\s*"
    r"|run \w+\s*:\s*)"
)
# repr() of an exception: ValueError('No games found')
_REPR = re.compile(
    r"^\s*(?P<kind>[a-z_][\w.]*)\((?P<quote>['\"])(?P<text>.*)(?P=quote),?\)\s*$", re.S
)


@dataclass(frozen=True)
class Reading:
    """A message as the rules see it, in lower case.

    `words`: names tagged, quoted prose kept. `statement`: what the message itself says, without
    quotations and without what stands before it. `kinds`: the exception classes that it names.
    """

    words: str
    statement: str
    kinds: tuple[str, ...]


def read(
    text: str, *, exception_type: str | None = None, processor_name: str | None = None
) -> Reading:
    """Tag the names in a message. Any text will do."""
    plain = text.lower().replace("’", "'").replace("\u00a0", " ")
    kinds = [exception_type.strip().lower()] if exception_type else []
    if whole := _REPR.match(plain):
        kinds.append(whole["kind"])
        plain = whole["text"]
    if processor_name and len(processor_name) > 3:
        plain = plain.replace(processor_name.lower(), "<processor>")
    kinds += _CLASS.findall(plain)
    for pattern, tag in _TAGS:
        plain = pattern.sub(tag, plain)
    words = _QUOTED.sub(_unquoted, plain)
    statement = _QUOTED.sub(_silenced, plain)
    for _ in range(6):
        shorter = _PREFIX.sub("", statement, count=1) if _PREFIX.match(statement) else statement
        if shorter == statement:
            break
        statement = shorter
    return Reading(words, statement.strip(), tuple(dict.fromkeys(kinds)))


def _unquoted(match: re.Match[str]) -> str:
    inner = match["text"].strip()
    return f" {inner} " if " " in inner or inner in _SPOKEN or inner == "timeout" else _tag(inner)


def _silenced(match: re.Match[str]) -> str:
    return _tag(match["text"].strip())


def _tag(inner: str) -> str:
    return inner if inner.startswith("<") and inner.endswith(">") else "<name>"
