"""The rules: one file per item of the checklist, and one for the conventions beyond it."""
