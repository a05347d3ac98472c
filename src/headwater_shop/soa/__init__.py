"""Service-oriented: the applications for orders and for products, each with its database, know nothing of each other; a
bus in the middle knows both, and is the only one who speaks to the bank. The pages speak to the bus."""
