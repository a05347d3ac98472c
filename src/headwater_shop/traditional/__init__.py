"""The shop as it always was built: one application, one database, one transaction for what belongs together."""
