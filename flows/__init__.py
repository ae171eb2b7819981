"""The Prefect skin: expands a plan into a flow. Entry points are dotted (``animatic.flows.storyboards.coast_teaser``).

Importing this package does not import Prefect: what needs it says so, and is imported late.
"""
