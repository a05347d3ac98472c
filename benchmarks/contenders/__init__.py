"""One file per contender and bench; each is a script that `benchmarks/runner.py` starts."""
