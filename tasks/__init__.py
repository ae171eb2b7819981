"""The Prefect tasks: names, retries and states around what `animatic.engine` does. No domain logic."""
