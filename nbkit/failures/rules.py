"""The rules, in the order in which they are tried; the first that fires decides.

The order carries the meaning. What proves a fault of code or configuration comes before words that
merely mention data; an input that was never made comes before the error that it led to; a limit
that was reached comes before the service that was slow; a check that refused data comes before the
general words for failure. `no_data_available` is not in the list: it is asked last, behind doubts
of its own (`nbkit.failures.nothing`), and what no rule knows is an error.

Rules see a `Reading`: lower case, names as tags such as `<table>` (`nbkit.failures.words`).
"""

from __future__ import annotations

from nbkit.failures.rule import Rule, rule
from nbkit.failures.taxonomy import FailureCategory

SPAN = r"\d[\d.,:]*\s*(?:ms|msec|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|days?)\b"
_NOT_THERE = (
    r"(?:not|never|hasn't|haven't|isn't|aren't|wasn't|has not|have not|did not|didn't"
    r"|does not)\s+(?:yet\s+|been\s+|all\s+|fully\s+)*(?:ready|met|satisfied|complete[d]?"
    r"|available|finish(?:ed)?|run|done|succeed(?:ed)?|populated|loaded|present|refreshed|updated"
    r"|passed|produced?|arrived|ingested|computed|landed|started|there|exist)"
)
_BAD = (
    rf"(?:{_NOT_THERE}|failed|failing|failures?|fails|missing|absent|unavailable|incomplete|empty"
    r"|stale|outdated|unmet|unsatisfied|late|behind|skipped|errored|in error|with error|aborted"
    r"|timed out|still running|has no|have no|had no|no (?:successful )?(?:run|rows|data|records"
    r"|output)|0 rows|not ok|false|notready|notmet|latest is)"
)
_UPSTREAM = (
    r"(?:upstream\w*|dependenc(?:y|ies)|prerequisites?|predecessors?|parent (?:run|processor|job))"
)
_INPUT = r"(?:tables?|sources?|inputs?|data|datasets?|files?|feeds?|views?|features?|partitions?)"

