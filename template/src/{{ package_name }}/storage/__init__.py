"""What stays on disk: data sets, checkpoints, run directories."""
