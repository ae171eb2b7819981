"""Measures what animatic costs beyond what it cannot avoid. ``python -m benchmarks`` (``make bench``) prints tables; figures: README.md.

Every figure stands beside a limit that was measured right before it (the bare imports, the bare parser, a bare sleep, a plain copy), as
seconds alone say more about the machine than about the program.
"""
