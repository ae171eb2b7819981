"""Load pipelines files: read, parse and build each into a Document; every mistake on the way has its place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from animatic.errors import DeclarationError, Place, Problem
from animatic.source.build import build
from animatic.source.document import Document, Positions
from animatic.source.parser import collector_paused
from animatic.source.reading import Source, from_bytes, read
from animatic.source.recover import parse


def load(path: Path, *, display: str | None = None) -> Document:
    """Load one pipelines file; ``display`` is its name in messages, the path as given by default.

    Raises DeclarationError where no data can be had: no such file, not UTF-8, nothing in it, broken beyond the pipeline that is broken, not
    a mapping. Mistakes that leave the rest readable (duplicate keys, unquoted templates, tabs) are in ``Document.problems``.
    """
    return _document(path, read(path, display or str(path)))


def load_text(text: str, *, name: str = "pipelines.yaml") -> Document:
    """Load a text as if it stood in the file ``name``. Raises as ``load`` does."""
    return _document(Path(name), from_bytes(text.encode("utf-8", errors="surrogatepass"), name))


def load_all(paths: Iterable[Path]) -> tuple[Document, ...]:
    """Load several files. Raises one DeclarationError with the problems of all of them if any cannot be loaded."""
    documents: list[Document] = []
    problems: list[Problem] = []
    texts: dict[str, str] = {}
    for path in paths:
        try:
            documents.append(load(path))
        except DeclarationError as error:
            problems += error.problems
            texts |= error.texts
    if problems:
        raise DeclarationError(
            (*(problem for document in documents for problem in document.problems), *problems),
            texts={**{document.name: document.text for document in documents}, **texts},
        )
    return tuple(documents)


def _document(path: Path, source: Source) -> Document:
    with collector_paused():
        parsed = parse(source)
        if parsed.root is None:
            raise _refusal(source, "this file is empty" if not source.text.strip() else "this file holds only comments", code="empty-file")
        data, problems = build(parsed.root, source, parsed.text, moved=parsed.moved)
    if not isinstance(data, dict):
        raise _refusal(
            source, f"a pipelines file is a mapping, and this one is {_kind(data)}", code="not-a-mapping", earlier=parsed.problems
        )
    return Document(
        path=path,
        name=source.name,
        text=source.text,
        sha256=source.sha256,
        data=data,
        problems=(*source.problems, *parsed.problems, *problems),
        root=parsed.root,
        moved=parsed.moved,
    )


def _kind(data: Any) -> str:
    return "a list" if isinstance(data, list) else "empty" if data is None else "a single value"


def _refusal(source: Source, message: str, *, code: str, earlier: tuple[Problem, ...] = ()) -> DeclarationError:
    lines = Positions(source.text, source.name).lines
    line = next((number for number, text in enumerate(lines, 1) if text.strip() and not text.lstrip().startswith("#")), 1)
    problem = Problem(
        message, Place(source.name, line, 1, max(1, len(lines[line - 1]))), hint="start it with 'version: 1' and 'pipelines:'", code=code
    )
    return DeclarationError((*source.problems, *earlier, problem), texts={source.name: source.text})
