"""`archcalc serve`: what it answers, what it opens and saves, what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from served import BROKEN, SPEC, Client, drafted

from archcalc.cli import group
from archcalc.commands.serve.answer import MOST_EXPLAINED, Answers
from archcalc.commands.serve.opened import Conflict, Opened
from archcalc.commands.serve.server import MOST_BYTES, Server
from archcalc.commands.serve.worker import Worker
from archcalc.diagnostics.diagnostic import UsageError

# --- answers


@pytest.fixture
def answers() -> Answers:
    return Answers(None)


def test_a_draft_has_its_figures_and_its_network(answers: Answers) -> None:
    answer = answers.answer("report", drafted())
    assert answer["title"] == "small"
    # (3*3*3)*4 weights + 4 biases
    assert "112" in answer["facts"]
    assert 'class="node"' in answer["network"]
    assert answer["findings"] == []


def test_an_answer_for_resnet50_takes_less_than_100_ms(answers: Answers) -> None:
    opened = answers.answer("open", {"name": "resnet50"})
    taken = []
    for number in range(10):
        before = time.process_time()
        answers.answer("report", {**opened, "text": f"{opened['text']}# {number}\n"})  # typed, so analysed anew
        taken.append(time.process_time() - before)
    assert min(taken) < 0.1


def test_its_parameters_have_kinds(answers: Answers) -> None:
    parameters = answers.answer("report", drafted(width="8"))["parameters"]
    assert parameters == [
        {"name": "width", "value": "8", "kind": "whole", "set": True},
        {"name": "bias", "value": "true", "kind": "truth", "set": False},
        {"name": "kernels", "value": "[3]", "kind": "text", "set": False},
    ]


def test_a_setting_of_a_parameter_that_is_gone_is_left_out(answers: Answers) -> None:
    answer = answers.answer("report", drafted(depth="3"))
    assert answer["findings"] == []


@pytest.mark.parametrize("text", [BROKEN, "layers: [", "- a", "", "\ud800", "layers:\n  - conf: 3\n"])
def test_a_broken_draft_has_findings_at_their_lines(text: str, answers: Answers) -> None:
    answer = answers.answer("report", drafted(text))
    assert "network" not in answer
    assert all(finding["here"] and finding["line"] >= 1 for finding in answer["findings"])
    assert answer["findings"]
    json.dumps(answer)


def test_a_window_that_does_not_fit_is_found_at_its_attribute(answers: Answers) -> None:
    (finding,) = answers.answer("report", drafted(BROKEN))["findings"]
    assert finding["line"] == 5
    assert BROKEN.split("\n")[4][finding["column"] - 1 : finding["end_column"] - 1] == "9"


def test_a_setting_that_is_no_value_is_found(answers: Answers) -> None:
    (finding,) = answers.answer("report", drafted(width="[1"))["findings"]
    assert "is not a value for width" in finding["message"]
    assert not finding["here"]


def test_the_rest_has_distribution_layers_memory_claims_and_what_is_suspicious(answers: Answers) -> None:
    answer = answers.answer("rest", drafted(SPEC.replace("112", "113")))
    assert [key for key, _ in answer["sections"]] == ["distribution", "layers", "memory-of-training", "claims"]
    rules = {finding["rule"]: finding["line"] for finding in answer["findings"]}
    # Claimed on line 8; no step reads `kernels`, of line 2.
    assert rules == {"claim-failed": 8, "unused-parameter": 2}


def test_layers_are_explained_by_their_numbers(answers: Answers) -> None:
    answer = answers.answer("explain", {**drafted(), "layers": [0, 7, -1]})
    ((heading, *pairs),) = answer["layers"]
    assert heading == "conv: conv {out: 4, kernel: 3, bias: true}"
    assert ("params", "(3*3*3)*4 = 108 weights + 4 biases = 112") in [tuple(pair) for pair in pairs]


def test_no_more_layers_are_explained_than_a_box_holds(answers: Answers) -> None:
    answer = answers.answer("explain", {**drafted(), "layers": [0] * (MOST_EXPLAINED + 1)})
    assert len(answer["layers"]) == MOST_EXPLAINED


def test_a_spec_of_the_catalogue_has_its_imports(answers: Answers) -> None:
    opened = answers.answer("open", {"name": "resnet50"})
    assert opened["base"] == "resnet50"
    assert "25,557,032" in answers.answer("report", opened)["facts"]


def test_a_draft_takes_blocks_from_the_catalogue(answers: Answers) -> None:
    text = "input: [3, 32, 32]\nimport: {resnet/blocks.yaml: [conv_bn]}\nlayers:\n  - conv_bn: {out: 8, kernel: 3}\n"
    assert answers.answer("report", drafted(text))["findings"] == []


def test_a_finding_in_an_imported_file_is_not_at_a_line_of_the_draft(tmp_path: Path) -> None:
    (tmp_path / "blocks.yaml").write_text("blocks:\n  one():\n    - conf: 3\n", "utf-8")
    answers = Answers(tmp_path / "mine.yaml")
    text = "input: [3, 8, 8]\nimport: {blocks.yaml: [one]}\nlayers:\n  - one\n"
    (finding,) = answers.answer("report", drafted(text))["findings"]
    assert (finding["file"], finding["line"], finding["here"]) == ("blocks.yaml", 3, False)


def test_imports_stay_in_the_folder_of_the_opened_file(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("blocks:\n  one():\n    - relu\n", "utf-8")
    (tmp_path / "mine").mkdir()
    answers = Answers(tmp_path / "mine" / "mine.yaml")
    text = "input: [3, 8, 8]\nimport: {../secret.yaml: [one]}\nlayers:\n  - one\n"
    assert [finding["rule"] for finding in answers.answer("report", drafted(text))["findings"]] == ["import-escapes"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("report", {}),
        ("report", {"base": "", "text": 3, "settings": {}}),
        ("report", {"base": "", "text": "", "settings": []}),
        ("report", {"base": "", "text": "", "settings": {"width": 3}}),
        ("open", {"name": "../../etc/passwd"}),
        ("open", {"name": ["resnet50"]}),
        ("explain", {**drafted(), "layers": "0"}),
        ("explain", {**drafted(), "layers": [True]}),
        ("rest", drafted(BROKEN)),
        ("rest", drafted(SPEC, "nosuch")),
    ],
)
def test_a_request_that_has_no_answer_is_refused(kind: str, data: dict[str, Any], answers: Answers) -> None:
    with pytest.raises(UsageError):
        answers.answer(kind, data)


def test_a_network_that_is_too_large_for_a_page_is_refused(answers: Answers) -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - relu:\n    repeat: 20_001\n"
    (finding,) = answers.answer("report", drafted(text))["findings"]
    assert "20,001 layers, and this page shows up to 20,000" in finding["message"]


def test_nothing_of_a_draft_becomes_markup(answers: Answers) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    text = SPEC.replace("small", f"'{hostile}'") + f"    # {hostile}\n"
    answer = answers.answer("report", drafted(text))
    assert "<img" not in answer["facts"] + answer["network"]
    assert "<img" not in "".join(markup for _, markup in answers.answer("rest", drafted(text))["sections"])


def test_what_takes_too_long_is_stopped_and_the_next_is_answered() -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - relu:\n    repeat: 250_000\n"
    with closing(Worker(None, longest=0.001)) as worker:
        with pytest.raises(UsageError, match=r"stopped after 0\.001 s"):
            worker.ask("report", drafted(text))
        worker.longest = 60
        assert worker.ask("report", drafted())["title"] == "small"


# --- what was opened


def test_a_file_is_opened_and_saved(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SPEC, "utf-8")
    opened = Opened.of(f"{path}:width=8")
    draft = opened.draft()
    assert (draft["text"], draft["settings"], draft["base"]) == (SPEC, {"width": "8"}, "")
    seen = opened.save(BROKEN, draft["seen"])
    assert path.read_text("utf-8") == BROKEN
    assert opened.draft()["text"] == BROKEN
    assert opened.save(SPEC, seen) == draft["seen"]


def test_a_file_that_another_program_wrote_is_not_overwritten_unseen(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SPEC, "utf-8")
    opened = Opened.of(str(path))
    seen = opened.draft()["seen"]
    path.write_text("other", "utf-8")
    with pytest.raises(Conflict) as conflict:
        opened.save(BROKEN, seen)
    assert path.read_text("utf-8") == "other"
    opened.save(BROKEN, conflict.value.seen)
    assert path.read_text("utf-8") == BROKEN


@pytest.mark.parametrize("reference", ["resnet50", "resnet50:width=128", None])
def test_only_a_file_can_be_saved(reference: str | None) -> None:
    with pytest.raises(UsageError, match="no file was opened"):
        Opened.of(reference).save(SPEC, "")


def test_a_model_is_read_and_not_overwritten(tmp_path: Path) -> None:
    path = Path(__file__).parents[1] / "data"
    models = sorted(path.rglob("*.pt2"))
    copy = tmp_path / "model.pt2"
    shutil.copy(models[0], copy)
    opened = Opened.of(str(copy))
    assert opened.path is None
    assert "layers:" in opened.text


def test_a_spec_that_is_not_there_is_refused_at_once() -> None:
    result = CliRunner().invoke(group, ["serve", "nosuch", "--no-open"])
    assert isinstance(result.exception, UsageError)


# --- the server


def test_it_listens_on_the_loopback_interface_alone(client: Client) -> None:
    assert client.server.socket.getsockname()[0] == "127.0.0.1"


def test_the_page_may_do_nothing_but_ask_its_server(client: Client) -> None:
    reply = client.request("GET", "/")
    assert reply.status == 200
    policy = reply.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">' in reply.text
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r'(src|href)="(?!data:,")', reply.text)
    assert client.request("GET", "/").headers["Content-Security-Policy"] != policy  # a nonce is used once


def test_a_draft_is_answered(client: Client) -> None:
    reply = client.ask("/report", drafted())
    assert reply.status == 200
    assert reply.data["title"] == "small"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nosuch", 404), ("GET", "/../etc/passwd", 404), ("GET", "/?x", 404),
        ("GET", "/report", 405), ("POST", "/", 405), ("PUT", "/save", 405), ("DELETE", "/save", 405),
        ("OPTIONS", "/save", 405), ("HEAD", "/", 405), ("POST", "/nosuch", 404),
    ],
)  # fmt: skip
def test_other_paths_and_methods_are_refused(client: Client, method: str, path: str, status: int) -> None:
    reply = client.request(method, path, b"{}")
    assert reply.status == status
    if status == 405:
        assert reply.headers["Allow"] == ("GET" if path == "/" else "POST")
    assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1.evil.example:{port}", "127.0.0.1:1", "", None],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/report")])
def test_a_name_that_was_made_to_point_here_is_refused(
    client: Client, method: str, path: str, host: str | None
) -> None:
    named = None if host is None else host.format(port=client.server.server_port)
    body = b"{}" if method == "POST" else None
    reply = client.request(method, path, body, Host=named, Origin=f"http://{named}")
    assert reply.status == 421
    assert client.server.site.token not in reply.text


def test_localhost_is_a_name_of_the_server(client: Client) -> None:
    host = f"localhost:{client.server.server_port}"
    assert client.ask("/report", drafted(), Host=host, Origin=f"http://{host}").status == 200


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://evil.example",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        "http://localhost:{port}",
    ],
)
def test_a_page_from_elsewhere_gets_nothing_done(client: Client, origin: str | None, opened_file: Path) -> None:
    before = opened_file.read_bytes()
    given = None if origin is None else origin.format(port=client.server.server_port)
    for path in client.server.site.routes:
        assert client.ask(path, {"text": "x", "seen": ""}, Origin=given).status == 403
    assert opened_file.read_bytes() == before


@pytest.mark.parametrize("token", [None, "", "x", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_without_the_token_of_the_page_nothing_is_done(client: Client, token: str | None) -> None:
    assert client.ask("/report", drafted(), X_Token=token).status == 403


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_what_a_form_can_send_is_refused(client: Client, kind: str | None) -> None:
    assert client.ask("/report", drafted(), Content_Type=kind).status == 415


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (None, 411), ("x", 411), ("-1", 411), ("\N{SUPERSCRIPT TWO}", 411),
        (str(MOST_BYTES + 1), 413), ("9" * 999, 413),
    ],
)  # fmt: skip
def test_a_body_is_bounded(client: Client, length: str | None, status: int) -> None:
    assert client.request("POST", "/report", b"{}", Content_Length=length).status == status


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"3", b"null", b'"text"', b"1" * 5000])
def test_what_is_no_json_object_is_refused(client: Client, body: bytes) -> None:
    assert client.request("POST", "/report", body).status == 400


def test_a_request_that_has_no_answer_says_why(client: Client) -> None:
    reply = client.ask("/open", {"name": "nosuch"})
    assert reply.status == 400
    assert reply.data == {"error": "there is no such spec in the catalogue"}


def test_only_the_opened_file_is_written(client: Client, opened_file: Path) -> None:
    found = re.search(r'"seen": "(\w+)"', client.request("GET", "/").text)
    assert found is not None
    reply = client.ask("/save", {"text": BROKEN, "seen": found[1], "path": "other.yaml"})
    assert reply.status == 200
    assert opened_file.read_text("utf-8") == BROKEN
    assert sorted(path.name for path in opened_file.parent.iterdir()) == ["mine.yaml"]
    conflict = client.ask("/save", {"text": SPEC, "seen": found[1]})
    assert conflict.status == 409
    assert conflict.data["seen"] == reply.data["seen"]
    assert client.ask("/save", {"text": SPEC, "seen": reply.data["seen"]}).status == 200
    assert client.ask("/save", {"text": SPEC}).status == 400


def test_so_many_clients_are_served_at_once_and_no_more(client: Client) -> None:
    address = ("127.0.0.1", client.server.server_port)
    silent = [socket.create_connection(address, timeout=60) for _ in range(16)]
    try:
        with socket.create_connection(address, timeout=60) as another:
            another.sendall(f"GET / HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode())
            received = b""
            with suppress(ConnectionError):
                received = another.recv(1)
            assert received == b""  # closed at once
    finally:
        for each in silent:
            each.close()


def test_a_port_in_use_is_an_error(client: Client) -> None:
    result = CliRunner().invoke(group, ["serve", "lenet5", "--no-open", "--port", str(client.server.server_port)])
    assert isinstance(result.exception, UsageError)
    assert f"cannot serve on port {client.server.server_port}" in str(result.exception)


@pytest.mark.parametrize("options", [[], ["--no-open"]])
def test_it_opens_a_browser_unless_told_not_to(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(Server, "serve_forever", lambda self: time.sleep(0.2))
    result = CliRunner().invoke(group, ["serve", "lenet5", "--port", "0", *options])
    assert result.exit_code == 0
    assert [result.output.count(address) for address in opened] == ([] if options else [1])


def test_ctrl_c_ends_it_cleanly() -> None:
    command = [sys.executable, "-m", "archcalc", "serve", "lenet5", "--port", "0", "--no-open"]
    # Tests that run in the background of a shell ignore the signal, and what they start would too.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        assert re.fullmatch(r"serving lenet5 at http://127\.0\.0\.1:\d+/ \(Ctrl-C stops it\)\n", told)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (out, errors, process.returncode) == ("stopped\n", "", 0)
