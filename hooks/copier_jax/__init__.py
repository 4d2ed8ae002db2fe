"""Updates a project made from copier-jax, one release at a time, and loses nothing on the way."""
