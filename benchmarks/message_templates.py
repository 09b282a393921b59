"""Are messages that say the same taken for one? `python benchmarks/message_templates.py`.

Messages are made from templates, so the truth is known; to them come the labelled ones of
`tests/data`. Drain and Tipping are measured beside ours where they are installed
(`pip install drain3-improved tipping`; nbkit needs neither). A few seconds.
"""

from __future__ import annotations

import csv
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from importlib import import_module
from math import comb
from pathlib import Path

from nbkit.analysis.message_templates import message_templates
from nbkit.failures.words import read
from nbkit.warehouse import catalog

LABELLED = Path(__file__).parents[1] / "tests" / "data" / "error_messages_dev.csv"
VALUES = {
    "team": [
        *("ATL", "BOS", "BRK", "CHI", "DAL", "DEN", "GSW", "HOU", "LAC", "LAL", "MIA", "NYK"),
        *("PHX", "SAS", "UTA", "WAS"),
    ],
    "player": [
        *("LeBron James", "Jayson Tatum", "Nene", "Shai Gilgeous-Alexander", "Luka Doncic"),
        *("De'Aaron Fox", "Giannis Antetokounmpo", "Jaren Jackson Jr", "Victor Wembanyama"),
        *("Jimmy Butler", "Bam Adebayo", "OG Anunoby"),
    ],
    "city": [
        *("Boston", "New York", "San Antonio", "Golden State", "Utah", "Miami", "Oklahoma City"),
        "Chicago",
    ],
    "table": [
        *("bdl_standings", "nbac_gamebook_player_stats", "odds_api_player_points_props"),
        *("espn_team_rosters", "bigdataball_play_by_play"),
    ],
}
TEMPLATES = (
    "No players found for team {team}",
    "No games found for team {team}",
    "No stats for player {player} on {date}",
    "Player {player} not in roster of {team}",
    "Player {player} not in injury report of {team}",
    "Could not parse height of {player}: {n}",
    "Unknown arena in {city} for game {game}",
    "Game {game}: home team {team} differs from {team}",
    "Game {game}: away team {team} differs from {team}",
    "503 Server Error: Service Unavailable for url: https://api.example/{team}",
    "502 Server Error: Bad Gateway for url: https://api.example/{team}",
    "400 Bad Request: invalid date {date}",
    "Missing critical dependencies: ['nba_raw.{table}']",
    "Table nba_raw.{table} is empty for {date}",
    "Table nba_raw.{table} was updated {n} hours ago",
    "Merge into nba_analytics.{table} failed after {n} rows",
    "Insert into nba_analytics.{table} failed after {n} rows",
    "Expected {n} players for {team}, got {n}",
    "Expected {n} rows for {team}, got {n}",
    "Lineup of {team} has {n} starters",
    "Lineup of {team} has no starters",
    "Odds for {player} missing at DraftKings",
    "Odds for {player} missing at FanDuel",
    "Roster of {city} has {n} players, expected {n}",
    "{player} has no minutes in game {game}",
    "{player} has no shots in game {game}",
    "Connection to {city} timed out after {n} s",
    "Connection to {city} refused",
    "ValueError: cannot convert {n} of {player} to int",
    "Duplicate key {team}-{n} in nba_raw.{table}",
    "Coach of {team} changed from {player} to {player}",
    "Lock on {date} held by run {game} for {n} s",
    "processing of {team} stopped: {player} is unknown",
    "KeyError: 'team_{n}' while reading {team}",
    "ESPN roster of {team} is stale by {n} days",
    "Basketball Reference roster of {team} is stale by {n} days",
)


