"""Storyboards declared in YAML, rendered through the Krea API as Prefect flows, never paid for twice."""

__version__ = "0.1.0"
