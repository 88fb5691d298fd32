"""Tests of the accounts of use."""
