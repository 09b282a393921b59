-- One row: a run that ended or started in one of the chosen hours, with what a diagnosis needs.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- hours STRING = NULL: which hours of the window, one a line (2026-01-12T00:00:00Z); NULL for all
-- sample_below STRING = NULL: only messages whose MD5 (hexadecimal) is below this, all attempts of each; NULL for all
-- slack_days_before INT64 = 35: how long a run may have been open when the window begins
-- far_days_before INT64 = 3660: how far data_date may lie before start; ten years, for backfills make storms too
-- slack_days_after INT64 = 8: how far data_date may lie after end (upcoming games)
WITH chosen AS (
  SELECT TIMESTAMP(line) AS hour
  FROM UNNEST(SPLIT(@hours, '\n')) AS line
),
near AS (
  -- Runs with a row in the chosen hours: only theirs are sorted, and nothing else is held in memory.
  SELECT DISTINCT run_id
  FROM `nba_reference.processor_run_history`
  WHERE
    data_date BETWEEN DATE_SUB(DATE(@start), INTERVAL @far_days_before DAY)
    AND DATE_ADD(DATE(@end), INTERVAL @slack_days_after DAY)
    AND started_at <= @as_of
    AND started_at >= TIMESTAMP_SUB(@start, INTERVAL @slack_days_before DAY)
    AND (
      @sample_below IS NULL
      OR TO_HEX(MD5(COALESCE(trigger_message_id, run_id))) < @sample_below
    )
    AND (
      @hours IS NULL
      OR TIMESTAMP_TRUNC(started_at, HOUR) IN (SELECT hour FROM chosen)
      OR TIMESTAMP_TRUNC(
        COALESCE(
          processed_at,
          TIMESTAMP_ADD(
            started_at,
            INTERVAL IFNULL(SAFE_CAST(1000 * duration_seconds AS INT64), 0) MILLISECOND
          )
        ),
        HOUR
      ) IN (SELECT hour FROM chosen)
    )
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
    AND run_id IN (SELECT run_id FROM near)
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
)
SELECT
  processor_name,
  phase,
  run_id,
  data_date,
  started_at,
  ended_at,
  IF(ended_at IS NULL, NULL, duration_seconds) AS duration_s,
  IF(ended_at IS NULL, 'running', status) AS status,
  IF(ended_at IS NULL, NULL, failure_category) AS failure_category,
  IF(ended_at IS NULL, NULL, skip_reason) AS skip_reason,
  -- Enough for every rule of the classifier; a trace of pages helps nobody here.
  IF(errors IS NULL OR ended_at IS NULL, NULL, SUBSTR(TO_JSON_STRING(errors), 1, 2000))
    AS errors_text,
  trigger_message_id,
  retry_attempt,
  triggered_by,
  trigger_source,
  parent_processor,
  backfill_mode,
  IF(missing_dependencies IS NULL, NULL, SUBSTR(TO_JSON_STRING(missing_dependencies), 1, 2000))
    AS missing_dependencies,
  dependency_check_passed,
  records_processed,
  cloud_run_service
FROM runs
WHERE
  (
    ended_at >= @start AND ended_at < @end
    OR started_at >= @start AND started_at < @end
  )
  AND (
    @hours IS NULL
    OR TIMESTAMP_TRUNC(ended_at, HOUR) IN (SELECT hour FROM chosen)
    OR TIMESTAMP_TRUNC(started_at, HOUR) IN (SELECT hour FROM chosen)
  )
  AND (
    @sample_below IS NULL
    OR TO_HEX(MD5(COALESCE(trigger_message_id, run_id))) < @sample_below
  )
ORDER BY
  started_at, run_id
