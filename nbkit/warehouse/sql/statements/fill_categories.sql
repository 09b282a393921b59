-- Rows without a failure category get the one that was worked out for rows like them, in one batch.
-- batch STRING: the batch in nbkit_categories
-- first_date DATE: the first data_date of the batch
-- last_date DATE: the last data_date, included
-- before TIMESTAMP: rows that ended later are left alone
MERGE `nba_reference.processor_run_history` AS history
USING (
  -- A batch that was staged twice at once still has one row a kind.
  SELECT
    processor_name,
    status,
    phase,
    skip_reason,
    errors_text,
    ANY_VALUE(failure_category) AS failure_category
  FROM `nba_reference.nbkit_categories`
  WHERE
    batch = @batch
  GROUP BY
    processor_name, status, phase, skip_reason, errors_text
) AS found
ON
  history.data_date BETWEEN @first_date AND @last_date
  AND history.failure_category IS NULL
  AND COALESCE(history.processed_at, history.started_at) < @before
  AND history.processor_name = found.processor_name
  AND history.status = found.status
  AND IFNULL(history.phase, '') = found.phase
  AND IFNULL(history.skip_reason, '') = found.skip_reason
  AND IF(
    history.status = 'success' OR history.errors IS NULL,
    '',
    TO_JSON_STRING(history.errors)
  ) = found.errors_text
WHEN MATCHED THEN
  UPDATE SET failure_category = found.failure_category
