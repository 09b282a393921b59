-- The archive of rows that were cleaned out of the upcoming_* tables, where it is not there yet.
CREATE TABLE IF NOT EXISTS `nba_orchestration.upcoming_archive` (
  cleanup_id STRING NOT NULL,
  archived_at TIMESTAMP NOT NULL,
  table_name STRING NOT NULL,
  game_date DATE NOT NULL,
  content STRING NOT NULL
)
