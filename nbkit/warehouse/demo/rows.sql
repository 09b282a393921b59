-- DuckDB: the rows of the history from the numbers of the runs (demo_runs), the processors
-- (demo_processors) and the texts of their errors (demo_errors). Columns are matched by name.
WITH runs AS (
  SELECT
    r.*, p.name, p.phase, p.dataset, p.table_name, p.service, p.topic, p.parent, p.missing,
    e.errors AS error_text,
    e.category,
    make_timestamp(r.started + $shift_us) AT TIME ZONE 'UTC' AS started_at,
    DATE '1970-01-01' + CAST(r.data_date + $shift_days AS INTEGER) AS data_day,
    r.started >= $fix_us AS tracked,
    r.status = 0 AS ok,
    p.name || '_' || strftime(make_timestamp(r.started + $shift_us), '%Y%m%d_%H%M%S') || '_'
      || substr(md5(r.serial || ':' || $seed), 1, 10) AS id
  FROM demo_runs AS r
  JOIN demo_processors AS p ON p.processor = r.processor
  LEFT JOIN demo_errors AS e ON e.error = r.error
),
ended AS (
  SELECT
    name AS processor_name,
    id AS run_id,
    CAST(year(data_day) - (month(data_day) < 8)::INTEGER AS BIGINT) AS season_year,
    CASE status WHEN 0 THEN 'success' WHEN 1 THEN 'failed' WHEN 2 THEN 'partial'
      WHEN 3 THEN 'skipped' ELSE 'running' END AS status,
    duration AS duration_seconds,
    records AS records_processed,
    CASE WHEN ok THEN records - records // 5 END AS records_created,
    CASE WHEN ok THEN records // 5 END AS records_updated,
    CASE WHEN ok THEN 0 END AS records_skipped,
    CASE WHEN phase = 'phase_2_raw' THEN split_part(table_name, '_', 1) END AS data_source_primary,
    CASE WHEN ok THEN records END AS data_records_queried,
    CASE WHEN ok THEN 'full' WHEN status = 2 THEN 'partial' ELSE 'none' END AS validation_mode,
    CASE WHEN status = 3 THEN 'nothing to validate' END AS validation_skipped_reason,
    CASE WHEN ok THEN greatest(CAST(started_at AS DATE) - data_day, 0) END
      AS source_data_freshness_days,
    CASE WHEN ok AND name LIKE 'EspnTeamRoster%' THEN data_day END AS espn_roster_date,
    CASE WHEN ok AND name LIKE 'EspnTeamRoster%' THEN true END AS espn_matched_requested_date,
    CASE WHEN ok AND name LIKE 'NbacPlayerList%' THEN data_day END AS nbacom_source_date,
    CASE WHEN ok AND name LIKE 'NbacPlayerList%' THEN true END AS nbacom_matched_requested_date,
    CASE WHEN ok AND name LIKE 'BasketballRef%' THEN data_day END AS br_scrape_date,
    CASE WHEN ok AND name LIKE 'BasketballRef%' THEN true END AS br_matched_requested_date,
    CASE WHEN ok AND name LIKE 'NbacGamebook%' THEN data_day END AS gamebook_pdf_date,
    CASE WHEN ok AND name LIKE 'NbacGamebook%' THEN true END AS gamebook_matched_requested_date,
    CASE WHEN ok THEN false END AS used_source_fallback,
    CASE WHEN name = 'BasketballRefRosterProcessor' THEN team END AS team_filter,
    CASE WHEN origin = 2 THEN data_day END AS date_range_filter_start,
    CASE WHEN origin = 2 THEN data_day END AS date_range_filter_end,
    origin = 2 AS backfill_mode,
    origin = 2 AS force_reprocess,
    false AS test_mode,
    CASE origin WHEN 2 THEN 'backfill-job' WHEN 4 THEN 'local' ELSE 'cloud-run' END
      AS execution_host,
    CASE
      WHEN attempt > 0 THEN 'retry'
      WHEN origin IN (2, 4) THEN 'manual'
      WHEN origin = 3 THEN 'api'
      WHEN phase = 'phase_2_raw' OR message IS NULL THEN 'scheduler'
      ELSE 'workflow'
    END AS triggered_by,
    CASE WHEN error_text LIKE '[{"cleanup"%' THEN to_json([{
        'cleanup': 'stale_running_cleanup', 'original_errors': NULL,
        'hours_running': round(duration / 3600, 1)
      }])
      ELSE CAST(error_text AS JSON)
    END AS errors,
    CASE WHEN status = 2 THEN CAST('["some sources were late"]' AS JSON) END AS warnings,
    CASE WHEN ok THEN to_json({'records': records}) END AS summary,
    data_day AS data_date,
    started_at,
    CASE WHEN status < 4
      THEN started_at + to_microseconds(CAST(round(coalesce(duration, 0.2) * 1e6) AS BIGINT))
    END AS processed_at,
    phase,
    table_name AS output_table,
    dataset AS output_dataset,
    CASE
      WHEN origin IN (2, 4) THEN 'manual' WHEN message IS NULL THEN 'scheduler' ELSE 'pubsub'
    END AS trigger_source,
    CAST(16040000000000000 + message * 13 AS VARCHAR) AS trigger_message_id,
    CASE WHEN message IS NOT NULL
      THEN to_json({'topic': topic, 'game_date': CAST(data_day AS VARCHAR)})
    END AS trigger_message_data,
    parent AS parent_processor,
    CASE WHEN blocked
      THEN to_json([{'table': missing[1], 'status': 'missing', 'age_hours': NULL}])
    END AS upstream_dependencies,
    CASE WHEN blocked THEN false WHEN ok AND phase != 'phase_2_raw' THEN true END
      AS dependency_check_passed,
    CASE WHEN blocked THEN to_json(missing) END AS missing_dependencies,
    status = 1 AND shape < 25 AS alert_sent,
    CASE WHEN status = 1 AND shape < 25 THEN 'error' END AS alert_type,
    service AS cloud_run_service,
    service || '-' || lpad(CAST((started - $origin_us) // 345600000000 + 41 AS VARCHAR), 5, '0')
      || '-' || substr(md5(service || (started - $origin_us) // 345600000000), 1, 3)
      AS cloud_run_revision,
    CASE WHEN tracked AND attempt > 0 THEN CAST(attempt AS BIGINT) END AS retry_attempt,
    status = 3 AS skipped,
    CASE WHEN status = 3 THEN
      CASE
        WHEN origin = 3 THEN 'already_processed' WHEN shape < 45 THEN 'smart_skip'
        WHEN shape < 70 THEN 'already_processed' WHEN shape < 85 THEN 'early_exit' ELSE 'no_data'
      END
    END AS skip_reason,
    CASE WHEN tracked AND status = 1 THEN category END AS failure_category,
    CASE WHEN ok AND phase = 'phase_4_precompute' THEN
      to_json({
        'extract': round(0.35 * duration, 2), 'compute': round(0.5 * duration, 2),
        'load': round(0.15 * duration, 2)
      })
    END AS timing_breakdown,
    started < $two_rows_us AS has_running_row
  FROM runs
)
SELECT * EXCLUDE (has_running_row) FROM ended
UNION ALL BY NAME
-- Old history has a second row a run: 'running', written at its start and never removed.
SELECT
  processor_name, run_id, season_year, 'running' AS status, data_date, started_at, phase,
  output_table, output_dataset, trigger_source, trigger_message_id, trigger_message_data,
  parent_processor, execution_host, triggered_by, cloud_run_service, cloud_run_revision,
  backfill_mode, test_mode
FROM ended
WHERE has_running_row
