"""Updates projects made from copier-jax, losing nothing, and compares them with the template."""
