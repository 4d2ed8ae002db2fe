"""What calls do to their arguments and return, one file per kind of function."""