def made(seed: int) -> tuple[list[str], list[str]]:
    """Messages, masked as the warehouse masks them, and the template of each."""
    draws = random.Random(seed)

    def filled(match: re.Match[str]) -> str:
        if match[1] == "n":
            return str(draws.choice([draws.randint(1, 300), round(50 * draws.random(), 2)]))
        if match[1] == "date":
            return f"2026-01-{draws.randint(1, 28):02}"
        if match[1] == "game":
            return f"00225{draws.randint(0, 1229):05}"
        return draws.choice(VALUES[match[1]])

    rows = [
        (re.sub(r"\{(\w+)\}", filled, template), template)
        for template in TEMPLATES
        for _ in range(draws.choice([2, 4, 8, 25]))
    ]
    with LABELLED.open(encoding="utf-8") as file:
        rows += [(row["message"], row["template_id"]) for row in csv.DictReader(file)]
    draws.shuffle(rows)
    first, second = re.findall(r"r'(.*)'", catalog.query("hourly_counts").text)[0:4:2]
    masks = ((re.compile(first), _kept), (re.compile(second), r"\1"))
    messages = []
    for message, _ in rows:
        for pattern, replacement in masks:
            message = pattern.sub(replacement, message)
        messages.append(message)
    return messages, [template for _, template in rows]


def _kept(match: re.Match[str]) -> str:
    return f"{match[1] or ''}#"


def score(found: Sequence[Hashable], truth: Sequence[str]) -> str:
    """Grouping accuracy (Zhu et al., ICSE-SEIP 2019), and precision and recall of pairs."""
    groups, classes = defaultdict(list), defaultdict(list)
    for number, (group, template) in enumerate(zip(found, truth, strict=True)):
        groups[group].append(number)
        classes[template].append(number)
    whole = {tuple(members) for members in classes.values()}
    right = sum(len(members) for members in groups.values() if tuple(members) in whole)
    both, one, other = (
        sum(comb(n, 2) for n in Counter(keys).values())
        for keys in (zip(found, truth, strict=True), found, truth)
    )
    return (
        f"grouping accuracy {right / len(truth):.2f}  precision {both / max(one, 1):.3f}  "
        f"recall {both / other:.3f}  groups {len(groups)} of {len(classes)}"
    )


def told(name: str, miner: Callable[[], Sequence[Hashable]], truth: Sequence[str]) -> None:
    start = time.perf_counter()
    found = miner()
    print(f"{name:38}{score(found, truth)}  {1_000 * (time.perf_counter() - start):.0f} ms")


def drain(messages: Sequence[str], similarity: float) -> list[Hashable]:
    miner = import_module("drain3").TemplateMiner
    settings = import_module("drain3.template_miner_config").TemplateMinerConfig()
    settings.drain_sim_th = similarity
    drained = miner(config=settings)
    for message in messages:
        drained.add_log_message(message)
    return [getattr(drained.match(m, "always"), "cluster_id", m) for m in messages]


def tipping(messages: Sequence[str], threshold: float) -> list[Hashable]:
    clusters = import_module("tipping").parse(list(messages), threshold=threshold)[0]
    return [f"alone {n}" if c is None else c for n, c in enumerate(clusters)]


def main() -> None:
    messages, truth = made(seed=7)
    print(f"{len(messages)} messages, {len(set(messages))} distinct")
    tagged = [read(message).words for message in messages]
    told("as they are", lambda: messages, truth)
    told("names tagged", lambda: tagged, truth)

    def ours() -> list[Hashable]:
        templates = message_templates(messages)
        return [templates[message] for message in messages]

    told("ours", ours, truth)
    for library, miner, levels in (
        ("drain3", drain, (0.4, 0.5, 0.6, 0.7)),
        ("tipping", tipping, (0.1, 0.3, 0.5, 0.7)),
    ):
        start = time.perf_counter()
        try:
            import_module(library)
        except ImportError:
            print(f"{library}: not installed")
            continue
        print(f"{library}: imported in {1_000 * (time.perf_counter() - start):.0f} ms")
        for level in levels:
            told(f"{library} {level}", lambda m=miner, at=level: m(messages, at), truth)
            told(f"{library} {level}, names tagged", lambda m=miner, at=level: m(tagged, at), truth)


if __name__ == "__main__":
    main()
