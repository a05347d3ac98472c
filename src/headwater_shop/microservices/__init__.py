"""Microservices: each has its part of the domain and its own database. The pages ask each of them; the orders service
asks the products service for stock and the bank for money."""
