"""What JAX does to functions: tracing, static arguments, loops."""
