"""Whether a message says that there was nothing to do, and can be believed.

Calling a real failure expected hides an outage, so this is asked only after every rule for a fault
was silent, of the message's own statement (no quotations, no names), and with doubts: anything that
sounds like a fault, or like games after all, and the answer is no.
"""

from __future__ import annotations

import re

from nbkit.failures.vocabulary import unfamiliar

# Whose absence is news of the league, not of the pipeline. Players, rows and box scores are not in
# it: of them "no" is believed only with the words that make it harmless.
_AWAITED = (
    r"(?:games?|match-?ups?|fixtures?|props?|odds|lines?|markets?|events?|injur(?:y|ies)"
    r"|transactions?|trades?|signings?|waivers?|moves?|movements?|line-?ups?|starters?|referees?"
    r"|officials?|assignments?|pitchers?|quotes|statistics|articles?|news|changes?|updates?)"
)
# What others publish in their own time, so that "not yet" is no fault of ours.
_PUBLISHED = (
    rf"(?:{_AWAITED}|box ?scores?|gamebooks?|reports?|pdfs?|play-by-play|stats|standings|results?"
    r"|snapshot|rosters?|schedule|tip-?off|season)"
)
_NOT_YET = (
    r"(?:(?:has|have|is|are|was|were|will)? ?(?:not|n't) (?:yet )?(?:be |been )?(?:started|begun"
    r"|published|released|posted|announced|tipped off|out|final|finished|over|played)(?: yet)?"
    r"|hasn't (?:started|begun|been \w+)|not yet \w+|not available (?:yet|before|until)"
    r"|(?:is |are |\()(?:published|posted|released) (?:after|at)|appears? after)"
)
_WORK = (
    r"(?:process|do|merge|update|load|export|grade|publish|scrape|send|save|write|sync|upload"
    r"|fetch|backfill|summari[sz]e|extract|predict|insert|compute|refresh)"
)
_SPOKEN = r"(?:smart_skip|early_exit|already_processed|no_data(?:_available)?|no_games|off_season)"

_SAYS_NOTHING = re.compile(
    "|".join(
        rf"(?<![\w-])(?:{one})(?!\w)"
        for one in (
            # None of them. A few words may stand between: "no upcoming NBA games".
            rf"(?:no|0|zero) (?:[a-z-]+ ){{0,4}}?{_AWAITED}",
            r"no (?:active )?players? (?:\w+ )?(?:with|scheduled|playing|in action|to play|on)",
            rf"(?:no|0|zero) (?:[a-z-]+ ){{0,3}}?(?:data|records|rows|results|items|entries|files"
            rf"|predictions|players) to {_WORK}",
            r"no new (?:[a-z]+ ){0,2}(?:data|records|rows|items|entries|files|messages|results)",
            r"no (?:rosters?|players?|standings|schedule) (?:have |has )?changed",
            r"no data (?:was |is )?(?:available|extracted)|no (?:live|game|player prop) data",
            r"no data (?:for|on) (?:an |the )?off[ -]?day",
            rf"nothing (?:new|else|left|scheduled|to {_WORK})",
            # Not a day for it.
            r"off[ -]?(?:days?|seasons?)|out of season|pre-?season|all[ -]star (?:break|weekend)",
            r"(?:pre|post)-?game(?=\s*[:,;(]|$)|league (?:is )?(?:on (?:a )?break|off|break)",
            r"season (?:has |is |was )?(?:ended|over|not started|completed?)",
            r"(?:slate|calendar)(?: \S+){0,3}? (?:is |was )?empty|(?:slate|calendar) empty"
            r"|empty slate|(?:not a|no) game day",
            # Not yet, or not any more.
            r"games? (?:\S+ ){0,4}?(?:postponed|cancell?ed|rescheduled|ppd)",
            r"games? (?:\S+ )?(?:(?:is|are|still|all) )*in progress",
            r"none (?:of (?:\w+ )?)?(?:has|have|is|are) (?:yet )?(?:started|begun|final|finished)",
            rf"{_PUBLISHED}\b[^.;\n]{{0,60}}?{_NOT_YET}",
            r"<url>[^\n]{0,30}(?:not (?:yet )?(?:published|posted|released)|(?:published"
            r"|appears) after)",
            rf"no {_PUBLISHED}(?: \w+)? (?:yet|announced|posted|published|released)",
            # Nothing new.
            r"already (?:been )?(?:processed|graded|exported|loaded|done|up to date)",
            r"(?:skip|exit)\w*\W[^\n]*already exists?",
            r"(?:hash|data|content|rosters?|file|source|schedule|odds|standings|lines) (?:is |are "
            r"|was )?unchanged|unchanged since|hash (?:matches|is the same|equals)",
            # The platform's own words, where they begin the message or are the reason given.
            rf"(?<!\S){_SPOKEN}(?!\S*\()",
            rf"[=:(]\s*{_SPOKEN}",
        )
    )
)

