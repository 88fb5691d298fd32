"""The parts of benchmarks/performance.py."""
