"""Machine-readable marks of origin in delivered files: written without touching pictures or sound, and read back."""

from __future__ import annotations

from animatic.marks.model import ALGORITHMIC, TRAINED, Mark
from animatic.marks.read import read_mark
from animatic.marks.write import Marked, write_marked

__all__ = ["ALGORITHMIC", "TRAINED", "Mark", "Marked", "read_mark", "write_marked"]
