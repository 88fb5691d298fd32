"""The measures of benchmarks/jobs.py."""
