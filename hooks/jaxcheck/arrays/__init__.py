"""What is an array: annotations, evidence in use, names of dimensions, assertions of shapes."""
