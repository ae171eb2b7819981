"""Pipelines files of any size, as people write them: templated prompts, durations, three of four shots chained to the one before."""

from __future__ import annotations

from pathlib import Path

HEAD = """\
version: 1
defaults:
  video:
    model: xai/grok-video
    resolution: 720p
    aspect_ratio: 16:9
deliver: ./out
pipelines:
  storyboard:
    description: A storyboard of many shots.
    params:
      city: {type: string, default: Lisbon, description: Town to show}
    shots:
"""
CHAIN = 4


def write_declaration(path: Path, shots: int, *, chained: bool = True, seconds: int | None = None, note: str = "") -> Path:
    """Write a pipelines file of that many shots. ``seconds``: their length (None: 3 to 10); ``note`` keeps prompts apart."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD)
        for number in range(shots):
            file.write(f"      - id: shot-{number:05}\n")
            file.write(f'        prompt: "{note}Shot {number} of {{{{ params.city }}}}, slow push over the rooftops"\n')
            file.write(f"        duration: {seconds or 3 + number % 8}\n")
            if chained and number % CHAIN:
                file.write(f"        start_image: shot-{number - 1:05}\n")
    return path
