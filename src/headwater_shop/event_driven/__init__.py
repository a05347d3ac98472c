"""The shop, event-driven: views over the domain's events, reactions between its aggregates, and the application."""
