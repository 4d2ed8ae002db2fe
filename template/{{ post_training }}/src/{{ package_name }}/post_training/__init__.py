"""Post-training with Tunix: its trainers inside this project's loop, runs and checkpoints."""
