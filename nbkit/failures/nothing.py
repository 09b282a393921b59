"""Whether a message says that there was nothing to do, and can be believed.

Calling a real failure expected hides an outage, so this is asked only after every rule for a fault
was silent, of the message's own statement (no quotations, no names), and with doubts: anything that
sounds like a fault, or like games after all, and the answer is no.
"""

from __future__ import annotations

import re

from nbkit.failures.vocabulary import unfamiliar

# What may follow "no games": the end, a break, or a word of time. Not "key", "column", "processed".
_THEN = (
    r"(?=\s*(?:$|[,;.!:()\[\]–—\n-]|(?:on|for|at|today|tonight|tomorrow|yesterday|this|that|these"
    r"|until|till|before|after|since|between|within|during|yet|now|right|left|remaining|in (?:the "
    r"|this |progress|window)|as|because|due|exist)\b))"
)
_GAME = (
    r"(?:nba |wnba |mlb |live |regular-?season |upcoming |final |finished |completed? |scheduled )*"
)
_FOUND = (
    r"(?: (?:were |was |are |is )?(?:found|scheduled|played|listed|returned|available|offered"
    r"|posted|reported|announced|published|released|planned|due|open))?"
)
_MARKETS = (
    r"(?:(?:player |team |betting |prop |game |odds |live |official |referee |injury |movement "
    r"|nba |mlb )*(?:props?|odds|lines?|markets?|events?|injur(?:y|ies)|transactions?|trades?"
    r"|signings?|waivers?|line-?ups?|referees?|officials?|assignments?|movements?|pitchers?"
    r"|statistics|stats|quotes|schedule entries|match-?ups|box ?scores?|play-by-play)(?: data)?)"
)
# What is published by others in its own time, so that "not yet" is no fault of ours.
_PUBLISHED = (
    r"(?:games?|box ?scores?|gamebooks?|reports?|pdfs?|injur\w+|odds|props?|lines?|line-?ups?"
    r"|referees?|officials?|assignments?|play-by-play|stats|statistics|standings|results?"
    r"|pitchers?|markets?|events?|snapshot|rosters?|schedule|tip-?off|season)"
)
_YET = (
    r"(?:(?:has |have |is |are |was |were )?not (?:yet )?(?:been )?(?:started|begun|published"
    r"|released|posted|announced|tipped off|out|final|finished|played|available)(?: yet)?"
    r"|hasn't (?:started|begun|been \w+)|not yet \w+|(?:is |are |\()(?:published|posted"
    r"|released) (?:after|at))"
)
_WORK = (
    r"(?:process|do|merge|update|load|export|grade|publish|scrape|send|save|write|sync|upload"
    r"|fetch|backfill|summari[sz]e|extract|predict|insert|compute|refresh|scheduled)"
)

