"""Numbers: precision, checks, and the vocabulary of shapes."""
