-- One row: what one day of a target came to that run history does not measure (docs/slas.md).
-- first_date DATE: the first day that is looked at
-- last_date DATE: the last one, included
SELECT
  sla,
  measured_on,
  SUM(good) AS good,
  SUM(total) AS total
FROM `nba_orchestration.sla_measurements`
WHERE
  measured_on BETWEEN @first_date AND @last_date
GROUP BY
  sla, measured_on
ORDER BY
  sla, measured_on
