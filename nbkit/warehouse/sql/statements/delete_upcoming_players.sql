-- Old rows of upcoming_player_game_context go, if they are in the archive as they are now.
-- cleanup_id STRING: names the copies
-- first_date DATE: the earliest game date that is looked at
-- before DATE: the first game date that is kept
DELETE FROM `nba_analytics.upcoming_player_game_context` AS old
WHERE
  old.game_date >= @first_date
  AND old.game_date < @before
  -- What was written or changed since the copy is not in it, and stays.
  AND TO_JSON_STRING(old) IN (
    SELECT content
    FROM `nba_orchestration.upcoming_archive`
    WHERE
      game_date >= @first_date
      AND game_date < @before
      AND cleanup_id = @cleanup_id
      AND table_name = 'upcoming_player_game_context'
  )
