"""What animatic costs beyond what it cannot avoid: ``python -m benchmarks`` (``make bench``) prints tables; README.md keeps the figures.

Every figure stands beside a limit that was measured in the same breath (bare imports, the bare parser, a bare sleep, a plain copy), because
seconds alone say more about the machine than about the program.
"""
