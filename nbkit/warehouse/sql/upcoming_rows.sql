-- One row: how many rows of an upcoming_* table are about one game date.
-- first_date DATE: the earliest game date that is looked at
-- before DATE: the first game date that is kept
SELECT
  'upcoming_player_game_context' AS table_name,
  game_date,
  COUNT(*) AS row_count
FROM `nba_analytics.upcoming_player_game_context`
WHERE
  game_date >= @first_date
  AND game_date < @before
GROUP BY
  game_date
UNION ALL
SELECT
  'upcoming_team_game_context' AS table_name,
  game_date,
  COUNT(*) AS row_count
FROM `nba_analytics.upcoming_team_game_context`
WHERE
  game_date >= @first_date
  AND game_date < @before
GROUP BY
  game_date
ORDER BY
  table_name, game_date
