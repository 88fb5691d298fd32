"""Tests of jobs, with real server processes."""
