"""Talks to the Prefect server beside the flows: local server, deployments and serving them, health checks, delivered files over HTTP."""
