"""One module per revision of the database, in order."""
