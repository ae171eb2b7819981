"""An editor's side of the Language Server Protocol, over a server's standard streams: enough to open texts and to ask about a place.

PYTEST_DONT_REWRITE: it holds no assertions.
"""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE = 60.0


class LanguageServerError(Exception):
    """The server answered with an error, ended, or did not answer in time."""


class Editor:
    """One language server with one workspace. A context manager; ``settings`` is what it is told under ``yaml``."""

    def __init__(self, command: Sequence[str], workspace: Path, settings: dict[str, Any]) -> None:
        self._command = command
        self._workspace = workspace
        self._settings = settings
        self._numbers = itertools.count(1)
        self._versions = itertools.count(1)
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._diagnostics: queue.Queue[dict[str, Any]] = queue.Queue()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self._listen, daemon=True).start()
        completion = {"completionItem": {"documentationFormat": ["plaintext"], "snippetSupport": False}}
        capabilities = {"textDocument": {"completion": completion, "publishDiagnostics": {}}, "workspace": {"configuration": True}}
        root = self._workspace.as_uri()
        self.ask("initialize", processId=None, rootUri=root, capabilities=capabilities)
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings={"yaml": self._settings})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def open(self, name: str, text: str) -> str:
        """Open a text as a file of the workspace; returns its URI. The file need not exist."""
        uri = (self._workspace / name).as_uri()
        self._tell("textDocument/didOpen", textDocument={"uri": uri, "languageId": "yaml", "version": next(self._versions), "text": text})
        return uri

    def diagnostics(self, name: str, text: str) -> list[dict[str, Any]]:
        """Open a text and return what the server underlines in it."""
        uri = self.open(name, text)
        while True:
            told = self._next(self._diagnostics, f"diagnostics of {name}")
            if told["uri"] == uri:
                return list(told["diagnostics"])

    def completions(self, name: str, text: str) -> dict[str, dict[str, Any]]:
        """Open a text in which ``|`` marks the cursor, and return what is offered there, by label."""
        before, _, after = text.partition("|")
        uri = self.open(name, before + after)
        answer = self.ask("textDocument/completion", textDocument={"uri": uri}, position=_position(before))
        items = answer["items"] if isinstance(answer, dict) else answer
        return {item["label"]: item for item in items}

    def hover(self, name: str, text: str) -> str:
        """Open a text in which ``|`` marks a word's middle, and return what the server says of that word."""
        before, _, after = text.partition("|")
        uri = self.open(name, before + after)
        answer = self.ask("textDocument/hover", textDocument={"uri": uri}, position=_position(before))
        return str(answer["contents"]["value"]) if answer else ""

    def ask(self, method: str, **params: Any) -> Any:
        """Send a request and return its result."""
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        while True:
            answer = self._next(self._answers, method)
            if answer["id"] == number:
                if "error" in answer:
                    raise LanguageServerError(f"{method}: {answer['error']}")
                return answer["result"]

    def _tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _next(self, source: queue.Queue[dict[str, Any]], what: str) -> dict[str, Any]:
        try:
            return source.get(timeout=PATIENCE)
        except queue.Empty:
            raise LanguageServerError(f"no answer within {PATIENCE:.0f} s: {what}") from None

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                header = stream.readline()
            self._hear(json.loads(stream.read(length)))

    def _hear(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._answers.put(message)
        elif message["method"] == "textDocument/publishDiagnostics":
            self._diagnostics.put(message["params"])
        elif "id" in message:  # the server asks back: for its configuration, or for leave to register something
            items = message["params"].get("items", []) if message["method"] == "workspace/configuration" else None
            result = None if items is None else [self._settings if item.get("section") == "yaml" else {} for item in items]
            self._send({"id": message["id"], "result": result})


def _position(before: str) -> dict[str, int]:
    return {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
