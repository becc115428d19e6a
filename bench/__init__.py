"""Benchmarks against peers. ``make bench`` runs all and writes RESULTS.md; ``python -m bench NAME`` runs one."""
