"""Faults to survive: each test is a row of docs/RELIABILITY.md, printed by scripts/faults."""
