"""Tests of the files in `deploy/`: each is run or checked."""
