"""A client of the YAML language server over stdio, as an editor is one: diagnostics and completions of a text."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any


def found() -> str | None:
    """The program, if it is installed (`npm install -g yaml-language-server`)."""
    return shutil.which("yaml-language-server")


class Server:
    """A running language server that checks every document with the schema in a file."""

    def __init__(self, program: str, schema: Path) -> None:
        self.process = subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.documents = 0
        self.diagnosed: dict[str, list[dict[str, Any]]] = {}
        yaml = {"schemas": {schema.as_uri(): "*.yaml"}, "completion": True, "validate": True, "hover": True}
        self.settings = {"yaml": {**yaml, "schemaStore": {"enable": False}}, "http": {}, "[yaml]": {}}
        item: dict[str, Any] = {"snippetSupport": True, "documentationFormat": ["plaintext"]}
        capabilities = {"textDocument": {"completion": {"completionItem": item}}, "workspace": {"configuration": True}}
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": self.settings})

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def findings(self, text: str) -> list[str]:
        """The messages that an editor shows for a text."""
        uri = self.open(text)
        while uri not in self.diagnosed:
            self.read()
        return [finding["message"] for finding in self.diagnosed[uri]]

    def completions(self, text: str) -> dict[str, str]:
        """What is offered where `|` stands in a text: labels and what each inserts."""
        before, _, after = text.partition("|")
        uri = self.open(before + after)
        place = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        answer = self.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": place})
        items = answer["items"] if isinstance(answer, dict) else answer or []
        return {item["label"]: item.get("insertText") or item["textEdit"]["newText"] for item in items}

    def open(self, text: str) -> str:
        self.documents += 1
        uri = f"file:///spec{self.documents}.yaml"
        self.tell(
            "textDocument/didOpen",
            {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}},
        )
        return uri

    def tell(self, method: str, params: dict[str, Any]) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        self.number += 1
        number = self.number
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while True:
            message = self.read()
            if message.get("id") == number and "method" not in message:
                return message.get("result")

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        """The next message; requests of the server are answered, and diagnostics noted."""
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline().strip()) or not length:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            elif not line and self.process.poll() is not None:
                raise EOFError("the language server ended")
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnosed[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            asked = message["params"].get("items", []) if message["method"] == "workspace/configuration" else []
            result = [self.settings.get(item["section"]) for item in asked] or None
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": result})
        return message
