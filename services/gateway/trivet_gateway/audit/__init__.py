"""The audit: one row a request, in SQLite, each row chained to the one before by its hash."""
