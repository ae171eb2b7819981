"""Load YAML into plain data with the line and column of every key and value, and render problems."""

from animatic.source.document import Document
from animatic.source.load import load, load_all, load_text
from animatic.source.render import in_order, problems_github, problems_json, render_problems

__all__ = ["Document", "in_order", "load", "load_all", "load_text", "problems_github", "problems_json", "render_problems"]
