-- One row: the runs of a processor that ended alike (status, category, shape of the message; successes also by duration) in the asked hours, or in the same hours some weeks before.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- weeks INT64 = 4: how many weeks back
-- slack_days_before INT64 = 63: how far data_date may lie before start (the weeks, and late data)
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
ends AS (
  -- By the whole text first: the same words come again and again, and masking them is dear.
  SELECT
    processor_name,
    phase,
    weeks_back,
    status,
    failure_category,
    skip_reason,
    IF(errors IS NULL, NULL, TO_JSON_STRING(errors)) AS error_text,
    SAFE_CAST(
      CEIL(LN(IF(status = 'success' AND duration_seconds > 0, duration_seconds, NULL)) / LN(1.02))
      AS INT64
    ) AS duration_bucket,
    COUNT(*) AS run_count
  FROM runs
  CROSS JOIN UNNEST(GENERATE_ARRAY(0, @weeks)) AS weeks_back
  WHERE
    ended_at >= TIMESTAMP_SUB(@start, INTERVAL 7 * weeks_back DAY)
    AND ended_at < TIMESTAMP_SUB(@end, INTERVAL 7 * weeks_back DAY)
  GROUP BY
    processor_name, phase, weeks_back, status, failure_category, skip_reason, error_text,
    duration_bucket
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
  weeks_back,
  status,
  failure_category,
  skip_reason,
  error_signature,
  MIN(error_text) AS error_example,
  duration_bucket,
  SUM(run_count) AS runs
FROM masked
GROUP BY
  processor_name, phase, weeks_back, status, failure_category, skip_reason, error_signature,
  duration_bucket
ORDER BY
  weeks_back, processor_name, phase, status, failure_category, skip_reason, error_signature,
  duration_bucket
