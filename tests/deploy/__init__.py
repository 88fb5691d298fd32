"""What is in `deploy/`, run or checked."""
