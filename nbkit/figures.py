"""Frame or fact in, matplotlib figure out."""
