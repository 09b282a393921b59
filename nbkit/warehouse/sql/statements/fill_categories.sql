-- Rows without a failure category get the one that was worked out for them, in one batch.
-- batch STRING: the batch in nbkit_categories
-- first_date DATE: the first data_date of the batch
-- last_date DATE: the last data_date, included
MERGE `nba_reference.processor_run_history` AS history
USING (
  SELECT
    run_id,
    status,
    ANY_VALUE(failure_category) AS failure_category
  FROM `nba_reference.nbkit_categories`
  WHERE
    batch = @batch
  GROUP BY
    run_id, status
) AS found
ON
  history.run_id = found.run_id
  AND history.status = found.status
  AND history.data_date BETWEEN @first_date AND @last_date
WHEN MATCHED AND history.failure_category IS NULL THEN
  UPDATE SET failure_category = found.failure_category
