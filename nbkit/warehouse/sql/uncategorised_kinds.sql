-- One row: ended rows of the history without a failure category that are alike in all that decides one.
-- first_date DATE: the first data_date
-- last_date DATE: the last data_date, included
-- before TIMESTAMP: rows that ended later are left for another time
WITH ended AS (
  SELECT
    processor_name,
    status,
    IFNULL(phase, '') AS phase,
    IFNULL(skip_reason, '') AS skip_reason,
    -- What a success says changes nothing.
    IF(status = 'success' OR errors IS NULL, '', TO_JSON_STRING(errors)) AS errors_text
  FROM `nba_reference.processor_run_history`
  WHERE
    data_date BETWEEN @first_date AND @last_date
    AND failure_category IS NULL
    AND status != 'running'
    AND COALESCE(processed_at, started_at) < @before
)
SELECT
  processor_name,
  status,
  phase,
  skip_reason,
  errors_text,
  COUNT(*) AS row_count
FROM ended
GROUP BY
  processor_name, status, phase, skip_reason, errors_text
ORDER BY
  processor_name, status, phase, skip_reason, errors_text
