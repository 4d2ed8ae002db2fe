"""The trace tier: imports a package and lets JAX itself judge its annotated functions.

A jaxtyping signature says enough to make abstract inputs, so every function that has one can be
traced without a test of its own. Nothing is computed: no array exists, only shapes and dtypes.
Everything here may import JAX, Flax and jaxtyping; nothing outside this folder may.
"""
