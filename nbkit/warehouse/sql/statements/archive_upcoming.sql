-- Old rows of the upcoming_* tables are copied to the archive, each whole as JSON.
-- A change of the tables' columns is then no reason for the copy to fail.
-- cleanup_id STRING: names the copies of one clean-up
-- now TIMESTAMP: the moment of the clean-up
-- first_date DATE: the earliest game date that is looked at
-- before DATE: the first game date that is kept
INSERT INTO `nba_orchestration.upcoming_archive` (
  cleanup_id, archived_at, table_name, game_date, content
)
SELECT
  @cleanup_id AS cleanup_id,
  @now AS archived_at,
  'upcoming_player_game_context' AS table_name,
  old.game_date,
  TO_JSON_STRING(old) AS content
FROM `nba_analytics.upcoming_player_game_context` AS old
WHERE
  old.game_date >= @first_date
  AND old.game_date < @before
UNION ALL
SELECT
  @cleanup_id AS cleanup_id,
  @now AS archived_at,
  'upcoming_team_game_context' AS table_name,
  old.game_date,
  TO_JSON_STRING(old) AS content
FROM `nba_analytics.upcoming_team_game_context` AS old
WHERE
  old.game_date >= @first_date
  AND old.game_date < @before