RULES: tuple[Rule, ...] = (
    rule(
        "swept",
        FailureCategory.TIMEOUT,
        "a clean-up job found it still running after hours and closed it; its own error is lost",
        r"stale_running_cleanup",
        r"(?:stuck|still|found) in (?:the )?['\"]?running['\"]?(?: state| status)?",
        r"(?:stale|stuck|zombie|orphaned) (?:runs?|running|rows?|executions?)",
        r"marked (?:as )?failed (?:by|after)",
    ),
    rule(
        "code_fault",
        FailureCategory.ERROR,
        "an exception that only code, or the data types that it assumes, can raise",
        r"no module named|cannot import name|missing optional dependency|circular import",
        r"module \S+ not found|(?:optional|package|pip|library) dependenc(?:y|ies)",
        r"has no attribute|unexpected keyword argument|(?:not|isn't) defined",
        r"missing \d+ required (?:positional|keyword)|takes (?:from )?\d+ (?:to \d+ )?positional",
        r"object is not (?:subscriptable|callable|iterable|an iterator)|object is not json",
        r"unsupported operand|not supported between instances|unhashable type|division by zero",
        r"(?:list|tuple|string|single positional|array) ?(?:index|indexer|indices)",
        r"not in index|in the \[columns\]|index out of|out-of-bounds|out of bounds for axis",
        r"(?:int|float|str|bytes|dict|list|nonetype) object|object of type|expected str",
        r"expected (?:string or )?bytes|must be str|a bytes-like object|of type .nonetype",
        r"(?:convert|cast|converted|parse) (?:\S+ ){0,3}(?:to|with) (?:a |an |type )?(?:float|int"
        r"|integer|double|date|datetime|str|string|type|boolean|timestamp)",
        r"invalid literal|values to unpack|broadcast together|not aligned|shape mismatch",
        r"length mismatch|truth value of|offset-naive|no objects to concatenate|no tables found",
        r"changed size during|event loop|recursion|singular matrix|duplicate labels"
        r"|json serializ\w+|json compliant|is not a function|of (?:undefined|null) \(reading"
        r"|never awaited",
        r"codec can't|unexpected indent|an indented block|invalid syntax|before assignment"
        r"|associated with a value|error tokenizing data|no columns to parse|reindex\w*"
        r"|unconverted|does not match format|nanosecond timestamp|keys are not unique"
        r"|non-finite values|is expecting \d+|features? names? (?:mismatch|should|must|unseen)",
        r"cannot (?:mask|reshape|insert|unpack)|empty sequence|(?:arg|argument) is (?:an )?empty"
        r"|zero-size|dtypes?|(?:year|month|day|hour) (?:\d+ )?is out of range|same length"
        r"|multiple values for|trying to merge|non-iterable|unhashable"
        r"|is not (?:a )?(?:subscriptable|callable|hashable)",
        r"exception not handled|unhandled exception|uncaught (?:exception|typeerror|error)",
        kinds="key type attribute name index import modulenotfound syntax indentation tab "
        "unboundlocal zerodivision recursion notimplemented unicode unicodedecode unicodeencode "
        "overflow floatingpoint arithmetic lookup stopiteration eof buffer reference memory "
        "(?:\\w*array)?memory merge parser emptydata invalidindex intcastingnan outofbounds\\w*",
        of="pandas numpy pyarrow catboost sklearn xgboost lightgbm scipy pdfminer pdfplumber lxml "
        "bs4 zipfile struct csv",
    ),
    rule(
        "configuration",
        FailureCategory.ERROR,
        "a setting, argument, credential or message is wrong or missing",
        r"(?:parameter|argument|option|setting|<setting>|limit|timeout|dependencies) (?:must"
        r"|should|needs to) be",
        r"(?:invalid|unknown|bad|unsupported|unexpected|wrong|malformed) (?:\w+ )?(?:timeout|key"
        r"|token|credentials?|argument|parameter|option|configuration|config|<setting>|url|cron"
        r"|project|date format|<name> format|time ?zone|processor|scraper|exporter|phase|mode"
        r"|setting|password|grant|message|payload|request|<path>|uri)",
        r"<setting>\W{0,3}(?:environment variable )?(?:is |was )?(?:not (?:set|configured|defined"
        r"|found|provided)|required|missing|unset|empty|invalid)",
        r"(?:environment variable|env var|api key|secret|credentials?|token|webhook|setting"
        r"|config\w*)(?: \S+){0,5}? (?:not (?:set|found|configured|provided|defined)|missing"
        r"|required|expired|unset|invalid|revoked)",
        r"no (?:\w+ ){0,2}(?:timeout|credentials?|api key|token|config\w*|setting|owner|scheme"
        r"|handler|route) (?:is |was )?(?:configured|set|found|supplied|provided|defined"
        r"|registered|given)",
        r"(?:<processor>|processor|<name>|handler|scraper) (?:is )?(?:not|un) ?(?:registered"
        r"|known)",
        r"processor not registered|default credentials|automatically determine credentials",
        r"config(?:uration)? error|validation errors? for \w*(?:settings|config)\b",
        r"timeout (?:parameter|value|setting|option|argument|config\w*)",
        r"(?:pub/?sub |push )?(?:message|payload|envelope|request) (?:is |has |was )?(?:missing"
        r"|malformed|lacks|without|not json|no) ?(?:a |the )?(?:required |field|<|data|body)?",
        r"decode (?:pub/?sub )?(?:message|payload)|incorrect padding|malformed (?:pub/?sub "
        r"|push )?message",
        r"failed to start and listen|executable doesn't exist|mapping values are not allowed",
        r"(?:yaml|toml|cron|dockerfile)(?:\.\w+)* (?:error|syntax)|invalid gcs",
        kinds="configuration config improperlyconfigured defaultcredentials refresh missingschema "
        "invalidurl invalidschema scanner settings notregistered",
        of="yaml",
    ),
    rule(
        "query_refused",
        FailureCategory.ERROR,
        "the engine refused the statement: wrong table, column, type, quota of changes, or a clash",
        r"syntax error|unrecognized name|no matching signature|is ambiguous|query error"
        r"|invalidquery",
        r"(?:field|column) \S+ (?:is )?not present|(?:have|has|contains?) (?:no )?column"
        r"|no such (?:field|column|table|dataset|function|index|view)\b",
        r"(?:name|column|field|function|relation|procedure|type|key) (?:\S+ ){1,3}?(?:was "
        r"|is )?(?:not found|does not exist|doesn't exist|not recognized|already exists"
        r"|not present in table)",
        r"(?:function|column|relation|name) not found",
        r"not found: (?:table|dataset|job|model|view|routine|project|uri)",
        r"(?:table|dataset|view|relation|database|model|topic|subscription|bucket|collection"
        r"|index)(?: \S+){0,2} (?:was |is )?(?:not found|does not exist|doesn't exist"
        r"|has been deleted)",
        r"without a filter|partition elimination|partition(?:ing)? (?:spec\w*|filter)",
        r"schema (?:does not|doesn't|mismatch|update|change|error)|has changed (?:type|mode)",
        r"exceeded resource|resources exceeded|could not serialize|concurrent (?:update|dml"
        r"|writes?)",
        r"streaming buffer|already exists: \w+|(?:key|table|job|object|dataset|column|resource"
        r"|entity)(?: \S+){0,4}? already exists",
        r"error while reading data|load errors?|insert (?:failed|errors?)|failed to insert"
        r"|batch insert",
        r"update/merge must match|merge (?:operation |statement )?failed|affect rows",
        r"too many (?:\w+ ){0,2}(?:dml|partitions?|statements|table updates?"
        r"|partition modifications|columns)|dml (?:quota|limit|statements)",
        r"violates (?:\w+ ){0,2}constraint|constraint failed|duplicate (?:column|key value)"
        r"|database is locked|deadlock|requires an index|undefined(?:table|column)",
        r"null element|required field <?\w+>? cannot be null|cannot be null",
        r"invalid (?:date|timestamp|datetime|cast|json path):? |arithmetic overflow"
        r"|bad int64 value",
        kinds="programming integrity interface noresultfound multipleresultsfound pendingrollback "
        "undefinedtable undefinedcolumn uniqueviolation",
    ),
    rule(
        "waited_in_vain",
        FailureCategory.TIMEOUT,
        "it waited for something until a limit",
        rf"(?:time[d]?[ -]?out|gave up|giving up|deadline|exceeded|{SPAN})[^\n]{{0,60}}?"
        r"\bwait(?:ing|ed)? (?:for|on)",
        rf"wait(?:ing|ed)? (?:for|on)[^\n]{{0,80}}?(?:timed out|timeout|deadline|exceeded"
        rf"|after {SPAN})",
    ),
    rule(
        "upstream_failed",
        FailureCategory.DEPENDENCY_MISSING,
        "an upstream processor failed, or has not finished",
        rf"{_UPSTREAM}(?!\s+(?:column|field|injection|conflict|resolution))[^\n]{{0,90}}?\b{_BAD}",
        rf"(?:missing|unmet|unsatisfied|unavailable|failed|stale|no|incomplete"
        rf"|insufficient)\s+(?:\w+\s+){{0,2}}{_UPSTREAM}",
        r"upstream_failure|dependency_missing|missing_dependency|upstream (?:completeness"
        r"|coverage)",
        r"dependency_check_passed\W+false|dependenc(?:y|ies) (?:check|validation)",
        rf"phase[ _-]?\d\w*(?: (?!trigger|topic|message|export)\w+){{0,3}} (?:is |are |was |has "
        rf"|have )?(?!timed out)(?:{_NOT_THERE}|failed|missing|absent|incomplete|empty"
        rf"|unavailable)",
        rf"<name> (?:output )?(?:is |are )?(?:{_NOT_THERE})",
        r"(?:awaiting|await|pending) (?:\w+ )?(?:upstream|dependenc\w+)|upstream\w*not\w+",
        r"(?:run|needs|requires|start|load) (?:the )?(?:phase ?\d|<name>|<processor>"
        r"|\w+ processor)(?: to run)? first",
        rf"(?:<processor>|processor) (?:has|had|is|did|was) (?:{_NOT_THERE}"
        rf"|no (?:successful )?run)",
        r"<processor> (?:has|had) no (?:successful )?runs?",
        r"before (?:<processor>|<name>|phase ?\d\w*|\w+ processor) (?:has |is |have )?(?:finished"
        r"|completed?|run|succeeded|done)",
        r"blocked(?: by|:)? (?:\w+ ){0,3}(?:upstream|dependenc\w+|<processor>|<table>|<name>"
        r"|phase)",
        r"waiting (?:for|on):? (?:the )?(?:upstream|dependenc\w+|phase|parent|<processor>|<table>"
        r"|<name>)",
        r"run (?:the )?<processor>$|<processor>[^\n]{0,30} (?:ended in|in|with) error",
        kinds=r"\w*dependency\w* \w*upstream\w* sourcedatamissing missinginput inputmissing",
    ),
    rule(
        "input_missing",
        FailureCategory.DEPENDENCY_MISSING,
        "an input that other processors should have made is not there",
        r"(?:no|0|zero|not enough|empty) (?:\w+ ){0,3}(?:found )?(?:in|from) (?:table |source "
        r"|view )?<(?:table|name)>",
        r"(?:no|0|zero) (?:\w+ ){0,2}(?:rows?|data|records?|entries|players?|features?"
        r"|predictions?)(?: \S+){0,4}? (?:in|from) <(?:table|name)>",
        r"no (?:historical|upstream|source|input|reference|prior) (?:data|rows|records|games)",
        r"(?:has|have)(?: not|n't) (?:yet )?(?:arrived|landed)",
        r"not found in (?:the )?(?:table |cache )?<(?:table|name)>",
        rf"<(?:table|name)>:?(?: (?:table|source|view|cache|data))?(?: (?:is|are|was|both|all"
        rf"|still))* (?:{_NOT_THERE}|empty|unavailable|absent|incomplete|has no|has 0"
        rf"|contains (?:no|0)|had no|no (?:rows|data|records)"
        r"|missing(?! (?:column|field|key|required|partition|in \d)))",
        rf"(?:required|critical|source|input|upstream|fallback|historical|reference"
        rf"|prior) (?:\w+ ){{0,2}}?(?:{_INPUT}|schedule|roster)\b[^\n]{{0,80}}?\b{_BAD}",
        rf"(?:required|critical|source|input|upstream|fallback) {_INPUT} (?:\S+ ){{0,2}}?not found",
        r"(?:missing|no) (?:required |critical |upstream )?(?:source|input)s?\b(?: (?:data|tables?"
        r"|files?))?",
        r"(?<!model )(?<!module )(?<!library )(?<!config )(?:is |are |was "
        r"|were )?not (?:yet )?(?:been )?(?:loaded|populated|ingested|backfilled|materiali[sz]ed)",
        r"no (?!new )(?:[\w-]+ ){0,3}files? (?:found|available|present|matched|exist)",
        rf"(?:ml )?(?:features?(?: store| vectors?)?|schedule|rosters?|player registry|standings"
        rf"|cache|predictions?|registry|baseline) (?:data |rows )?(?:is |are "
        rf"|was )?(?:{_NOT_THERE}|not found|missing(?! in \d)|absent|empty|incomplete)",
        r"(?:missing|no) (?:\w+ )?(?:features?|feature vectors?|predictions?)(?: (?:from|for|found"
        r"|available|exist|in))",
        r"missing for (?:<date>|season|game|all|\d+ (?:of|players|games|teams))",
        r"neither \S+ nor [^\n]{1,60}(?:present|available|found|loaded|ready)",
        r"(?:data|history) gaps?|gaps? (?:found |detected )?in (?:the )?(?:historical|history|data"
        r"|<\w+>)",
        r"(?:insufficient|not enough|incomplete) (?:\w+ ){0,2}(?:history|historical|upstream"
        r"|source|input)",
        r"historical (?:data )?(?:completeness|gaps?|coverage)|insufficient (?:data|games|history)",
        r"(?:backfill|history|prior games) (?:is |are )?(?:incomplete|missing|not)",
        r"source_?data_?missing|cannot (?:grade|start|compute|predict) (?:without|before|until)",
    ),
    rule(
        "input_stale",
        FailureCategory.DEPENDENCY_MISSING,
        "an input is older than allowed",
        rf"(?:<table>|<name>|{_INPUT}|caches?|snapshot|rosters?|schedule|report|odds|{_UPSTREAM})"
        r"(?: \S+)? (?:is|are|was|were) (?:too |very )?(?:stale|old|outdated|out of date)",
        rf"stale (?:{_INPUT}|upstream|rosters?|schedule|odds|<table>|<name>|caches?|snapshot)",
        r"(?:data|sources?|tables?|snapshot|rosters?) too (?:old|stale)|freshness|max_?age\w*"
        r"|age limit",
        rf"<(?:table|name)> (?:is |was )?(?:last )?(?:updated|loaded|refreshed|modified)?\s?{SPAN} "
        r"(?:ago|old|behind|late)",
        rf"(?:last|not) (?:updated|loaded|refreshed|modified) {SPAN} ago|is {SPAN} (?:old|behind)",
        r"not (?:been )?(?:refreshed|updated) (?:since|today|for)|(?:latest|newest|last"
        r"|most recent) (?:(?:data|rows?|dates?|partition|available|snapshot)(?: \S+){0,2} )?(?:is"
        r"|was|from) <date>",
    ),
    rule(
        "too_long",
        FailureCategory.TIMEOUT,
        "it took longer than a limit, hung, or its heartbeat stopped",
        r"time[d]?[ -]?outs?|timing out|err_timed_out|err_connection_timed_out|etimedout",
        r"deadline(?: of \S+)? (?:was )?(?:exceeded|expired|passed|reached)|deadline_?exceeded",
        rf"exceed(?:s|ed|ing)?\b(?! quota| rate limit)(?: \S+){{0,5}}? (?:{SPAN}|(?:run|wall"
        rf"|execution )?"
        r"time\b|deadline|duration|runtime)",
        rf"(?:took|takes|ran|runs|running|run) (?:too long|longer than|over|past|for more than"
        rf"|{SPAN})",
        rf"(?:gave|giving) up (?:\w+ ){{0,6}}?after {SPAN}|waiting [^\n]{{1,60}} after {SPAN}",
        rf"(?:did|does|has|have)(?:n't| not|n't yet) (?:\w+ )?(?:finish|complete|respond|return"
        rf"|reply|answer|start|arrive|end|terminate)\w*[^\n]{{0,40}}? (?:in|within|after"
        rf"|for) (?:the )?(?:{SPAN}"
        r"|time|limit|allowed|allotted|deadline)",
        rf"(?:no|without|lost|missed|missing|last) (?:\w+ )?(?:heartbeats?|progress|response|reply"
        rf"|ack\w*)(?: \S+){{0,3}}? (?:for|in|since|within|after|during|ago|{SPAN})",
        r"heartbeat (?:is |was )?(?:lost|missed|missing|stopped|expired|stale|too old)"
        r"|no heartbeat",
        r"^\W*(?:408|504|522|524)(?!\d)|(?:http|https|status|code|returned|error)\W{0,3}(?:code "
        r"|status )?\W?(?:408|504|522|524)(?!\d)",
        rf"(?:cancell?ed|aborted|killed|stopped|terminated|closed|unfinished|finished|giving up"
        rf"|gave up) (?:\w+ ){{0,3}}after {SPAN}|waited (?:for )?(?:over )?{SPAN}|running (?:for"
        rf"|since)|(?:over|past|beyond|above) (?:the |its )?{SPAN} ?(?:limit|budget)"
        rf"|{SPAN} (?:limit|budget)",
        rf"(?:idle|silent|inactive|quiet|held) (?:\w+ ){{0,2}}(?:for|after|since|over) {SPAN}",
        rf"(?:not|stopped|ceased) \w+(?: \w+){{0,3}}? (?:in|within|after) (?:the last )?{SPAN}",
        r"time budget|max(?:imum|\.)? (?:execution |run |running |wall )?(?:time|duration|runtime)",
        r"heartbeat (?:is )?(?:older|too)|(?:still )?(?:not|un)finished|futures unfinished"
        r"|still not",
        r"without progress|no progress|rate of progress|watchdog",
        r"hung|hangs?|hanging|stalled|frozen|unresponsive|stuck|still running after",
        r"time limit|(?:soft|hard)timelimit\w*|within the (?:allotted|allowed|configured"
        r"|given) time",
        kinds=r"\w*timeout \w*timeout\w* \w*deadlineexceeded \w*timelimit\w* timeoutexpired "
        r"gatewaytimeout querycanceled locknotavailable",
    ),
    rule(
        "service_fault",
        FailureCategory.ERROR,
        "a service, network, disk or memory failed, refused, or ran out",
        r"^\W*(?:4(?!04)\d\d|5\d\d)(?= [a-z<{(]|:|$)",
        r"(?:http|https|status|code|error|returned|answered|response|client"
        r"|server)\W{0,3}(?:status |code |error )?\W{0,2}(?:4(?!04)\d\d|5\d\d)",
        r"^\W*404\W+(?:get|post|put|delete|patch) |no such object|nosuch(?:key|bucket)"
        r"|resource not found",
        r"unauthori[sz]ed|forbidden|unauthenticated|permission\b[^\n]{0,40} denied|access denied"
        r"|does not have (?:\S+ )?(?:permission|access)|authori[sz]ed to|authentication"
        r"|invalid_?grant|insufficient (?:\w+ )?(?:scopes?|permissions?|privileges?)"
        r"|permission denied",
        r"quotas?|rate[ -]?limit\w*|too many (?:requests|connections|redirects|open|concurrent)"
        r"|throttl\w+|resource_?exhausted|back-?off|exceeded \d+ redirects",
        r"service unavailable|statuscode\.\w+|internal (?:server )?error|bad gateway|server error"
        r"|temporar(?:y|ily) (?:failure|unavailable|error)|transient|currently unavailable",
        r"connection (?:was |has been |is )?(?:aborted|reset|refused|error|closed|broken|lost"
        r"|dropped|failed|attempts failed|terminated|pool)|connect(?:ion)? (?:error|failed"
        r"|failure)",
        r"remote end closed|max retries|broken pipe|server disconnected|unexpected eof|bytes read"
        r"|disconnected|(?:un|not )reachable|no route to host|network (?:is|error)|prox(?:y|ies)",
        r"ssl\w*|tls|certificates?|handshake|name or service not known|name resolution|getaddrinfo"
        r"|dns|could not resolve|failed to resolve",
        r"(?:size|request|message|payload|memory)(?: \S+){0,3}? (?:exceeds?|over) [^\n]*(?:limit"
        r"|bytes|[mgk]b)|too large|memory usage|terminated abruptly|unexpectedly terminated"
        r"|segmentation fault",
        r"out of memory|memory (?:limit|error)|too much memory|allotted memory|oom|killed"
        r"|sig(?:kill|term|segv|abrt)|signal:? \d+|exit(?:ed)?\W*(?:code|status|with)?\W*(?:1|2"
        r"|137|139|143)|no space left|too many open files|disk (?:full|quota)"
        r"|read-only file system",
        r"expecting value|expecting property|unterminated string|extra data"
        r"|invalid control character|json ?(?:decode|parse|parsing)\w*|invalid json|not valid json"
        r"|unexpected token|decode/download",
        r"no such element|element (?:is )?not|element click|stale element|(?:browser|page|context"
        r"|target)(?:,? \w+)* (?:has been |was )?(?:closed|crashed)|net::\w+|err_\w+|captcha"
        r"|cloudflare|blocked|session not created|chromedriver",
        r"contention|transaction (?:has been |was )?(?:rolled|aborted|closed)|circuit (?:breaker"
        r"|is)|aborted because|no available instance|instance (?:was|had|could)|crash(?:ed|es)?"
        r"|malformed or",
        r"rpcs?|grpc|unhandled|checksum mismatch while|could not open|invalid pdf|lock(?:ed)? held"
        r"|(?:failed|unable|could not) to acquire",
        kinds=r"\w*connection\w* \w*connect \w*ssl\w* gaierror herror brokenpipe \w*protocol "
        r"proxy remotedisconnected \w*incompleteread jsondecode chunkedencoding contentdecoding "
        "toomanyredirects retry maxretry datacorruption transport forbidden unauthorized "
        "unauthenticated serviceunavailable internalserver badgateway toomanyrequests "
        "resourceexhausted conflict alreadyexists aborted preconditionfailed failedprecondition "
        "badrequest invalidargument permissiondenied unavailable slackapi cancelled operational "
        "database os io permission blockingio targetclosed systemexit keyboardinterrupt",
        of="selenium grpc redis sqlite3 psycopg2 asyncpg ssl socket http google.auth urllib3 "
        "paramiko ftplib botocore smtplib slack_sdk",
    ),
    rule(
        "check_failed",
        FailureCategory.VALIDATION_FAILED,
        "the data came, and a check refused it",
        r"validations?|validat(?:ed?|ors?)|invalid (?:data|rows?|records?|values?|stats?|score"
        r"|minutes|points|odds|totals?|box ?score|response|structure)",
        r"(?:checks?|checkpoints?|constraints?|expectations?|assertions?|tests?"
        r"|gates?)(?: \S+){0,2}? (?:failed|not passed|not met|violated)"
        r"|failed (?:\S+ ){0,3}(?:checks?|expectations?|gates?)",
        r"great expectations|<expectation>|unsuccessful expectations|success=false",
        r"duplicate[ds]?(?! (?:messages?|triggers?|delivery|requests?|runs?)\b)|appears? (?:twice"
        r"|more than once|\d+ times)",
        r"(?:does|do|did)(?: not|n't) (?:match|add up|reconcile|agree|balance|sum|equal|tally)"
        r"|mismatch(?:e[sd])?|differs? from|disagree",
        r"nulls?|nan|infinite|non-?null|not null|blank (?:rows?|values?|fields?)",
        r"(?:data )?quality|completeness|coverage|integrity|sanity|plausib\w+|implausible"
        r"|inconsistent|impossible|suspicious|anomal\w+|outliers?|degenerate|drift\w*|distribution"
        r"|identical|skew\w*",
        r"(?:must|should|has to) be (?:between|within|at least|at most|below|above|under|[<>=])"
        r"|requested \S+(?: \S+){0,2},? but|(?:listed|found|present) (?:twice|\d+ times)"
        r"|add(?:s)? up to",
        r"missing in \d+ (?:\w+ )?(?:rows|records|players|games)|invalid \w+ format",
        r"out of (?:the |its )?(?:\w+ )?(?:range|bounds|limits?)|outside(?: of)? (?:the "
        r"|its )?(?:\w+ )?(?:range|bounds|limits?|interval|[\[(<\d]\S*)|not in (?:the )?(?:[\[({]"
        r"|range|allowed)|negative",
        r"(?:below|under|above|over|less than|more than|fewer than|greater than|at least|at most"
        r"|exceed\w*) (?:the )?(?:\w+ ){0,2}(?:minimum|maximum|threshold|limit|expected|required"
        r"|allowed|floor|cap|\d)",
        r"(?:row|record|player|game|team|event|starter)s? counts?|too (?:many|few) (?:rows|records"
        r"|players|games|teams|nulls|starters|values|columns)",
        r"expected (?:at least |at most |exactly |between |only |\S+ to )?\d[^\n]*|expected (?!no "
        r"|games? |off|json|html)\S+(?: \S+){0,3},? (?:but )?(?:got|found|received|saw|was)",
        r"rejected|refus(?:ed|ing|es)|not accepted|quarantined",
        r"is not an? (?:list|dict|mapping|array|object|valid|number|string|integer)|not numeric",
        r"(?:response|payload|file|feed|row|record|json|box ?score|data|events?) (?:is "
        r"|are )?(?:missing|lacks?|without) (?:the )?(?:required )?(?:keys?|fields?|columns?|<)"
        r"|missing (?:required )?(?:keys?|fields?|columns?)|required property"
        r"|unexpected (?:structure|field|column|keys?|format|number of)|(?:rows|columns"
        r"|\d+) instead of|malformed (?:row|record|line|csv|box)",
        r"unknown (?:team|player|game|stat|abbreviation)|unmapped|unmatched"
        r"|unrecogni[sz]ed (?:team|player)",
        r"only \d+ of \d+|(?:minimum|maximum|min|max|limit)\W{0,2}\d+|(?:dropped|fell|shrank"
        r"|jumped|grew) (?:by )?\d+ ?%|\d+ issues?",
        kinds=r"\w*validation \w*dataquality\w* schema schemas pandera\w* inconsistentdata",
        of="pandera great_expectations jsonschema marshmallow pydantic pydantic_core cerberus",
    ),
)

# Asked when no rule and no "nothing to do" knew the message: what the class alone suggests.
LAST_RESORT: tuple[Rule, ...] = (
    rule(
        "download_refused",
        FailureCategory.VALIDATION_FAILED,
        "the scraper refused what it had downloaded",
        kinds=r"downloaddata",
    ),
    rule(
        "work_failed",
        FailureCategory.ERROR,
        "it says that something failed, not what kind of failure it was",
        r"fail(?:ed|ure|s|ing)?|errors?|exceptions?|unable|cannot|can't|could not|couldn't|wrong"
        r"|not found|went away|abort(?:ed|ing)?|cancel(?:led|ed)|unexpected(?:ly)?",
    ),
    rule(
        "data_looks_wrong",
        FailureCategory.VALIDATION_FAILED,
        "no check is named, but it tells of shares, counts or values as a check would",
        r"\d ?%|requested|must be \d+|shares? the|in the future|invalid for|(?:no|without) team"
        r"|\d+ of \d+",
    ),
)
