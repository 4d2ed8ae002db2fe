"""Mutation recall: conventions broken one by one in clean code, to see whether jaxcheck notices."""
