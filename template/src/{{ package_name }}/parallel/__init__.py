"""Devices: the mesh, what is sharded over it, and how processes start."""
