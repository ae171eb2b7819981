"""Writes pipelines files of any size, as people do: a prompt with a template, a duration, three of four shots chained to the one before."""

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


PROMPTS = {
    "plain": "slow push over the rooftops",
    "names": "slow push over the rooftops of {{ params.city }}",
    "expressions": "slow push over the rooftops of {{ params.city | upper }}",
}
"""What a prompt may cost: nothing to render, only names to put in, or Jinja2."""


def write_prompts(path: Path, shots: int, prompt: str, *, more: str = "") -> Path:
    """Write a pipelines file of that many chained shots with one form of prompt; ``more`` are further fields of each shot, as flow YAML."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD)
        for number in range(shots):
            chain = f", start_image: shot-{number - 1:05}" if number % CHAIN else ""
            file.write(f'      - {{id: shot-{number:05}, prompt: "Shot {number}, {prompt}", duration: {3 + number % 8}{chain}{more}}}\n')
    return path


def write_declaration(path: Path, shots: int, *, chain: int = CHAIN, seconds: int | None = None, note: str = "") -> Path:
    """Write a pipelines file of that many shots.

    ``chain``: so many in a row each begin with the end of the one before (1: none does); ``seconds``: their length (None: 3 to 10);
    ``note`` makes prompts differ from other files'.
    """
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD)
        for number in range(shots):
            file.write(f"      - id: shot-{number:05}\n")
            file.write(f'        prompt: "{note}Shot {number} of {{{{ params.city }}}}, slow push over the rooftops"\n')
            file.write(f"        duration: {seconds or 3 + number % 8}\n")
            if number % chain:
                file.write(f"        start_image: shot-{number - 1:05}\n")
    return path
