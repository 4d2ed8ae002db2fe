"""What statements do, one file per kind."""
