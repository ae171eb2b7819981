"""Talks to Prefect and is no flow: the local server, deployments and how they are served, health checks, delivered files over HTTP."""
