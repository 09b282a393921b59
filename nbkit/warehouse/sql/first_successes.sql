-- One row: when the runs of one processor about one data_date first succeeded.
-- first_date DATE: the first date
-- last_date DATE: the last one, included
-- as_of TIMESTAMP: nothing later is seen; a run that ended later counts as running
WITH doubled AS (
  -- Runs that have several rows beside 'running': few, where a history is in order. Only they are
  -- told apart run by run below; a sort of all rows by run would hold all of them in memory.
  SELECT run_id
  FROM `nba_reference.processor_run_history`
  WHERE
    data_date BETWEEN @first_date AND @last_date
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
    data_date BETWEEN @first_date AND @last_date
    AND started_at <= @as_of
),
ends AS (
  SELECT
    doubled.run_id AS doubled_id,
    IF(doubled.run_id IS NULL, NULL, finished_at) AS doubled_end,
    processor_name,
    data_date,
    status,
    MIN(finished_at) AS ended_at
  FROM history
  LEFT JOIN doubled
    ON history.run_id = doubled.run_id
  WHERE
    finished_at <= @as_of
    AND (doubled.run_id IS NOT NULL OR status = 'success')
  GROUP BY
    doubled_id, doubled_end, processor_name, data_date, status
),
lasts AS (
  -- One run is one run_id: of its rows the one that ended last wins.
  SELECT
    *
  FROM ends
  WHERE doubled_id IS NULL
  UNION ALL
  SELECT
    *
  FROM ends
  WHERE doubled_id IS NOT NULL
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY doubled_id ORDER BY doubled_end DESC) = 1
)
SELECT
  processor_name,
  data_date,
  MIN(ended_at) AS first_succeeded_at
FROM lasts
WHERE status = 'success'
GROUP BY
  processor_name, data_date
ORDER BY
  data_date, processor_name
