"""The Prefect flows: one for each pipeline of the pipelines file, with entry points such as ``animatic.flows.storyboards.coast_teaser``.

Importing this package does not import Prefect: what needs it says so, and is imported late.
"""
