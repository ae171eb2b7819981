"""Storyboards declared in YAML, turned into video: the domain, free of Prefect."""

__version__ = "0.1.0"
