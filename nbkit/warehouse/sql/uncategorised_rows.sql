-- One row: a row of the history that has ended, and has no failure category.
-- first_date DATE: the first data_date
-- last_date DATE: the last data_date, included
-- most INT64 = 200000: how many rows at most
SELECT
  run_id,
  data_date,
  processor_name,
  phase,
  status,
  skip_reason,
  started_at,
  IF(errors IS NULL, NULL, TO_JSON_STRING(errors)) AS errors_text
FROM `nba_reference.processor_run_history`
WHERE
  data_date BETWEEN @first_date AND @last_date
  AND failure_category IS NULL
  AND status != 'running'
ORDER BY
  data_date, run_id
LIMIT @most
