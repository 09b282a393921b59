"""The schedule in the words of other schedulers."""
