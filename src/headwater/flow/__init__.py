"""How work flows: bounded channels, lanes in order for each key, retries, breakers, limits. Usable alone."""
