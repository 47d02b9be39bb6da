# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The judging parts of setup/: if they overlook a fault, so do all other tests."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from spar_setup import base_python, console, odoo_log, odoo_source, server, unit
from spar_setup.console import Failure
from spar_setup.report import Report

TIME = "2026-01-02 03:04:05,678 99"
QUIET = f"{TIME} INFO spar odoo.modules: all is well\n"
ERROR = (
    f"{TIME} ERROR spar odoo.http: Exception during request handling.\n"
    "Traceback (most recent call last):\n"
    '  File "a.py", line 1, in b\n'
    "ValueError: no\n"
)


def test_log_without_problems():
    assert odoo_log.problems(QUIET * 3) == []


@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_log_with_a_problem(level):
    line = f"{TIME} {level} spar odoo.http: something"
    assert odoo_log.problems(QUIET + line + "\n" + QUIET) == [line]


def test_traceback_belongs_to_its_message():
    assert odoo_log.problems(QUIET + ERROR + QUIET) == [ERROR.rstrip("\n")]


def test_traceback_that_no_logger_wrote():
    """A server that dies while it starts prints one without a time."""
    text = ERROR.split("\n", 1)[1]
    assert len(odoo_log.problems(text)) == 1


def test_allowed_pattern_is_searched_in_the_traceback():
    assert odoo_log.problems(QUIET + ERROR, ["ValueError: no$"]) == []
    assert odoo_log.problems(QUIET + ERROR, ["KeyError"]) != []


def test_test_counts():
    line = f"{TIME} %s spar odoo.tests.result: %s failed, %s error(s) of %s tests\n"
    text = line % ("INFO", 0, 0, 5) + line % ("ERROR", 1, 2, 7)
    assert odoo_log.test_counts(text) == (3, 12)
    assert odoo_log.test_counts(QUIET) == (0, 0)


def test_skips():
    line = f"{TIME} INFO spar odoo.addons.x.test_y: skipped TestY.test_z : no time\n"
    assert odoo_log.skips(QUIET + line + QUIET) == ["TestY.test_z : no time"]
    whole = line.replace("TestY.test_z", "setUpClass (x.TestY)")
    assert odoo_log.skips(whole) == ["setUpClass (x.TestY) : no time"]


def test_report_names_what_was_skipped(capsys):
    report = Report()
    report.add("one", 3)
    report.add("two", 4, skips=["test_z: no time"])
    assert report.close() == 0
    printed = capsys.readouterr().out
    assert "two: 4 passed, ok, 1 skipped" in printed
    assert "Skipped:\n  two: test_z: no time" in printed
    assert printed.endswith("\n7 passed, 0 failed\n")


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        ("tar: x: Cannot write: No space left on device", "the disk is full"),
        ("W: Failed to fetch http://x/InRelease", "cannot be reached"),
        ("first\nE: Unable to locate package odoo-19\n", "Unable to locate package"),
        ("first\nlast words\n\n", "last words"),
    ],
)
def test_reason_of_a_failed_command(tmp_path, output, meaning):
    log = tmp_path / "log"
    log.write_text(output)
    assert meaning in console.reason(log)


def test_failed_command_is_a_failure(tmp_path):
    with pytest.raises(Failure, match="Saying no failed: no way"):
        console.run(["sh", "-c", "echo no way; exit 3"], "Saying no", tmp_path / "log")
    with pytest.raises(Failure, match="Cannot start /nowhere"):
        console.run(["/nowhere"], "It", tmp_path / "log")


@pytest.mark.parametrize("layout", ["checkout", "debian", "installed"])
def test_given_odoo(tmp_path, monkeypatch, layout):
    """A git checkout, an unpacked package and an installed one are all understood."""
    inside = {
        "checkout": tmp_path,
        "debian": tmp_path / "usr/lib/python3/dist-packages",
        "installed": tmp_path,
    }[layout]
    base, web = inside / "odoo/addons/base", inside / "odoo/addons/web"
    if layout == "checkout":
        web = inside / "addons/web"
    for folder in (base, web):
        folder.mkdir(parents=True)
    release = inside / "odoo/release.py"
    release.write_text("version_info = (19, 0, 0, FINAL, 0, '')\n")
    monkeypatch.setenv(odoo_source.VARIABLE, str(tmp_path))
    source = odoo_source.find_or_fetch()
    assert source.import_path == inside
    assert source.addons == list(dict.fromkeys([base.parent, web.parent]))
    release.write_text("version_info = (18, 0, 0, FINAL, 0, '')\n")
    with pytest.raises(Failure, match=r"holds Odoo 18\.0"):
        odoo_source.find_or_fetch()


