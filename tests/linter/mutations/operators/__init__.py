"""The operators: one file per item of the checklist."""
