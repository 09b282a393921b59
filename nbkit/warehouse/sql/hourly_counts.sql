-- One row: the runs of a processor that ended in one hour in the same way (status, category, shape of the message).
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- slack_days_before INT64 = 35: how far data_date may lie before start (late data, backfills)
-- slack_days_after INT64 = 8: how far data_date may lie after end (upcoming games)
WITH doubled AS (
  -- Runs that have several rows beside 'running': few, where a history is in order. Only they are
  -- told apart run by run below; a sort of all rows by run would hold all of them in memory.
  SELECT run_id
  FROM `nba_reference.processor_run_history`
  WHERE
    data_date BETWEEN DATE_SUB(DATE(@start), INTERVAL @slack_days_before DAY)
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
    data_date BETWEEN DATE_SUB(DATE(@start), INTERVAL @slack_days_before DAY)
    AND DATE_ADD(DATE(@end), INTERVAL @slack_days_after DAY)
    AND started_at <= @as_of
),
ends AS (
  -- By the whole text first: the same words come again and again, and masking them is dear.
  SELECT
    doubled.run_id AS doubled_id,
    IF(doubled.run_id IS NULL, NULL, finished_at) AS doubled_end,
    processor_name,
    phase,
    TIMESTAMP_TRUNC(finished_at, HOUR) AS hour,
    status,
    failure_category,
    skip_reason,
    IF(errors IS NULL, NULL, TO_JSON_STRING(errors)) AS error_text,
    MIN(history.run_id) AS first_run_id,
    ANY_VALUE(started_at HAVING MIN history.run_id) AS first_started_at,
    COUNT(*) AS run_count,
    COUNTIF(status = 'success' AND IFNULL(records_processed, 1) = 0) AS zero_record_count,
    COUNTIF(status = 'success' AND records_processed IS NULL) AS missing_record_count,
    SUM(duration_seconds) AS total_s,
    COUNT(duration_seconds) AS timed_count,
    SUM(records_processed) AS record_count
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
    hour,
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
      DIV(zero_record_count, run_count) AS zero_record_count,
      DIV(missing_record_count, run_count) AS missing_record_count,
      total_s / run_count AS total_s,
      DIV(timed_count, run_count) AS timed_count,
      DIV(record_count, run_count) AS record_count
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
  hour,
  status,
  failure_category,
  skip_reason,
  error_signature,
  ANY_VALUE(lasts.error_text HAVING MIN first_run_id) AS error_example,
  MIN(first_run_id) AS example_run_id,
  ANY_VALUE(first_started_at HAVING MIN first_run_id) AS example_started_at,
  SUM(run_count) AS runs,
  SUM(zero_record_count) AS zero_record_runs,
  SUM(missing_record_count) AS missing_record_runs,
  SUM(total_s) AS duration_s,
  SUM(timed_count) AS timed_runs,
  SUM(record_count) AS records
FROM lasts
LEFT JOIN masked
  ON lasts.error_text = masked.error_text
WHERE
  doubled_end IS NULL
  OR (doubled_end >= @start AND doubled_end < @end)
GROUP BY
  processor_name, phase, hour, status, failure_category, skip_reason, error_signature
ORDER BY
  hour, processor_name, phase, status, failure_category, skip_reason, error_signature
