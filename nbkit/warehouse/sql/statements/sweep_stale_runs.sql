-- The named runs that have no end get one: failed as timeout, with their own errors and last heartbeat.
-- run_ids STRING: whose, one a line
-- first_date DATE: the smallest data_date among them
-- last_date DATE: the largest
-- now TIMESTAMP: the moment of the sweep, which is recorded as their end
INSERT INTO `nba_reference.processor_run_history` (
  processor_name, run_id, season_year, status, duration_seconds, records_processed,
  records_created, records_updated, records_skipped, data_source_primary,
  data_source_enhancement, data_records_queried, validation_mode, validation_skipped_reason,
  source_data_freshness_days, espn_roster_date, nbacom_source_date, br_scrape_date,
  gamebook_pdf_date, espn_matched_requested_date, nbacom_matched_requested_date,
  br_matched_requested_date, gamebook_matched_requested_date, used_source_fallback,
  season_filter, team_filter, date_range_filter_start, date_range_filter_end, backfill_mode,
  force_reprocess, test_mode, execution_host, triggered_by, errors, warnings, summary,
  data_date, started_at, processed_at, phase, output_table, output_dataset, trigger_source,
  trigger_message_id, trigger_message_data, parent_processor, upstream_dependencies,
  dependency_check_passed, missing_dependencies, stale_dependencies, alert_sent, alert_type,
  cloud_run_service, cloud_run_revision, retry_attempt, skipped, skip_reason, failure_category,
  timing_breakdown, heartbeat_at, killed_by_timeout
)
SELECT
  processor_name, run_id, season_year,
  'failed' AS status,
  TIMESTAMP_DIFF(heartbeat_at, started_at, MICROSECOND) / 1000000 AS duration_seconds,
  records_processed, records_created, records_updated, records_skipped, data_source_primary,
  data_source_enhancement, data_records_queried, validation_mode, validation_skipped_reason,
  source_data_freshness_days, espn_roster_date, nbacom_source_date, br_scrape_date,
  gamebook_pdf_date, espn_matched_requested_date, nbacom_matched_requested_date,
  br_matched_requested_date, gamebook_matched_requested_date, used_source_fallback,
  season_filter, team_filter, date_range_filter_start, date_range_filter_end, backfill_mode,
  force_reprocess, test_mode, execution_host, triggered_by,
  PARSE_JSON(
    CASE
      WHEN errors IS NULL OR TO_JSON_STRING(errors) IN ('null', '[]') THEN CONCAT('[', note, ']')
      WHEN STARTS_WITH(TO_JSON_STRING(errors), '[')
        THEN CONCAT(
          SUBSTR(TO_JSON_STRING(errors), 1, LENGTH(TO_JSON_STRING(errors)) - 1), ',', note, ']'
        )
      ELSE CONCAT('[', TO_JSON_STRING(errors), ',', note, ']')
    END
  ) AS errors,
  warnings, summary, data_date, started_at,
  @now AS processed_at,
  phase, output_table, output_dataset, trigger_source, trigger_message_id, trigger_message_data,
  parent_processor, upstream_dependencies, dependency_check_passed, missing_dependencies,
  stale_dependencies, alert_sent, alert_type, cloud_run_service, cloud_run_revision,
  retry_attempt, skipped, skip_reason,
  'timeout' AS failure_category,
  timing_breakdown, heartbeat_at,
  TRUE AS killed_by_timeout
FROM (
  SELECT
    *,
    -- The newest row of a run stands for it, and a run that any row gives an end is left alone.
    ROW_NUMBER() OVER (
      PARTITION BY run_id ORDER BY IFNULL(heartbeat_at, started_at) DESC
    ) AS place,
    SUM(IF(status = 'running', 0, 1)) OVER (PARTITION BY run_id) AS ends,
    CONCAT(
      '{"type":"StaleRun","message":"Closed by stale_running_cleanup: ',
      IF(
        heartbeat_at IS NULL,
        'no heartbeat since its start at ',
        'the last heartbeat was at '
      ),
      FORMAT_TIMESTAMP('%Y-%m-%d %H:%M:%S', IFNULL(heartbeat_at, started_at)),
      ' UTC"}'
    ) AS note
  FROM `nba_reference.processor_run_history`
  WHERE
    data_date BETWEEN @first_date AND @last_date
    AND run_id IN UNNEST(SPLIT(@run_ids, '\n'))
) AS history
WHERE
  place = 1
  AND ends = 0