# Words that take the belief away again.
_DOUBTS = re.compile(
    "|".join(
        f"(?:{one})"
        for one in (
            r"\b(?:although|though|despite|whereas|however|yet [1-9]|unexpected\w*|suspicious\w*"
            r"|why)\b",
            r"\bbut\b(?! (?:all |every |the |it |they )*(?:games? )?(?:was |were |is "
            r"|are )?(?:postponed|cancel|not (?:yet )?started))",
            # Games, or a number where "none" was just said.
            r"\b(?:[1-9]\d*|one|two|three|four|five|six|seven|eight|nine|ten|several"
            r"|some) (?:\w+ ){0,2}(?:games?|events?|match-?ups?|props|teams|days in a row)\b"
            r"(?![^.;\n]*\b(?:postponed"
            r"|ppd|cancell?ed|rescheduled|not (?:yet )?(?:started|final|begun)|none has"
            r"|in progress))",
            r"\b(?:lists?|shows?|has|have|got|found|returned|says|contains?|expected|expects?|were"
            r"|are) (?:at least )?[1-9]\d*\b(?! (?:of|games? postponed))",
            r"\bexpect(?:ed|s|ing)?\W+(?:games?|data|events?|props|at least|\d|no|some|rows)\b",
            # Work that was not done is not work that was not there.
            r"\b(?:no|0|zero|nothing|none) (?:new )?(?!data extracted)(?:[a-z-]+ ){0,4}?(?:loaded"
            r"|processed"
            r"|saved|written|merged|exported|extracted|graded|scraped|stored|inserted|uploaded"
            r"|sent|synced"
            r"|received|fetched|computed|predicted|complete)\b",
            r"\bno (?:\w+ )?(?:games|events|props|odds) (?:are|were|have|has|is)?\s?(?:made|done"
            r"|needed)\b",
            # An empty file is not an empty calendar.
            r"\bno (?!(?:\w+ )?(?:changes|updates)\b)(?:\w+ ){1,4}(?:in|from|inside"
            r"|on) (?:\w+ ){0,2}"
            r"(?:files?|json|array|list|content|source|records?|items?|rows?|api|endpoint|data)\b",
            # Games that were played have data, and what comes after a game comes the same day.
            r"(?<!no )(?<!nba )(?<!0 )\b(?:final|finished|completed|ended|past) games?\b",
            r"(?<!no )(?<!nba )(?<!0 )(?<!live )(?<!zero )\bgames? (?:(?!not|never"
            r"|yet)\S+ )?(?:(?:is|are|was|were"
            r"|has|have) )?(?:already )?(?:final|finished|over|ended|complete|completed"
            r"|played)\b(?! yet)",
            r"\d (?:days?|hours?|weeks?) (?:after|late|ago|past|since)\b",
            # Denied: "not an off-day", "not postponed".
            r"\b(?:not|isn't|wasn't|never|no longer|neither|nor|cannot be|unlikely) (?:an? |the "
            r"|in |on |yet |been |really |actually )*(?:off[ -]|pre-?season|all[ -]star|postponed"
            r"|cancell?ed|unchanged|already|empty|nothing|no )",
            # Machinery: where it is named, it is the matter.
            r"\b(?:pars(?:er|ers|ing|ed)|tables?|columns?|keys?|fields?|quer(?:y|ies)|schemas?"
            r"|servers?|clients?|services?|threads?|memory|disk|config\w*|databases?|clusters?"
            r"|modules?|functions?|methods?|objects?|index\w*|locks?|sockets?|connections?|proxy"
            r"|tokens?|permissions?|containers?|instances?|images?|deploy\w*|versions?|secrets?"
            r"|queues?|topics?|subscriptions?|hosts?|ports?|dns|credentials?|quotas?|flags?|regex"
            r"|selectors?|elements?|browsers?|html|logins?|sessions?|handlers?|packages?"
            r"|librar(?:y|ies)|models?|workers?|rows (?:written|inserted))\b|\?",
            # Faults.
            r"\b(?:fail\w*|errors?|exceptions?|traceback|crash\w*|corrupt\w*|broken|bugs?"
            r"|fault\w*)\b",
            r"\b(?:cannot|can't|could not|couldn't|unable|denied|refused|invalid|malformed|illegal"
            r"|wrong|incorrect\w*|unknown|undefined|unhandled|bad)\b",
            r"\b(?:missing|incomplete|lost|killed|hung|stuck|conflict\w*|mismatch\w*|overflow\w*"
            r"|rolled back|rollback|exceeded|exhausted|inconsistent|outage|down|unavailable"
            r"|blocked)\b",
            r"\b(?:should (?:have|be|not)|shouldn't|must|investigate|check why|determine|verify"
            r"|undeleted)\b",
            r"\b(?:nonetype|none(?= *$)|none(?=[;,.)])|null|nan|stack ?trace|retries|retrying"
            r"|after \d+ (?:attempts|retries|tries))\b",
            r"\b(?:http|status|code)\W{0,3}(?:code\W{0,3})?(?:4(?!04)|5)\d\d\b"
            r"|\b5\d\d\b(?= (?:from|response))",
            r"\b(?:does not|doesn't|did not|didn't) (?:exist|match|work|load|respond|parse)\b",
        )
    )
)
_MISSING_PAGE = re.compile(r"\b404\b|\bnot found\b")
_COMES_LATER = re.compile(rf"(?<!\w){_NOT_YET}|\byet\b")
# After a cut, only a statement that is whole can be believed: it ends with a few plain words, as
# in "for 2026-01-12", and no comma or colon opens what is lost.
_WHOLE = re.compile(r"(?:\s\(?(?:<[a-z]+>|[a-z]{2,})){0,5}[\s.)]*")


def says_nothing_to_do(statement: str) -> bool:
    return _SAYS_NOTHING.search(statement) is not None


def doubt(statement: str, *, cut: bool = False) -> str | None:
    """The words that speak against it, or None. `cut`: the message goes on where it was cut off."""
    if against := _DOUBTS.search(statement):
        return f"it also says {against[0].strip()!r}"
    # A page that is not found is expected only where the message says that it will come.
    if (page := _MISSING_PAGE.search(statement)) and not _COMES_LATER.search(statement):
        return f"it also says {page[0]!r}"
    if word := unfamiliar(statement):
        return f"the word {word!r} is not one of an expected message"
    if cut:
        *_, last = _SAYS_NOTHING.finditer(statement)
        if not _WHOLE.fullmatch(statement[last.end() :]):
            return "it is cut off, and what followed may say more"
    return None
