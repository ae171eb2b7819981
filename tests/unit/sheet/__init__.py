"""Tests of the storyboard sheet."""
