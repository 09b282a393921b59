"""What happened between two moments: what was out of the ordinary, where it began, whom it hit."""
