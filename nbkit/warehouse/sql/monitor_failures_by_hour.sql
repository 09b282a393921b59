-- One row: failures of a processor in one weekday and hour (UTC) of their end, over the whole window.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- slack_days_before INT64 = 35: how far data_date may lie before start (late data, backfills)
-- slack_days_after INT64 = 8: how far data_date may lie after end (upcoming games)
-- most INT64 = 200: how many rows at most
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
judged AS (
  -- The category as recorded, in one vocabulary. A row without one is not dropped, as it is by
  -- `failure_category != 'no_data_available'`: it is said to be unclassified.
  SELECT
    *,
    CASE
      WHEN status = 'success' THEN 'success'
      WHEN failure_category = 'upstream_failure' THEN 'dependency_missing'
      WHEN failure_category = 'configuration_error' THEN 'error'
      WHEN
        failure_category IN (
          'no_data_available', 'dependency_missing', 'validation_failed', 'timeout', 'error'
        )
        THEN failure_category
      -- It chose not to work, in the platform's own words, and left no message.
      WHEN
        status = 'skipped'
        AND (errors IS NULL OR TO_JSON_STRING(errors) IN ('[]', 'null'))
        AND IFNULL(skip_reason, 'no_data') IN (
          'smart_skip', 'early_exit', 'already_processed', 'no_data', 'no_data_available',
          'no_games', 'off_season', 'offseason', 'historical_date'
        )
        THEN 'no_data_available'
      ELSE 'unclassified'
    END AS category
  FROM runs
  WHERE
    ended_at >= @start
    AND ended_at < @end
)
SELECT
  processor_name,
  -- 1 is Sunday, as in BigQuery.
  1 + MOD(DATE_DIFF(DATE(ended_at), DATE '2024-01-07', DAY), 7) AS weekday,
  EXTRACT(HOUR FROM ended_at) AS hour_utc,
  COUNT(*) AS failures,
  COUNTIF(category = 'no_data_available') AS expected,
  COUNTIF(category != 'no_data_available') AS real_failures,
  COUNTIF(category = 'unclassified') AS unclassified,
  COUNT(DISTINCT DATE(ended_at)) AS days
FROM judged
WHERE category != 'success'
GROUP BY
  processor_name, weekday, hour_utc
ORDER BY
  real_failures DESC, failures DESC, processor_name, weekday, hour_utc
LIMIT @most
