-- One row: one of the latest runs of a processor, ended or still open, the newest first.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- slack_days_before INT64 = 35: how far data_date may lie before start (late data, backfills)
-- slack_days_after INT64 = 8: how far data_date may lie after end (upcoming games)
-- processor_name STRING = NULL: only this processor; NULL for all
-- most INT64 = 60: how many runs of a processor at most; those recorded as no_data_available apart
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
)
SELECT
  processor_name,
  phase,
  run_id,
  data_date,
  started_at,
  ended_at,
  IF(ended_at IS NULL, 'running', status) AS status,
  failure_category,
  skip_reason,
  IF(errors IS NULL OR ended_at IS NULL, NULL, TO_JSON_STRING(errors)) AS errors_text,
  triggered_by
FROM runs
WHERE
  started_at >= @start
  AND started_at < @end
  AND (@processor_name IS NULL OR processor_name = @processor_name)
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY processor_name, IFNULL(failure_category, '') = 'no_data_available'
    ORDER BY COALESCE(ended_at, started_at) DESC, run_id
  ) <= @most
ORDER BY
  processor_name, COALESCE(ended_at, started_at) DESC, run_id
