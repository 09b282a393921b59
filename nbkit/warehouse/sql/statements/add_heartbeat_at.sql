-- The run history gets the column heartbeat_at where it lacks it.
ALTER TABLE `nba_reference.processor_run_history`
ADD COLUMN IF NOT EXISTS heartbeat_at TIMESTAMP