def test_given_odoo_that_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv(odoo_source.VARIABLE, str(tmp_path / "none"))
    with pytest.raises(Failure, match="is not an Odoo tree"):
        odoo_source.find_or_fetch()


@pytest.fixture
def interpreter(tmp_path, monkeypatch):
    """Puts something that answers as a Python would where a distribution has its."""
    monkeypatch.delenv(base_python.VARIABLE, raising=False)

    def make(release, makes_environments=True, name="python3"):
        answer = json.dumps([f"{release} built", release, makes_environments])
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho '{answer}'\n")
        path.chmod(0o755)
        return path

    monkeypatch.setattr(base_python, "DISTRIBUTION", tmp_path / "python3")
    return make


def test_python_of_the_distribution_comes_first(interpreter):
    path = interpreter([3, 12])
    assert base_python.find().path == path
    assert base_python.missing() == []


def test_python_that_makes_no_environments(interpreter):
    interpreter([3, 12], makes_environments=False)
    assert base_python.missing() == ["python3.12-venv"]


def test_python_of_the_distribution_is_too_old_or_not_there(interpreter):
    assert str(base_python.find().path) == sys.executable
    interpreter([3, 9])
    assert str(base_python.find().path) == sys.executable


def test_named_python(interpreter, monkeypatch):
    interpreter([3, 12])
    named = interpreter([3, 13], name="named")
    monkeypatch.setenv(base_python.VARIABLE, str(named))
    assert base_python.find().path == named
    interpreter([3, 10], name="named")
    with pytest.raises(Failure, match=r"named is not a Python 3\.11 or newer"):
        base_python.find()
    monkeypatch.setenv(base_python.VARIABLE, str(named.with_name("none")))
    with pytest.raises(Failure, match="none is not a Python"):
        base_python.find()


def test_several_parts_of_one_test_fail():
    """Odoo counts each of them, but the test once."""
    summary = f"{TIME} ERROR spar odoo: 3 failed, 0 error(s) of 1 tests"
    passed, failures, _skips = unit._judge("addon", 1, ERROR * 3 + summary, ":Class")
    assert passed == 0
    assert len(failures) == 3


class _Quiet(BaseHTTPRequestHandler):
    """Answers 501, and does not tell the console."""

    def log_message(self, *_said):
        pass


def test_server_that_does_not_serve_says_why():
    """Odoo starts with a key file of another database, and answers with nothing else
    than redirects."""
    quiet = {"log_message": lambda *arguments: None}
    handler = type("Handler", (BaseHTTPRequestHandler,), quiet)  # answers 501
    httpd = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    try:
        with pytest.raises(Failure, match="answers 501: the key is wrong"):
            server._wait_for(
                f"http://127.0.0.1:{httpd.server_port}/",
                SimpleNamespace(poll=lambda: None),
                "odoo.log",
                lambda log: "the key is wrong",
            )
    finally:
        httpd.shutdown()
        httpd.server_close()


def test_server_that_is_slow_to_stop_is_not_killed(tmp_path, monkeypatch):
    """It has look-ups to account for, and may not have noticed yet."""
    slept, killed = [], []
    odoo = server.Server(tmp_path, "odoo", tmp_path / "odoo.log", str)
    monkeypatch.setattr(odoo, "running", lambda: 4711)
    monkeypatch.setattr(server, "_alive", lambda number: sum(slept) < 65)
    monkeypatch.setattr(server.time, "sleep", slept.append)
    monkeypatch.setattr(server.os, "kill", lambda number, sign: None)
    monkeypatch.setattr(server.os, "killpg", lambda *given: killed.append(given))
    assert odoo.stop() == 4711
    assert not killed
