"""The event-driven shop as processes: its front, which answers the contract and carries the pages, and its workers."""
