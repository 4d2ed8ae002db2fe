"""What values can be: dtypes, ranks, ranges, and the operations that are sensitive to them."""
