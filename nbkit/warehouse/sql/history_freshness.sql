-- One row: how fresh the run history is at as_of, and how many runs lie after it.
-- start TIMESTAMP: the first moment of the window
-- end TIMESTAMP: the first moment after it
-- as_of TIMESTAMP: the moment that counts as now
-- slack_days_before INT64 = 35: how far data_date may lie before start (late data, backfills)
-- slack_days_after INT64 = 8: how far data_date may lie after end (upcoming games)
SELECT
  COUNT(DISTINCT IF(started_at <= @as_of, run_id, NULL)) AS runs,
  MAX(IF(started_at <= @as_of, started_at, NULL)) AS last_started_at,
  MAX(IF(processed_at <= @as_of, processed_at, NULL)) AS last_ended_at,
  COUNT(DISTINCT IF(started_at > @as_of, run_id, NULL)) AS runs_after_as_of
FROM `nba_reference.processor_run_history`
WHERE
  data_date BETWEEN DATE_SUB(DATE(@start), INTERVAL @slack_days_before DAY)
  AND DATE_ADD(DATE(@end), INTERVAL @slack_days_after DAY)
  AND started_at >= @start
