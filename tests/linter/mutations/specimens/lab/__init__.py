"""Small pieces of JAX projects that keep every convention."""
