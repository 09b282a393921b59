"""The rules, in the order in which they are tried; the first that fires decides.

The order carries the meaning: what proves a fault in code or configuration comes before words that
merely mention data; an input that is missing comes before the error that it led to; and
`no_data_available` comes last, behind a guard, because calling a real failure expected is the one
mistake that hides an outage. What no rule knows is an error.

Patterns see lower-cased text. They are written for words, not for substrings: `no_games` in quotes
is a column, "no games" is a fact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbkit.failures.taxonomy import FailureCategory

_N, _D, _V, _T, _E = (
    FailureCategory.NO_DATA_AVAILABLE,
    FailureCategory.DEPENDENCY_MISSING,
    FailureCategory.VALIDATION_FAILED,
    FailureCategory.TIMEOUT,
    FailureCategory.ERROR,
)


@dataclass(frozen=True)
class Rule:
    """`pattern` is searched in the lower-cased message, `types` in the exception's class name."""

    name: str
    category: FailureCategory
    reason: str
    pattern: re.Pattern[str] | None = None
    types: re.Pattern[str] | None = None


def _rule(
    name: str, category: FailureCategory, reason: str, *patterns: str, types: str | None = None
) -> Rule:
    return Rule(
        name,
        category,
        reason,
        re.compile("|".join(f"(?:{p})" for p in patterns)) if patterns else None,
        re.compile(f"^(?:{types})$") if types else None,
    )


_TABLE = r"`?(?:[a-z][\w-]*\.)?[a-z]\w*_\w+\.[a-z]\w+`?"

