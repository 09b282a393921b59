-- One row: the runs of a processor that started in one hour and ended in one hour in the same way (status, category, shape of the message).
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- slack_days_before INT64 = 35: how long a run may have been open when the window begins
-- far_days_before INT64 = 3660: how far data_date may lie before start; ten years, for backfills make storms too
-- slack_days_after INT64 = 8: how far data_date may lie after end (upcoming games)
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
    data_date BETWEEN DATE_SUB(DATE(@start), INTERVAL @far_days_before DAY)
    AND DATE_ADD(DATE(@end), INTERVAL @slack_days_after DAY)
    AND started_at <= @as_of
    AND started_at >= TIMESTAMP_SUB(@start, INTERVAL @slack_days_before DAY)
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
attempts AS (
  SELECT
    *,
    -- A message is counted with its first attempt, so that counts of messages add up.
    ROW_NUMBER() OVER (PARTITION BY COALESCE(trigger_message_id, run_id) ORDER BY started_at, run_id)
      AS attempt
  FROM runs
),
ends AS (
  -- By the whole text first: the same words come again and again, and masking them is dear.
  SELECT
    processor_name,
    phase,
    TIMESTAMP_TRUNC(started_at, HOUR) AS started_hour,
    TIMESTAMP_TRUNC(ended_at, HOUR) AS ended_hour,
    status,
    failure_category,
    skip_reason,
    IF(errors IS NULL, NULL, TO_JSON_STRING(errors)) AS error_text,
    COUNT(*) AS run_count,
    COUNTIF(attempt = 1) AS message_count,
    COUNTIF(ABS(DATE_DIFF(data_date, DATE(started_at), DAY)) > 3) AS far_date_count,
    SUM(duration_seconds) AS total_s
  FROM attempts
  WHERE
    ended_at >= @start
    AND ended_at < @end
  GROUP BY
    processor_name,
    phase,
    started_hour,
    ended_hour,
    status,
    failure_category,
    skip_reason,
    error_text
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
  started_hour,
  ended_hour,
  status,
  failure_category,
  skip_reason,
  error_signature,
  MIN(error_text) AS error_example,
  SUM(run_count) AS runs,
  SUM(message_count) AS messages,
  SUM(far_date_count) AS far_date_runs,
  SUM(total_s) AS duration_s
FROM masked
GROUP BY
  processor_name,
  phase,
  started_hour,
  ended_hour,
  status,
  failure_category,
  skip_reason,
  error_signature
ORDER BY
  ended_hour,
  started_hour,
  processor_name,
  phase,
  status,
  failure_category,
  skip_reason,
  error_signature
