# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A stolen copy of the database, of the files beside it or of the log tells nobody's
ID, account, name or phone."""

import base64
import gzip
import os
import subprocess
import time

import psycopg2.extensions
import pytest


def forms(text):
    """How ``text`` may stand in a file: as it is, as hexadecimal digits, or inside of
    base64 at each of the three places where it can begin there."""
    raw = text.encode()
    found = {raw.lower(), raw.hex().encode()}
    for offset in range(3):
        # the first and the last characters hold bits of the neighbours, too
        encoded = base64.b64encode(b"\0" * offset + raw + b"\0" * 2)
        start = (0, 2, 3)[offset]
        sure = encoded[start : (offset + len(raw)) * 8 // 6]
        found |= {sure, sure.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def find(content, secrets):
    """Which of the secrets stand in these bytes, as a list of their descriptions."""
    lowered = content.lower()
    return sorted(
        {
            f"{what} as {form!r}"
            for what, text in secrets.items()
            for form in forms(text)
            if form in (lowered if form == form.lower() else content)
        }
    )


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
def test_the_search_finds_what_is_there(before):
    secret = {"number": "92561043897665"}
    raw = before + b"92561043897665" + b" and more"
    for content in (
        raw,
        raw.hex().encode(),
        base64.b64encode(raw),
        base64.urlsafe_b64encode(raw),
    ):
        assert find(b"row\t" + content + b"\n", secret), content
        assert not find(b"row\t" + content[:-20] + b"\n", {"other": "8800" * 4})


def test_a_dump_tells_nothing(spar, planted):
    dump = pg_dump(spar)
    for marker in (b"COPY public.g2p_spar_mapping ", b"COPY public.res_users "):
        assert marker in dump
    guilty = {}
    for part in dump.split(b"\nCOPY public.")[1:]:
        rows = part.partition(b"\n\\.\n")[0]
        if found := find(rows, planted.secrets()):
            guilty[rows.split()[0].decode()] = found
    assert guilty == {}
    assert find(dump, planted.secrets()) == []


def test_the_files_tell_nothing(spar, planted):
    if not spar.data_dir:
        pytest.skip("the files of this server are out of reach")
    folder = spar.data_dir / "filestore" / spar.db
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    guilty = {}
    for path in files:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        if found := find(content, planted.secrets()):
            guilty[path.name] = found
    # sessions are files, too: what a form asks twice must not be parked there
    for path in (spar.data_dir / "sessions").rglob("*"):
        if path.is_file() and (found := find(path.read_bytes(), planted.secrets())):
            guilty[f"session {path.name[:4]}"] = found
    assert guilty == {}


def test_the_log_tells_nothing(spar, planted):
    time.sleep(1)  # what the last request wrote
    log = spar.log()
    assert "POST /mapper/sync/link" in log, "the log is out of reach"
    assert find(log.encode(), planted.secrets()) == []


def pg_dump(spar):
    """The whole database as SQL text."""
    target = psycopg2.extensions.parse_dsn(spar.dsn)
    environment = dict(os.environ)
    if password := target.pop("password", ""):
        environment["PGPASSWORD"] = password
    command = ["pg_dump", "--no-owner"]
    for option in ("host", "port"):
        command += [f"--{option}", target[option]]
    command += ["--username", target["user"], target["dbname"]]
    answer = subprocess.run(
        command, capture_output=True, env=environment, check=False, timeout=120
    )
    assert answer.returncode == 0, answer.stderr.decode()[-500:]
    return answer.stdout
