"""Which error messages say the same thing: templates, with a slot where only a value differs.

`nbkit.failures.words.read` knows the platform's names (tables, processors, paths, addresses) and
tags them, and numbers are masked before. What it cannot know are values spelt like words: a team,
a player, a city. In English prose they are written with capitals or as codes, while what a message
says is in lower case; so a capital in the middle of a sentence marks a *possible* slot. It is one
if it has been seen with several values, or if its values stand in such a slot of another message.
"No players found for team BOS" and "… NYK" are one template then, "No players found" and "No games
found" never are, and "Bad Gateway" is not "Service Unavailable" although both have capitals.

The answer does not depend on the order of the messages. docs/decisions/0017-incidents.md compares
it with Drain (He et al., ICWS 2017) and says why that is not taken.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from nbkit.failures.words import read

SLOT = "<*>"
# Two values may be two messages; of a third one it is said that there are more.
ENOUGH_VALUES = 3
# "# rows", "#.0# s": numbers, as the warehouse has masked them or as they are written.
_NUMBER = re.compile(r"[#\d](?:[#\d.,:%]*[#\d%])?")
# A status says what happened, where a number alone says how much.
_STATUS = re.compile(r"(?:^|\b(?:http|status|code|error|exception)\W{0,2})[45]\d\d\b")
_VALUE = re.compile(r"(?<![\w<'./-])[A-Z](?:[\w'’#-]|\.(?=[#\d]))*(?![\w./(])")
_OPENING = re.compile(r"(?:^|[.:;!?|]\s+|\n)['\"(\[]*$")
_CLINGING = "'\"()[],.:;"

_Words = tuple[str, ...]  # of one message, each possible slot as one item
_Values = tuple[str, ...]  # what stands in its possible slots


def message_templates(messages: Iterable[str]) -> dict[str, str]:
    """The template of each distinct message.

    Args:
        messages: what errors say, numbers masked or not; JSON and traces already taken off.

    Returns:
        By message its template: lower case, names as tags (`<table>`), slots as `<*>`. Messages
        with one template say the same.
    """
    shapes = {message: _shape(message) for message in dict.fromkeys(messages)}
    groups: dict[_Words, set[_Values]] = defaultdict(set)
    for words, values in shapes.values():
        groups[words].add(values)
    slots = {words: _slots(found) for words, found in groups.items()}
    known = {
        values[at]
        for found in slots.values()
        for values, open_at in found.items()
        for at in open_at
    }
    return {
        message: _written(words, values, slots[words][values], known)
        for message, (words, values) in shapes.items()
    }


def _shape(message: str) -> tuple[_Words, _Values]:
    told = read(message).words.replace("<date>", "#")  # the warehouse masks dates as numbers
    statuses = {match.end() for match in _STATUS.finditer(told)}
    told = _NUMBER.sub(lambda n: n[0] if n.end() in statuses else "#", told)
    capitals = _capitals(message)
    words: list[str] = []
    values: list[str] = []
    for word in told.split():
        bare = word.strip(_CLINGING)
        if _NUMBER.sub("#", bare) not in capitals:
            words.append(word)
            continue
        # "LeBron James" is one value, but not "BOS: Nene".
        if words and words[-1] == SLOT and values[-1][-1] not in _CLINGING:
            values[-1] += f" {bare}"
        else:
            words.append(SLOT)
            values.append(bare)
        if word.rstrip(_CLINGING) != word:
            words.append(word[len(word.rstrip(_CLINGING)) :])
    return tuple(words), tuple(values)


def _capitals(message: str) -> set[str]:
    """Words written like values, in lower case. The first of a sentence has its capital by right:
    it counts if it has more than one, or if the next word has one too."""
    if message.upper() == message:
        return set()
    found = set()
    for match in _VALUE.finditer(message):
        word = match[0].replace("’", "'")
        opens = _OPENING.search(message[max(0, match.start() - 40) : match.start()])
        alone = not _VALUE.match(message, match.end() + 1)
        if not (opens and alone and word[1:] == word[1:].lower()):
            found.add(_NUMBER.sub("#", word.lower()))
    return found


def _slots(seen: Iterable[_Values]) -> dict[_Values, frozenset[int]]:
    """Of messages with the same words: in which places each has a slot.

    The place with fewest values splits them, until every place has one value or enough of them.
    """
    whole = sorted(set(seen))
    counts = [len({values[at] for values in whole}) for at in range(len(whole[0]))]
    few = [(n, at) for at, n in enumerate(counts) if 1 < n < ENOUGH_VALUES]
    if not few:
        open_at = frozenset(at for at, n in enumerate(counts) if n >= ENOUGH_VALUES)
        return dict.fromkeys(whole, open_at)
    _, place = min(few)
    parts: dict[str, list[_Values]] = defaultdict(list)
    for values in whole:
        parts[values[place]].append(values)
    found: dict[_Values, frozenset[int]] = {}
    for part in parts.values():
        found |= _slots(part)
    return found


def _written(words: _Words, values: _Values, slots: frozenset[int], known: set[str]) -> str:
    rest = iter(enumerate(values))
    out: list[str] = []
    for word in words:
        if word == SLOT:
            at, value = next(rest)
            word = SLOT if at in slots or value in known else value
        elif out and all(sign in _CLINGING for sign in word):
            out[-1] += word
            continue
        out.append(word)
    return " ".join(out)
