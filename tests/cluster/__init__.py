"""The set-up of deployments/compose.yaml on this machine, without containers: to try things, and to prove what holds on many machines."""
