"""nbkit: from a pipeline's run history to a verdict."""
