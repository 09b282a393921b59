-- One row: how many ended rows of the history have a failure category as recorded; null is one of them.
-- first_date DATE: the first data_date
-- last_date DATE: the last data_date, included
-- before TIMESTAMP: rows that ended later are not counted
SELECT
  failure_category,
  COUNT(*) AS row_count
FROM `nba_reference.processor_run_history`
WHERE
  data_date BETWEEN @first_date AND @last_date
  AND status != 'running'
  AND COALESCE(processed_at, started_at) < @before
GROUP BY
  failure_category
ORDER BY
  failure_category