RULES: tuple[Rule, ...] = (
    _rule(
        "stale_cleanup",
        _T,
        "the clean-up job found the run still running after hours; its own error is lost",
        r"stale_running_cleanup",
        r"\bstuck in (?:the )?running\b",
        r"\bmarked (?:as )?failed by (?:the )?(?:stale|cleanup|clean-up)",
    ),
    _rule(
        "code_fault",
        _E,
        "an exception that only code or its environment can raise",
        r"\bno module named\b",
        r"\bcannot import name\b",
        r"\bhas no attribute\b",
        r"\bobject is not (?:subscriptable|callable|iterable)\b",
        r"\bunexpected keyword argument\b",
        r"\bmissing \d+ required (?:positional|keyword)",
        r"\bis not defined\b",
        r"\bunsupported operand\b",
        r"\bdivision by zero\b",
        r"\b(?:syntax|indentation|name|key|type|attribute|index|import|modulenotfound|unboundlocal"
        r"|recursion|zerodivision|assertion|unicodedecode|unicodeencode|notimplemented)error\b",
        types=r"(?:.*\.)?(?:syntax|indentation|name|key|type|attribute|index|import|modulenotfound"
        r"|unboundlocal|recursion|zerodivision|assertion|unicodedecode|unicodeencode"
        r"|notimplemented|memory|permission|isadirectory)error",
    ),
    _rule(
        "configuration",
        _E,
        "a setting, credential or argument is wrong or missing",
        r"\b(?:parameter|argument|option|setting|value) must be\b",
        r"\btimeout (?:parameter|value|setting|must)\b",
        r"\binvalid (?:timeout|api[ _-]?key|token|credentials?|argument|parameter|configuration"
        r"|gcs_path|date format|url|cron|project)\b",
        r"\b(?:[a-z]+_)+(?:token|key|url|bucket|project|id|secret|password|dsn)\b.{0,20}"
        r"\bnot (?:set|configured|defined)\b",
        r"\b(?:env(?:ironment)? variable|api key|secret|credentials?)\b.{0,40}"
        r"\b(?:not set|not found|missing|required|expired)\b",
        r"\b(?:default credentials|could not automatically determine credentials)\b",
        r"\bno timeout (?:is )?configured\b",
        r"\bconfig(?:uration)? (?:error|file)\b",
        r"\bmalformed (?:message|payload|request|gcs)",
    ),
    _rule(
        "query_or_schema",
        _E,
        "the engine refused the query, or the table is not of the shape that the code expects",
        r"\bsyntax error\b",
        r"\bunrecognized name\b",
        r"\bno matching signature\b",
        r"\bno such (?:field|column|table|dataset|function|bucket)\b",
        r"\bname \S+ not found\b",
        r"\b(?:column|field|relation|function)\b.{0,60}\b(?:does not exist|not found)\b",
        r"\bnot found: (?:table|dataset|job|model|view|routine|project)\b",
        r"\bwithout a filter over\b",
        r"\bpartition elimination\b",
        r"\bprovided schema does not match\b",
        r"\bschema (?:mismatch|update|does not match)\b",
        r"\bno such file or directory\b.*\.py\b",
        r"\bquery (?:error|exceeded resource)\b",
        r"\bresources exceeded\b",
        r"\bcould not serialize access\b",
        r"\bconcurrent update\b",
        r"\bstreaming buffer\b",
        r"\balready exists\b",
        r"\berror while reading data\b",
        r"\b(?:batch insert|load errors?|merge operation|insert errors?)\b",
        r"\btoo many (?:table (?:update|dml)|dml|partitions|concurrent)",
        types=r"(?:.*\.)?(?:operational|programming|integrity|interface|database)error",
    ),
    _rule(
        "upstream_failed",
        _D,
        "an upstream processor failed or has not finished",
        r"\bupstream (?!connect error|request timeout|prematurely|server|sent|reset|host|timed out$)"
        r"\S+(?:'s)?\b.{0,60}\b(?:failed|fail|missing|not (?:yet )?(?:complete|ready|finished"
        r"|run|available|succeed)|has(?:n't| not)|incomplete|timed out|skipped|empty|absent)",
        r"\bupstream (?:load|data|run|processor|phase|job|dependency|table|source)s?\b.{0,60}"
        r"\b(?:failed|missing|not|has not|incomplete|unavailable|empty|stale|late)",
        r"\bwaiting (?:for|on) (?:upstream|dependenc|phase)",
        r"\bphase[ _]?\d\w* (?:\w+ )?(?:output|data|results?|tables?)?\s*(?:is |are )?"
        r"(?:absent|missing|incomplete|not (?:yet )?(?:complete|ready|available|finished))",
        r"\bparent (?:processor|run|job)\b.{0,60}\b(?:failed|missing|not )",
        r"\brun phase[ _]?\d\w* first\b",
        r"\bblocked by\b.{0,60}\b(?:upstream|dependenc|processor)",
        types=r"(?:.*\.)?(?:upstream\w*|dependency\w*|sourcedatamissing|missingdependency)error"
        r"|(?:.*\.)?(?:dependency|upstream)\w*exception",
    ),
    _rule(
        "dependency_missing",
        _D,
        "an input that other processors should have made is missing or too old",
        r"\b(?:missing|unmet|unsatisfied|unavailable|failed)\s+(?:\w+\s+){0,2}dependenc(?:y|ies)\b",
        r"\bdependenc(?:y|ies)\b.{0,60}\b(?:missing|not (?:met|ready|satisfied|available|complete)"
        r"|failed|unavailable|stale|unmet|incomplete|empty)",
        r"\bdependency_(?:missing|check)\w*",
        r"\bsourcedatamissing",
        r"\brequired (?:table|source|input|upstream|data|file)s?\b.{0,80}"
        r"\b(?:empty|missing|absent|not (?:found|available|ready|present)|has no|stale)",
        rf"\bno (?:rows|data|records)\b.{{0,30}}\b(?:in|from) {_TABLE}",
        rf"{_TABLE}\b.{{0,40}}\b(?:is empty|has no (?:rows|data|records)|is missing|is stale"
        r"|not (?:yet )?populated)",
        r"\b(?:table|source) [a-z]\w*_\w+ (?:is empty|has no (?:rows|data|records))\b",
        r"\b[a-z]\w*_\w+ (?:table|source|view) (?:is empty|has no (?:rows|data|records))\b",
        r"\bno (?:features|inputs?|rows|records|data) found (?:in|for) \w+_\w+",
        r"\bmissing (?:features?|inputs?|source data|prerequisite\w*|upstream)\b",
        r"\b(?:data|source) missing for\b",
        r"\bgaps? in (?:the )?historical data\b",
        r"\bhistorical (?:data )?(?:completeness|gaps?)\b",
        r"\bfreshness (?:check|threshold|limit)?\b",
        r"\bmax_age\w*",
        r"\b(?:sources?|tables?|inputs?|data|dependenc\w+) (?:is|are) (?:too )?(?:stale|old)\b",
        r"\bstale (?:data|sources?|inputs?|dependenc\w+|upstream|tables?)\b",
        r"\bno (?:\w+ ){0,2}files? found\b",
        r"\b(?:feature store|schedule|rosters?|registry) (?:is )?(?:not (?:yet )?"
        r"(?:loaded|populated|available|ready)|empty|missing)\b",
        r"\binsufficient (?:historical|upstream|source|input)\b",
        r"\bprerequisite\b",
    ),
    _rule(
        "timeout",
        _T,
        "it took longer than some limit",
        r"\btime[d]?[ -]?out\b",
        r"\btimeouts?\b",
        r"\b(?:read|connect|write|pool|asyncio|socket)?timeout(?:error|expired)?\b",
        r"\b(?:soft|hard)timelimit\w*",
        r"\bdeadline[ _]?exceeded\b",
        r"\bexceeded (?:the )?(?:maximum |max )?(?:execution |run(?:ning)? |request |wall )?"
        r"(?:time|deadline|duration)\b",
        r"\bexceeded rate of progress\b",
        r"\btime limit\b",
        r"\bdid not (?:finish|complete|respond|return) (?:in|within|after)\b",
        r"\bno heartbeat\b",
        r"\blast heartbeat\b",
        r"\b(?:hung|hanging|hang detected)\b",
        r"\bstill running after\b",
        r"\bgateway time-?out\b",
        r"\bran \d+ ?s(?:econds)?, limit\b",
        types=r"(?:.*\.)?(?:\w*timeout\w*|deadlineexceeded|\w*timelimit\w*)",
    ),
    _rule(
        "service_fault",
        _E,
        "a service refused, failed or was out of reach",
        r"\b(?:401|402|403|405|406|409|410|412|413|415|422|429|5\d\d)\b[ :,-]*(?:client|server"
        r"|bad|unauth|forbidden|payment|conflict|gone|too many|internal|not implemented|service"
        r"|http|error|unknown|post|get|put)",
        r"\b(?:http|status|code|response|returned)\W{0,10}(?:code\W{0,3})?(?:40[0-3]|40[5-9]|4[1-9]\d"
        r"|5\d\d)\b",
        r"\b(?:unauthori[sz]ed|forbidden|permission denied|access denied|unauthenticated)\b",
        r"\b(?:quota|rate[ -]?limit\w*|too many requests|throttl\w+|resource_?exhausted)\b",
        r"\b(?:service unavailable|internal (?:server )?error|bad gateway|server error)\b",
        r"\bconnection (?:aborted|reset|refused|error|closed|broken|pool)\b",
        r"\b(?:remotedisconnected|remote end closed|max retries exceeded|broken pipe)\b",
        r"\bupstream (?:connect error|prematurely|server|reset)",
        r"\b(?:ssl|certificate|handshake|tls)\w*\b",
        r"\b(?:name or service not known|name resolution|getaddrinfo|dns|unreachable)\b",
        r"\b(?:out of memory|memory limit|oom|killed|signal \d+|sigkill|sigterm|no space left)\b",
        r"\b(?:expecting value|json ?decode|unterminated string|extra data|jsondecodeerror)\b",
        r"\bnosuchkey|no such object|nosuchbucket\b",
        r"\bfailed to (?:publish|load|write|save|upload|connect|fetch|parse|download|insert|decode"
        r"|start|create|open|read|send|acquire|execute|initiali[sz]e)\b",
        r"\b(?:captcha|access blocked|cloudflare|err_\w+|net::)",
        types=r"(?:.*\.)?(?:connection\w*|ssl\w*|http\w*error|forbidden|unauthorized|"
        r"serviceunavailable|internalservererror|toomanyrequests|badgateway|resourceexhausted|"
        r"proxyerror|jsondecodeerror|gaierror|brokenpipeerror|oserror|ioerror)",
    ),
    _rule(
        "validation",
        _V,
        "the data arrived and a check refused it",
        r"\bvalidation\b",
        r"\bvalidat(?:ed?|or)\b.{0,40}\bfail",
        r"\b(?:check|checks|checkpoint|constraint|expectation|assertion|test)s? (?:\S+ )?failed\b",
        r"\bfailed\b.{0,40}\b(?:checks?|expectations?|constraints?)\b",
        r"\bgreat expectations\b",
        r"\bexpect_\w+",
        r"\bduplicate (?:rows?|keys?|records?|entries|players?|games?)\b",
        r"\b\d+ duplicates\b",
        r"\b(?:does|do|did) not match (?:the )?(?:requested|expected|schedule|source)\b",
        r"\bmismatch\b",
        r"\bnull (?:rate|ratio|values?|fraction|percentage)\b",
        r"\bquality (?:tier|score|gate|check|threshold|grade)\b",
        r"\b(?:row|record|player|game|team) count\b",
        r"\b(?:out of|outside(?: the)?) (?:expected |allowed |valid )?(?:range|bounds)\b",
        r"\bbelow (?:the )?(?:minimum|threshold|expected)\b",
        r"\babove (?:the )?(?:maximum|threshold|limit)\b",
        r"\b(?:output|rows?|file|records?|data|batch|possessions),? (?:was |were )?rejected\b",
        r"\bis not a (?:list|dict|mapping|valid|number|string)\b",
        r"\bimplausible|anomal(?:y|ous)|suspicious|inconsistent|sanity\b",
        r"\bexpected (?:at least|at most|between|exactly|\d)",
        r"\b(?:negative|impossible|invalid) (?:minutes|points|values?|stats?|score|odds|totals?)\b",
        r"\breturned \w+id\b.{0,40}\bnot match",
        r"\bdistribution\b",
        r"\brefus(?:ed|ing) to (?:merge|write|load|publish|save)\b",
        r"\bcontains? (?:nan|nulls?|infinit\w+)\b",
        r"\bonly \d+ of \d+\b",
        r"\bchecksum\b",
        types=r"(?:.*\.)?(?:\w*validation\w*|\w*dataquality\w*|downloaddataexception|schemaerrors?)",
    ),
)

