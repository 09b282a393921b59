-- The run history gets the column killed_by_timeout where it lacks it.
ALTER TABLE `nba_reference.processor_run_history`
ADD COLUMN IF NOT EXISTS killed_by_timeout BOOL
