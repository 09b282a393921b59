-- One row: the latest run of a job of nbkit's schedule, and the latest that was started by hand.
-- first_date DATE: runs scheduled before it are not looked at
-- last_date DATE: nor those after it
WITH runs AS (
  -- A claim is a 'running' row; a second row of the same run_id notes the end.
  SELECT
    processor_name,
    run_id,
    MAX(retry_attempt) AS attempt,
    MIN(started_at) AS claimed_at,
    MAX(processed_at) AS ended_at,
    MAX(IF(processed_at IS NULL, NULL, TO_JSON_STRING(summary))) AS summary
  FROM `nba_reference.processor_run_history`
  WHERE
    data_date BETWEEN @first_date AND @last_date
    AND STARTS_WITH(processor_name, 'schedule:')
  GROUP BY
    processor_name, run_id
)
SELECT
  processor_name,
  run_id,
  attempt,
  claimed_at,
  ended_at,
  summary
FROM runs
WHERE TRUE
-- A run_id holds the scheduled moment and the attempt, so that text sorts as they do.
QUALIFY ROW_NUMBER() OVER (PARTITION BY processor_name, attempt = 0 ORDER BY run_id DESC) = 1
ORDER BY
  processor_name, run_id
