-- One row: how many ended rows of the history have a status and a failure category as recorded.
-- first_date DATE: the first data_date
-- last_date DATE: the last data_date, included
SELECT
  status,
  failure_category,
  COUNT(*) AS row_count,
  MIN(data_date) AS first_data_date,
  MAX(data_date) AS last_data_date
FROM `nba_reference.processor_run_history`
WHERE
  data_date BETWEEN @first_date AND @last_date
  AND status != 'running'
GROUP BY
  status, failure_category
ORDER BY
  status, failure_category