# Words that make "there was nothing" believable.
NO_DATA = _rule(
    "no_data",
    _N,
    "there was nothing to do: no games, nothing published yet, or nothing new",
    r"^(?:smart_skip|early_exit|already_processed|no_data(?:_available)?)\b",
    r"\bno (?:\w+ ){0,2}games?\b(?! (?:id|key|code|column|field|table|object|log)\b)",
    r"\b(?:0|zero) (?:\w+ )?games\b",
    r"\boff[ -]?(?:day|season)\b",
    r"\bseason (?:has |is )?(?:ended|over|not started|complete)\b",
    r"\bpre-?season\b|\ball[ -]star (?:break|weekend|week)\b",
    r"\bgames? (?:\S+ ){0,4}(?:was |were |is |are |been )?(?:postponed|cancell?ed|rescheduled)\b",
    r"\ball (?:\d+ )?games .{0,30}postponed\b",
    r"\bnothing (?:new )?to (?:process|do|merge|update|load|export|grade|publish|send|scrape)\b",
    r"\bno (?:new |further |\w+ )?(?:changes|updates|articles|news)\b",
    r"\bno (?:new|updated|changed) (?:\w+ ){0,2}(?:data|rows|records|files|items|entries)\b",
    r"\bno (?:rosters?|players?|transactions?|injuries|standings|lines) (?:have |has )?changed\b",
    r"\b(?:already (?:been )?processed|(?:hash|data|content|rosters?|file) (?:is |are )?unchanged"
    r"|unchanged since)\b",
    r"\b(?:has|have) not (?:yet )?(?:started|begun|tipped off|been (?:played|published|released))\b",
    r"\bgames? (?:is |are |still )*in progress\b|\bnot started\b",
    r"\bnot (?:yet )?(?:been )?(?:published|released|posted)\b",
    r"\bnot (?:yet available|available yet)\b|\b(?:is |are )?published after\b",
    r"\bno (?:\w+ ){0,3}(?:props?|odds|lines|events|injuries|transactions|trades|referees"
    r"|officials|line-?ups|markets) (?:\w+ ){0,2}(?:found|available|offered|posted|scheduled"
    r"|listed|reported|announced|at|on|for|today)\b",
    r"\bno (?:active )?players (?:found )?(?:with|scheduled|playing)\b",
    r"\bno data (?:was |is )?(?:available|extracted|to (?:process|extract|load))\b",
    r"\b(?:slate|calendar|schedule) (?:is|was) empty\b|\bempty slate\b",
)

