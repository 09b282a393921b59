-- One row: how many runs of a processor that ended on one day with one outcome lie in one bucket of one metric.
-- A value x > 0 lies in bucket CEIL(LN(x) / LN(1.02)); the bucket is NULL for x <= 0.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
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
),
measured AS (
  SELECT
    processor_name,
    phase,
    DATE(ended_at) AS day,
    metric,
    IF(status = 'success', 'success', 'failure') AS outcome,
    IF(metric = 'records', CAST(records_processed AS FLOAT64), duration_seconds) AS value
  FROM runs
  CROSS JOIN (SELECT 'duration_s' AS metric UNION ALL SELECT 'records' AS metric) AS metrics
  WHERE
    ended_at >= @start
    AND ended_at < @end
)
SELECT
  processor_name,
  phase,
  day,
  metric,
  outcome,
  SAFE_CAST(CEIL(LN(IF(value > 0, value, NULL)) / LN(1.02)) AS INT64) AS bucket,
  COUNT(*) AS runs
FROM measured
WHERE value IS NOT NULL
GROUP BY
  processor_name, phase, day, metric, outcome, bucket
ORDER BY
  processor_name, phase, day, metric, outcome, bucket
