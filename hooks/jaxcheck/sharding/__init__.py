"""Meshes, and the specs that refer to their axes."""
