-- The run history gets the column failure_category where it lacks it.
ALTER TABLE `nba_reference.processor_run_history`
ADD COLUMN IF NOT EXISTS failure_category STRING