# Any of these, and "nothing" is not believed: a fault was in the way, or games were expected.
CONTRADICTION = re.compile(
    "|".join(
        f"(?:{p})"
        for p in (
            r"\b(?:although|despite|even though|unexpected\w*)\b",
            r"\bbut\b(?! (?:all |every |the )?(?:games? )?(?:was |were )?(?:postponed|cancel))",
            r"\b(?:[1-9]\d*|one|two|three|several|some) (?:\w+ )?games? (?:\w+ )?"
            r"(?:scheduled|expected|on the (?:calendar|schedule)|played|final|completed?)\b",
            r"\bexpected (?:\d|at least|no )",
            r"\b(?:exception|traceback|failed|failure|errors?|crash\w*|corrupt\w*|broken)\b",
            r"\b(?:cannot|could not|couldn't|unable|denied|refused|invalid|malformed|illegal)\b",
            r"\b(?:should (?:have|be)|must)\b",
            r"\b(?:http|status|code)\W{0,3}(?:40[0-35-9]|4[1-9]\d|5\d\d)\b",
            r"^(?:40[0-35-9]|4[1-9]\d|5\d\d)\b",
        )
    )
)

# What wraps a message without saying anything: it is taken off before the words are weighed.
WRAPPER = re.compile(
    r"^\s*(?:\[?\d{4}-\d\d-\d\d[t ][\d:.,]+(?:z|[+-]\d\d:?\d\d)?\]?\s*[-|:]?\s*"
    r"|\[?(?:error|warning|warn|info|critical|fatal|debug)\]?\s*[-|:]\s*"
    r"|(?:[a-z_][\w.]*\.)?\w*(?:error|exception|warning|skip)\s*:\s*"
    r"|(?:\w+ ){0,2}(?:failed|skipped|skipping|stopped|aborted)(?: for \S+)?\s*:\s*"
    r"|[a-z]\w*(?:processor|exporter|coordinator)\s*:\s*)"
)
