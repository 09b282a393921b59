-- One row: a processor with one set of circumstances (revision, trigger, source), as seen in the runs that started in the window.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- since TIMESTAMP: runs that started before it count as earlier
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
  cloud_run_service,
  cloud_run_revision,
  trigger_source,
  triggered_by,
  execution_host,
  data_source_primary,
  COUNT(*) AS runs,
  COUNTIF(started_at < @since) AS earlier_runs,
  MIN(started_at) AS first_started_at,
  MAX(started_at) AS last_started_at
FROM runs
WHERE
  started_at >= @start
  AND started_at < @end
GROUP BY
  processor_name, phase, cloud_run_service, cloud_run_revision, trigger_source, triggered_by,
  execution_host, data_source_primary
ORDER BY
  processor_name, phase, cloud_run_service, cloud_run_revision, trigger_source, triggered_by,
  execution_host, data_source_primary
