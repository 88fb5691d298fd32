"""Faults and their outcomes: each test is a row of docs/RELIABILITY.md (scripts/faults)."""
