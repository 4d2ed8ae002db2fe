"""A run of the linter: settings, files, rules, suppressions, baseline, fixes, the archive."""
