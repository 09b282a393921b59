"""Entry points for Cloud Functions (Gen2): parse the event, read the clock, call one function."""
