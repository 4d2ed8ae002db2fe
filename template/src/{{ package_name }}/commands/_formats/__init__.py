"""The formats of `export`, one module each, called by ``--format``."""
