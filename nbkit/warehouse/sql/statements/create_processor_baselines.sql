-- The view processor_baselines: what is normal for each processor, over the 30 days before each read.
-- It is the catalog's query processor_baselines with the clock in place of its parameters.
CREATE OR REPLACE VIEW `nba_orchestration.processor_baselines` AS
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
    data_date BETWEEN DATE_SUB(
      DATE(TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 30 DAY)), INTERVAL 35 DAY
    )
    AND DATE_ADD(DATE(CURRENT_TIMESTAMP()), INTERVAL 8 DAY)
    AND started_at <= CURRENT_TIMESTAMP()
),
runs AS (
  -- One run is one run_id: of its rows ('running', then its end) the one that ended last wins.
  SELECT
    *,
    IF(finished_at <= CURRENT_TIMESTAMP(), finished_at, NULL) AS ended_at
  FROM history
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY run_id
      ORDER BY
        -- One key, for a second one doubles the time of the sort. An end after as_of is not known
        -- yet: the 'running' row speaks for such a run.
        CASE
          WHEN finished_at <= CURRENT_TIMESTAMP() THEN finished_at
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
    ended_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 30 DAY)
    AND ended_at < CURRENT_TIMESTAMP()
),
listed AS (
  SELECT
    processor_name,
    COUNTIF(category != 'no_data_available') AS run_count,
    COUNT(DISTINCT IF(category != 'no_data_available', DATE(ended_at), NULL)) AS day_count,
    COUNTIF(category = 'success') AS successes,
    COUNTIF(category NOT IN ('success', 'no_data_available')) AS real_failures,
    COUNTIF(category = 'no_data_available') AS expected,
    COUNTIF(category = 'unclassified') AS unclassified,
    COUNTIF(category = 'success' AND IFNULL(records_processed, 1) = 0) AS zero_record_runs,
    MIN(ended_at) AS first_end,
    MAX(ended_at) AS last_end
  FROM judged
  GROUP BY
    processor_name
),
ranked AS (
  -- Durations and records are of successes alone: a failed run measures how long it took to fail,
  -- or when a sweep closed its row. Ranks fall, so that nulls come last and none is picked.
  SELECT
    processor_name,
    duration_seconds,
    records_processed,
    COUNT(duration_seconds) OVER (PARTITION BY processor_name) AS timed,
    COUNT(records_processed) OVER (PARTITION BY processor_name) AS counted,
    ROW_NUMBER() OVER (PARTITION BY processor_name ORDER BY duration_seconds DESC) AS slowness,
    ROW_NUMBER() OVER (PARTITION BY processor_name ORDER BY records_processed DESC) AS plenty
  FROM judged
  WHERE
    category = 'success'
),
picked AS (
  -- Of n rising values the one at FLOOR(q * (n - 1)), counted from 0: exact, and the same on every
  -- engine.
  SELECT
    processor_name,
    MAX(IF(plenty = counted - DIV(50 * (counted - 1), 100), records_processed, NULL))
      AS p50_records,
    MAX(IF(plenty = counted - DIV(95 * (counted - 1), 100), records_processed, NULL))
      AS p95_records,
    MAX(IF(slowness = timed - DIV(50 * (timed - 1), 100), duration_seconds, NULL))
      AS p50_duration,
    MAX(IF(slowness = timed - DIV(95 * (timed - 1), 100), duration_seconds, NULL))
      AS p95_duration,
    MAX(IF(slowness = timed - DIV(99 * (timed - 1), 100), duration_seconds, NULL))
      AS p99_duration,
    MAX(counted) AS counted
  FROM ranked
  GROUP BY
    processor_name
)
SELECT
  listed.processor_name,
  picked.p50_records,
  picked.p95_records,
  picked.p50_duration,
  picked.p95_duration,
  SAFE_DIVIDE(listed.successes, listed.run_count) AS success_rate,
  picked.p99_duration,
  SAFE_DIVIDE(listed.zero_record_runs, picked.counted) AS zero_record_rate,
  listed.run_count,
  listed.day_count,
  listed.successes,
  listed.real_failures,
  listed.expected,
  listed.unclassified,
  listed.first_end,
  listed.last_end
FROM listed
LEFT JOIN picked ON picked.processor_name = listed.processor_name
