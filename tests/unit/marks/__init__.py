"""Tests of marks of origin."""
