"""The storyboard sheet on paper: six frames to a page with their texts, times and room for notes, as a PDF."""

from __future__ import annotations

from animatic.sheet.model import PAPERS, Paper, Sheet, SheetShot

__all__ = ["PAPERS", "Paper", "Sheet", "SheetShot"]
