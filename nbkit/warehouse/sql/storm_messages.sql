-- One row: how many messages of a processor were first tried by runs that ended in one hour.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: nothing later is seen
-- slack_days_before INT64 = 35: how long before the window messages may have been tried before
-- far_days_before INT64 = 3660: how far data_date may lie before start; ten years, for backfills make storms too
-- slack_days_after INT64 = 8: how far data_date may lie after end (upcoming games)
WITH history AS (
  -- When a run ended; where the column is null, its start and duration say so.
  SELECT
    processor_name,
    -- A run without a message is one of its own.
    COALESCE(trigger_message_id, run_id) AS message,
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
    data_date BETWEEN DATE_SUB(DATE(@start), INTERVAL @far_days_before DAY)
    AND DATE_ADD(DATE(@end), INTERVAL @slack_days_after DAY)
    AND started_at <= @as_of
    AND started_at >= TIMESTAMP_SUB(@start, INTERVAL @slack_days_before DAY)
),
tried AS (
  -- A message is counted with its first attempt, so that counts of messages add up.
  SELECT
    processor_name,
    message,
    MIN(finished_at) AS first_ended_at
  FROM history
  WHERE finished_at <= @as_of
  GROUP BY
    processor_name, message
)
SELECT
  processor_name,
  TIMESTAMP_TRUNC(first_ended_at, HOUR) AS ended_hour,
  COUNT(*) AS messages
FROM tried
WHERE
  first_ended_at >= @start
  AND first_ended_at < @end
GROUP BY
  processor_name, ended_hour
ORDER BY
  ended_hour, processor_name
