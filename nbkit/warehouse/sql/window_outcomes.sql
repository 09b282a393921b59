-- One row: the runs of a processor that came to the same end in one slot of the window (status, category, shape of the message, missing tables), and when.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- slack_days_before INT64 = 35: how far data_date may lie before start (late data, backfills)
-- slack_days_after INT64 = 8: how far data_date may lie after end (upcoming games)
-- slot_s INT64 = 60: how many seconds a slot is long; slots begin at whole multiples of it
WITH history AS (
  -- When a run ended; where the column is null, its start and duration say so.
  SELECT
    *,
    IF(
      status = 'running',
      NULL,
      COALESCE(
        processed_at,
        TIMESTAMP_ADD(
          started_at,
          INTERVAL IFNULL(SAFE_CAST(1000 * duration_seconds AS INT64), 0) MILLISECOND
        )
      )
    ) AS finished_at
  FROM `nba_reference.processor_run_history`
  WHERE
    data_date BETWEEN DATE_SUB(DATE(@start), INTERVAL @slack_days_before DAY)
    AND DATE_ADD(DATE(@end), INTERVAL @slack_days_after DAY)
    AND started_at <= @as_of
),
runs AS (
  -- One run is one run_id: of its rows ('running', then its end) the one that ended last wins.
  SELECT
    *,
    IF(finished_at <= @as_of, finished_at, NULL) AS ended_at
  FROM history
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY run_id
      ORDER BY
        -- One key, for a second one doubles the time of the sort. An end after as_of is not known
        -- yet: the 'running' row speaks for such a run.
        CASE
          WHEN finished_at <= @as_of THEN finished_at
          WHEN status = 'running' THEN TIMESTAMP_SECONDS(1)
          ELSE TIMESTAMP_SECONDS(0)
        END DESC
    ) = 1
),
seen AS (
  -- Runs that ended in the window, and those that started in it and go on.
  SELECT
    processor_name,
    phase,
    run_id,
    started_at,
    ended_at,
    data_date,
    TIMESTAMP_SECONDS(
      DIV(UNIX_SECONDS(COALESCE(ended_at, started_at)), @slot_s) * @slot_s
    ) AS slot,
    IF(ended_at IS NULL, 'running', status) AS status,
    IF(ended_at IS NULL, NULL, failure_category) AS failure_category,
    IF(ended_at IS NULL, NULL, skip_reason) AS skip_reason,
    IF(errors IS NULL OR ended_at IS NULL, NULL, TO_JSON_STRING(errors)) AS error_text,
    IF(missing_dependencies IS NULL OR ended_at IS NULL, NULL, TO_JSON_STRING(missing_dependencies))
      AS missing_text
  FROM runs
  WHERE
    (ended_at >= @start AND ended_at < @end)
    OR (ended_at IS NULL AND started_at >= @start AND started_at < @end)
),
ends AS (
  -- By the whole text first: the same words come again and again, and masking them is dear.
  SELECT
    processor_name,
    phase,
    slot,
    status,
    failure_category,
    skip_reason,
    error_text,
    missing_text,
    MIN(run_id) AS first_run_id,
    COUNT(*) AS run_count,
    MIN(started_at) AS earliest_start,
    MAX(started_at) AS latest_start,
    MIN(ended_at) AS earliest_end,
    MAX(ended_at) AS latest_end,
    MIN(data_date) AS earliest_date,
    MAX(data_date) AS latest_date
  FROM seen
  GROUP BY
    processor_name, phase, slot, status, failure_category, skip_reason, error_text, missing_text
),
masked AS (
  -- Moments, UUIDs and runs of digits become #, so that distinct messages are few. Zero and what
  -- looks like an HTTP status stay, for "0 rows" and "12 rows", 404 and 500 are not classified
  -- alike: the first pass makes "404#" of them (its group), the second takes the mark off again.
  SELECT
    *,
    REGEXP_REPLACE(
      REGEXP_REPLACE(
        error_text,
        r'[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?|[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|[0-9]{4,}|([45][0-9]{2}|0)|[0-9]+',
        r'\1#'
      ),
      r'([45][0-9]{2}|0)#',
      r'\1'
    ) AS error_signature
  FROM ends
)
SELECT
  processor_name,
  phase,
  slot,
  status,
  failure_category,
  skip_reason,
  error_signature,
  missing_text,
  ANY_VALUE(error_text HAVING MIN first_run_id) AS error_example,
  MIN(first_run_id) AS example_run_id,
  SUM(run_count) AS runs,
  MIN(earliest_start) AS first_started_at,
  MAX(latest_start) AS last_started_at,
  MIN(earliest_end) AS first_ended_at,
  MAX(latest_end) AS last_ended_at,
  MIN(earliest_date) AS first_data_date,
  MAX(latest_date) AS last_data_date
FROM masked
GROUP BY
  processor_name, phase, slot, status, failure_category, skip_reason, error_signature, missing_text
ORDER BY
  slot, processor_name, phase, status, failure_category, skip_reason, error_signature, missing_text
