"""The Prefect tasks: names, retries and states around what `animatic.takes` does. No domain logic."""
