"""One source file as the rules see it: its tree, its names, its functions."""
