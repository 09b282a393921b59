-- One row: the last time that the breaker of a processor was reset by hand.
-- start TIMESTAMP: earlier ones are not looked at
-- as_of TIMESTAMP: nothing later is seen
SELECT
  processor_name,
  reset_at,
  who,
  reason
FROM `nba_orchestration.breaker_resets`
WHERE
  reset_at >= @start
  AND reset_at <= @as_of
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY processor_name ORDER BY reset_at DESC) = 1
ORDER BY
  processor_name
