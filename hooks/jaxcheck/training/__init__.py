"""What training does: gradients, their norms, updates."""
