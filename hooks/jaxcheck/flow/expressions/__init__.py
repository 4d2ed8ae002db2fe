"""What expressions do and evaluate to, one file per kind; calls are in the package beside."""
