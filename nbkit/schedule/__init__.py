"""Jobs on a schedule: what is due, running it once, telling other schedulers about it."""
