# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the guides tell people to type does what they say, as it is written."""

import json
import os
import re
import stat
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from spar_setup import places

WRITTEN_URL = "http://localhost:8069"


def blocks(document, language):
    """The blocks of one language in a document of this repository, in order."""
    text = (places.ROOT / document).read_text()
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.M | re.S)
    return [re.sub(rf"^{indent}", "", block, flags=re.M) for indent, block in found]


class Shell:
    """A person at a terminal, in a folder of their own."""

    def __init__(self, folder, spar):
        self.folder = folder
        self.spar = spar
        programs = Path(
            sys.executable
        ).parent  # the guides need "python3" with packages
        self.variables = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def type(self, block):
        """Type a block and return what became of it."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.replace(*self._address())],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, block):
        """Type a block that succeeds and return what it prints."""
        done = self.type(block)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _address(self):
        return WRITTEN_URL, self.spar.base_url

    def call(self, block):
        """Type calls of the API and return their answers."""
        printed = self.run(block).rstrip()
        decoder = json.JSONDecoder()
        answers, place = [], 0  # curl ends no line: they stand side by side
        while place < len(printed):
            answer, place = decoder.raw_decode(printed, place)
            answers.append(answer)
        return answers


@pytest.fixture
def shell(tmp_path, spar):
    return Shell(tmp_path, spar)


def result(answer):
    """The one result of an answer, which is a success."""
    assert answer["header"]["status"] == "succ", answer
    (results,) = (
        value for key, value in answer["message"].items() if key.endswith("_response")
    )
    (item,) = results
    assert item["status"] == "succ", answer
    return item


def calls(document):
    """The blocks of a document that call the API."""
    return [block for block in blocks(document, "sh") if "/mapper/" in block]


def test_readme(shell):
    link, resolve = calls("README.md")
    (linked,) = shell.call(link)
    result(linked)
    (found,) = shell.call(resolve)
    assert result(found)["fa"].startswith("account_number:123456789012.")


def test_first_calls_of_the_api_guide(shell):
    link, resolve, change, link_later, status = calls("docs/api-guide.md")
    result(*shell.call(link))
    found = result(*shell.call(resolve))
    assert found["status_reason_code"] == "succ.id.active"
    assert found["fa"].startswith("mobile_number:+254712345678.")
    updated, unlinked = shell.call(change)
    assert result(updated)["fa"].startswith("account_number:123456789012.")
    result(unlinked)

    (ack,) = shell.call(link_later)
    assert ack["message"]["ack_status"] == "NACK", "this client has no call-back"
    (asked,) = shell.call(status)
    told = asked["message"]["txnstatus_response"]
    assert told["txn_type"] == "on-link", asked
    (item,) = told["txn_status"]["link_response"]
    assert item["status"] in ("rcvd", "pdng", "succ"), asked


def test_signed_call_of_the_api_guide(shell, spar):
    """Token, key pair and the program in Python, for a client made on the screens."""
    administrator = spar.odoo_rpc("administrator", "administrator")
    code = f"guide-{uuid.uuid4().hex[:8]}"
    client_id = administrator(
        "g2p.spar.client",
        "create",
        {
            "name": code,
            "code": code,
            "organisation": "Ministry",
            "purpose": "Trying the guide",
            "may_resolve": True,
            "may_see_details": True,
            "credentials": "both",
        },
    )
    action = administrator("g2p.spar.client", "action_new_secret", [client_id])
    shell.variables |= {
        "CLIENT": code,
        "SECRET": action["context"]["default_secret"],
    }
    signing_key_id = administrator("g2p.spar.signing.key", "create", {})
    typed = blocks("docs/api-guide.md", "sh")
    (token,) = (block for block in typed if "/oauth2/client/token" in block)
    (key_pair,) = (block for block in typed if "openssl" in block)
    (program_call,) = (block for block in typed if "resolve.py" in block)
    (program,) = blocks("docs/api-guide.md", "python")
    try:
        (granted,) = shell.call(token)
        assert granted["scope"] == "mapper.resolve mapper.status"
        public = shell.run(key_pair)
        administrator(
            "g2p.spar.client.key",
            "create",
            {"client_id": client_id, "kid": "my-key-1", "material": public},
        )
        (shell.folder / "resolve.py").write_text(program)
        unsigned = shell.type(program_call)
        assert unsigned.returncode == 1
        assert unsigned.stderr.startswith("The registry has not signed this answer")
        administrator("g2p.spar.signing.key", "action_use", [signing_key_id])
        printed = shell.run(program_call).splitlines()
    finally:
        administrator("g2p.spar.signing.key", "action_retire", [signing_key_id])
        administrator("g2p.spar.client", "write", [client_id], {"state": "suspended"})
    status, answer = printed[0].split(" ", 1)
    assert status == "200"
    assert result(json.loads(answer))["status_reason_code"] == "succ.id.not_found"
    assert printed[1] == "The registry has signed this answer."


def test_key_ring_of_the_operator_guide(tmp_path, spar):
    typed = [
        block for block in blocks("docs/operator-guide.md", "sh") if "KEYS" in block
    ]
    make, add, switch = (block.replace("/etc/odoo", str(tmp_path)) for block in typed)
    shell = Shell(tmp_path, spar)
    path = tmp_path / "spar-keys.json"
    shell.variables["KEYS"] = str(path)

    shell.run(make)
    made = json.loads(path.read_text())
    assert list(made["keys"]) == [made["current"]] == ["k1"]
    shell.run(add)
    added = json.loads(path.read_text())
    assert added["current"] == "k1"
    assert added["keys"]["k1"] == made["keys"]["k1"] != added["keys"]["k2"]
    shell.run(switch)
    assert json.loads(path.read_text()) == {**added, "current": "k2"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
