-- One row: what the runs of one processor about one data_date have come to.
-- first_date DATE: the first date
-- last_date DATE: the last one, included
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
-- processor_name STRING = NULL: only this processor; NULL for all
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
    data_date BETWEEN @first_date AND @last_date
    AND started_at <= @as_of
    AND (@processor_name IS NULL OR processor_name = @processor_name)
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
placed AS (
  -- The run that ended last speaks for the work where none succeeded.
  SELECT
    *,
    ended_at IS NOT NULL
    AND ROW_NUMBER() OVER (
      PARTITION BY processor_name, data_date
      -- A sweep ends many runs at one instant: the id decides, so that the answer is always one.
      ORDER BY IFNULL(ended_at, TIMESTAMP_SECONDS(0)) DESC, run_id DESC
    ) = 1 AS is_last
  FROM runs
)
SELECT
  processor_name,
  data_date,
  COUNT(*) AS run_count,
  MIN(IF(status = 'success', ended_at, NULL)) AS first_succeeded_at,
  MAX(IF(status = 'success', ended_at, NULL)) AS succeeded_at,
  MAX(IF(status = 'success' AND ended_at IS NOT NULL, records_processed, NULL)) AS most_records,
  MAX(IF(ended_at IS NULL, started_at, NULL)) AS running_since,
  COUNTIF(ended_at IS NULL) AS open_runs,
  MAX(IF(ended_at IS NULL, run_id, NULL)) AS open_run_id,
  MAX(IF(is_last, ended_at, NULL)) AS last_ended_at,
  MAX(IF(is_last, run_id, NULL)) AS last_run_id,
  MAX(IF(is_last, status, NULL)) AS status,
  MAX(IF(is_last, failure_category, NULL)) AS failure_category,
  MAX(IF(is_last, skip_reason, NULL)) AS skip_reason,
  MAX(IF(is_last AND errors IS NOT NULL, TO_JSON_STRING(errors), NULL)) AS errors_text
FROM placed
GROUP BY
  processor_name, data_date
ORDER BY
  data_date, processor_name
