-- One row: the runs of a processor that started in one hour and ended in one hour in the same way (status, category, shape of the message).
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- slack_days_before INT64 = 35: how long a run may have been open when the window begins
-- far_days_before INT64 = 3660: how far data_date may lie before start; ten years, for backfills make storms too
-- slack_days_after INT64 = 8: how far data_date may lie after end (upcoming games)
WITH doubled AS (
  -- Runs that have several rows beside 'running': few, where a history is in order. Only they are
  -- told apart run by run below; a sort of all rows by run would hold all of them in memory.
  SELECT run_id
  FROM `nba_reference.processor_run_history`
  WHERE
    data_date BETWEEN DATE_SUB(DATE(@start), INTERVAL @far_days_before DAY)
    AND DATE_ADD(DATE(@end), INTERVAL @slack_days_after DAY)
    AND status != 'running'
  GROUP BY run_id
  HAVING COUNT(*) > 1
),
history AS (
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
ends AS (
  -- By the text itself first: the same words come again and again, and masking them is dear.
  SELECT
    doubled.run_id AS doubled_id,
    IF(doubled.run_id IS NULL, NULL, finished_at) AS doubled_end,
    processor_name,
    phase,
    TIMESTAMP_TRUNC(started_at, HOUR) AS started_hour,
    TIMESTAMP_TRUNC(finished_at, HOUR) AS ended_hour,
    status,
    failure_category,
    skip_reason,
    -- Enough for every rule of the classifier, as in window_runs.
    IF(errors IS NULL, NULL, SUBSTR(TO_JSON_STRING(errors), 1, 2000)) AS error_text,
    COUNT(*) AS run_count,
    COUNTIF(ABS(DATE_DIFF(data_date, DATE(started_at), DAY)) > 3) AS far_date_count,
    SUM(duration_seconds) AS total_s
  FROM history
  LEFT JOIN doubled
    ON history.run_id = doubled.run_id
  WHERE
    finished_at <= @as_of
    AND (doubled.run_id IS NOT NULL OR finished_at >= @start AND finished_at < @end)
  GROUP BY
    doubled_id,
    doubled_end,
    processor_name,
    phase,
    started_hour,
    ended_hour,
    status,
    failure_category,
    skip_reason,
    error_text
),
lasts AS (
  -- One run is one run_id: of its rows the one that ended last wins.
  SELECT
    *
  FROM ends
  WHERE doubled_id IS NULL
  UNION ALL
  SELECT
    * REPLACE (
      1 AS run_count,
      DIV(far_date_count, run_count) AS far_date_count,
      total_s / run_count AS total_s
    )
  FROM ends
  WHERE doubled_id IS NOT NULL
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY doubled_id ORDER BY doubled_end DESC) = 1
),
masked AS (
  -- Moments, UUIDs and runs of digits become #, so that distinct messages are few. Zero and what
  -- looks like an HTTP status stay, for "0 rows" and "12 rows", 404 and 500 are not classified
  -- alike: the first pass makes "404#" of them (its group), the second takes the mark off again.
  SELECT
    error_text,
    REGEXP_REPLACE(
      REGEXP_REPLACE(
        error_text,
        r'[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?|[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|[0-9]{4,}|([45][0-9]{2}|0)|[0-9]+',
        r'\1#'
      ),
      r'([45][0-9]{2}|0)#',
      r'\1'
    ) AS error_signature
  FROM (SELECT DISTINCT error_text FROM ends)
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
  MIN(lasts.error_text) AS error_example,
  SUM(run_count) AS runs,
  SUM(far_date_count) AS far_date_runs,
  SUM(total_s) AS duration_s
FROM lasts
LEFT JOIN masked
  ON lasts.error_text = masked.error_text
WHERE
  doubled_end IS NULL
  OR (doubled_end >= @start AND doubled_end < @end)
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
