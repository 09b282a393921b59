"""The words that "there was nothing to do" is said in.

A list of what is harmless, since what is harmful cannot be listed: a message with any other word in
it may be telling of a fault that no rule has met yet, and is not believed.
"""

from __future__ import annotations

import re

_GRAMMAR = """
a an the this that these it its there here and or nor for on at in of to by with from since until
till before after between within during through as so because due per via then when where which we
is are was were be been being has have had will would not no none nothing zero without yet still
only all every both already again also same last next first now right currently left more other
later once any anything everything out there's hasn't haven't isn't aren't weren't wasn't yet-to
further additional recent recently entirely fully normal normally usual usually back up-coming
upcoming
"""
_TIME = """
today tonight tomorrow yesterday day days date dates morning evening afternoon night week weeks
weekend month time window moment early soon hour hours minutes am pm et est edt utc monday tuesday
wednesday thursday friday saturday sunday january february march april may june july august
september october november december jan feb mar apr jun jul aug sep sept oct nov dec christmas eve
thanksgiving today's tonight's tomorrow's daily year summer winter spring fall holiday holidays
o'clock
"""
_LEAGUE = """
nba wnba mlb ncaa league sport basketball baseball season seasons regular off offseason preseason
pre post postseason playoff playoffs finals star allstar break draft cup tournament schedule
schedules scheduled calendar slate game games game's gameday matchup matchups match-ups team
team's player players active inactive roster rosters lineup lineups line-up line-ups ups up
starting starters injury injuries injured report reports reported referee referees official
officials assignment assignments box score scores boxscore boxscores gamebook gamebooks play stats
statistics standings results result pdf pdfs odds prop props line lines market markets open event
events bookmaker bookmakers sportsbook sportsbooks betting spread totals moneyline quotes snapshot
transaction transactions trade trades signing signings waiver waivers movement movements news
article articles pitcher pitchers probable teams fixture fixtures slates opener depth chart rest
travel dark quiet idle
"""
_STATE = """
tip tipoff tipped start starts started begin begins begun final finish finished complete completed
progress live pregame postgame halftime over ended ends end concluded eliminated postponed
cancelled canceled rescheduled moved ppd weather snow storm ice covid conditions suspended pending
unchanged changed change changes update updates updated hash identical matches previous found
available offered posted published released announced listed returned returns return received
extracted exist exists empty list array json feed endpoint api url planned expected made come
comes detected confirmed issued unplayed tbd awaiting resumes info information announcement appear
appears exporter processor waiting wait waits move moves trigger triggers
"""
_WORK = """
data record records row rows entry entries item items file files source content date run runs
scrape scraper scraped process processed processing skip skipped skipping exit exiting exited noop
merge merged load loaded export exported grade graded grading publish send save write sync upload
fetch backfill summarise summarize extract predict prediction predictions insert compute refresh
do done work action needed message id reason same new shows show says lists successfully succeeded
success nobody playing plays played historical older than past smart duplicate
"""
_TEAMS = """
atl bos bkn brk cha cho chi cle dal den det gsw hou ind lac lal mem mia mil min nop nyk okc orl
phi phx pho por sac sas tor uta was vs
"""
_HARMLESS = frozenset(" ".join((_GRAMMAR, _TIME, _LEAGUE, _STATE, _WORK, _TEAMS)).split())
_TAG = re.compile(r"<[a-z]+>|\b\w*_\w*\b")
_WORD = re.compile(r"(?<![\w.])[a-z][a-z']*(?!\w)")


def unfamiliar(statement: str) -> str | None:
    """The first word of a statement that harmless messages do not use, or None."""
    words = _WORD.finditer(_TAG.sub(" ", statement))
    return next((word[0] for word in words if word[0].strip("'") not in _HARMLESS), None)
