-- One row: a run that may belong to a phase and started in the window, with its end if it had one by as_of, and its last sign of life.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- phases STRING: the labels of the phase, one a line (older runs carry older ones)
-- processor_names STRING: its processors, one a line, whose runs may carry no label (or one of another phase)
-- slack_days_before INT64 = 35: how far data_date may lie before start (late data, backfills)
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
    AND started_at >= @start
    AND started_at < @end
    AND (
      phase IN UNNEST(SPLIT(@phases, '\n'))
      OR processor_name IN UNNEST(SPLIT(@processor_names, '\n'))
    )
),
runs AS (
  -- One run is one run_id: of its rows ('running', then its end) the one that ended last wins.
  SELECT
    * EXCEPT (heartbeat_at),
    IF(finished_at <= @as_of, finished_at, NULL) AS ended_at,
    -- A long run says 'running' again with each heartbeat.
    MAX(IF(heartbeat_at <= @as_of, heartbeat_at, NULL)) OVER (PARTITION BY run_id) AS heartbeat_at
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
  heartbeat_at,
  IF(ended_at IS NULL, NULL, duration_seconds) AS duration_s,
  IF(ended_at IS NULL, 'running', status) AS status,
  IF(ended_at IS NULL, NULL, failure_category) AS failure_category,
  IF(ended_at IS NULL, NULL, skip_reason) AS skip_reason,
  IF(errors IS NULL OR ended_at IS NULL, NULL, TO_JSON_STRING(errors)) AS errors_text,
  IF(summary IS NULL OR ended_at IS NULL, NULL, TO_JSON_STRING(summary)) AS summary_text,
  IF(timing_breakdown IS NULL OR ended_at IS NULL, NULL, TO_JSON_STRING(timing_breakdown))
    AS timing_text,
  IF(ended_at IS NULL, NULL, killed_by_timeout) AS killed_by_timeout,
  triggered_by,
  trigger_message_id
FROM runs
ORDER BY
  started_at, run_id