_SAYS_NOTHING = re.compile(
    "|".join(
        rf"(?<![\w-])(?:{one})"
        for one in (
            rf"(?:no|0|zero) {_GAME}games?{_FOUND}{_THEN}",
            rf"no {_GAME}game(?: data)? (?:today|tonight|on|for|scheduled){_THEN}",
            r"there (?:are|were) no games\b",
            rf"(?:no|0|zero) {_MARKETS}{_FOUND}{_THEN}",
            r"no (?:active )?players? (?:found )?(?:with|scheduled|playing|in action|to play"
            r"|on (?:the )?slate)\b",
            rf"no new {_MARKETS}{_FOUND}{_THEN}",
            r"none (?:of (?:\w+ )?)?(?:has|have|is|are) (?:yet )?(?:started|begun|final|finished"
            r"|tipped off)\b",
            rf"no (?:{_MARKETS}|player movements?|updates?|changes?|articles?|news)(?: \w+)?"
            r" (?:since|in feed|detected|today|right now|yet)\b",
            rf"no (?:roster|schedule|odds|line|standings?|data|injury)? ?(?:changes?"
            rf"|updates?)(?: detected| found)?{_THEN}",
            r"no (?:rosters?|players?|standings|lines|odds|injuries|schedule) (?:have "
            r"|has )?changed\b",
            rf"no new (?:\w+ ){{0,2}}(?:data|rows|records|files|items|entries|games|articles"
            rf"|events|messages|props|odds|results)(?: found| available)?{_THEN}",
            rf"no {_GAME}(?:data|records|rows|results|items|entries|files|predictions|games"
            rf"|players) to {_WORK}\b",
            rf"nothing (?:new |else |left )?(?:to {_WORK}|scheduled)\b",
            rf"no data (?:was |is )?(?:available|extracted){_THEN}",
            rf"no (?:live|game|odds|props|player props|injury) data{_FOUND}{_THEN}",
            r"off[ -]?(?:day|season)s?\b|pre-?season\b|all[ -]star (?:break|weekend|week|game)\b",
            r"(?:pre|post)-?game(?=\s*[:,;(]|$)|league (?:is )?(?:on break|off|break)\b",
            r"league is on (?:a )?break\b|season (?:has |is |was )?(?:ended|over|not started"
            r"|complete[d]?)\b",
            r"season has not (?:yet )?(?:started|begun)\b",
            r"games? (?:\S+ ){0,4}?(?:was |were |is |are |has been |have been )?(?:postponed"
            r"|cancell?ed|rescheduled|ppd)\b",
            r"games? (?:\S+ )?(?:(?:is|are|still|all) )*(?:in progress|not final|not started"
            r"|not over)\b",
            rf"{_PUBLISHED}\b[^.;\n]{{0,60}}?(?<!\w){_YET}",
            rf"no {_PUBLISHED}(?: \w+)? (?:yet|announced|posted|published|released)\b",
            r"(?:was |were |been )?already (?:been )?(?:processed|graded|exported|loaded|done"
            r"|up to date)\b",
            r"(?:skip\w*|exit\w*)\W[^\n]*\balready exists?\b",
            r"(?:hash|data|content|rosters?|file|source|schedule|odds|standings|lines) (?:is |are "
            r"|was )?unchanged\b|unchanged since\b|hash (?:matches|is the same|equals)"
            r"|no changes? (?:in|to) ",
            r"(?:slate|calendar) (?:is |was )?empty\b|empty slate\b|not a game day\b",
            r"^(?:smart_skip|early_exit|already_processed|no_data(?:_available)?|no_games"
            r"|off_season)\b",
            r"(?:skip\w*|skip_reason|reason)\W{1,3}(?:smart_skip|early_exit|already_processed"
            r"|no_data(?:_available)?|no_games|off_season)\b",
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
            r"|some) (?:\w+ ){0,2}(?:games?|events?|match-?ups?|props|teams|days in a row)\b(?![^.;\n]*\b(?:postponed"
            r"|ppd|cancell?ed|rescheduled|not (?:yet )?(?:started|final|begun)|none has"
            r"|in progress))",
            r"\b(?:lists?|shows?|has|have|got|found|returned|says|contains?|expected|expects?|were"
            r"|are) (?:at least )?[1-9]\d*\b(?! (?:of|games? postponed))",
            r"\bexpect(?:ed|s|ing)?\W+(?:games?|data|events?|props|at least|\d|no|some|rows)\b",
            # Games that were played have data, and what comes after a game comes the same day.
            r"(?<!no )(?<!nba )(?<!0 )\b(?:final|finished|completed|ended|past) games?\b",
            r"(?<!no )(?<!nba )(?<!0 )(?<!live )(?<!zero )\bgames? (?:\S+ )?(?:(?:is|are|was|were"
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
_COMES_LATER = re.compile(rf"(?<!\w){_YET}|\byet\b")
# After a cut, only a statement that is whole can be believed: nothing, or "for 2026-01-12".
_WHOLE = re.compile(
    r"(?:\s(?:for|on|at|in|since|until|from|this|next)(?: [a-z]+){0,2}?(?: <date>"
    r"| [a-z]+)?)?[\s.)]*"
)


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
