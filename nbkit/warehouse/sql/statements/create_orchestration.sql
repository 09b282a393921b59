-- The dataset that holds views and small tables beside the history, where it is not there yet.
CREATE SCHEMA IF NOT EXISTS nba_orchestration
