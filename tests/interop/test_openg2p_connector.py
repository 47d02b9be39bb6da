# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The real OpenG2P connector library 1.0.0, unmodified, talks to our server.

It sends no token, no signature and an empty sender_id; the demo client on the loopback
network is who it is taken for. What is asserted is what the library itself returns.
"""

import json
import subprocess
import uuid
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("connector_client.py")
BANK = (
    "account_number:{number}.branch_name:HDFC Mumbai Central Branch"
    ".branch_code:HDFC0000522.bank_name:HDFC Bank Ltd..bank_code:HDFC.fa_type:bank"
)
WALLET = (
    "mobile_number:+254712345678.wallet_provider_name:M-PESA (Safaricom)"
    ".wallet_provider_code:MPESA-KE.fa_type:mobile_wallet_provider"
)


@pytest.fixture(scope="module")
def library(spar, peer_python):
    """Function that has the library make calls, and gives what it returned."""
    python = peer_python("connector")

    def call(*calls):
        done = subprocess.run(
            [python, SCRIPT, spar.base_url],
            input=json.dumps(calls),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (line,) = (x for x in done.stdout.splitlines() if x.startswith("RESULTS "))
        return json.loads(line.removeprefix("RESULTS "))

    return call


@pytest.fixture
def wire_id():
    """An ID that nobody has used."""
    return f"token:{uuid.uuid4().hex}@nationalId"


def _account(wire_id, fa, strategy):
    return {
        "id": wire_id,
        "fa": fa,
        "name": None,
        "phone_number": None,
        "additional_info": [{"strategy_id": strategy}],
    }


def test_life_of_a_mapping(library, wire_id):
    bank = BANK.format(number="123456789012")
    link, relink, resolved, update, moved, unlink, gone, again, unknown = library(
        ("link", _account(wire_id, bank, 2)),
        ("link", _account(wire_id, WALLET, 4)),
        ("resolve", {"id": wire_id}),
        ("update", _account(wire_id, WALLET, 4)),
        ("resolve", {"id": wire_id}),
        ("unlink", {"id": wire_id}),
        ("resolve", {"id": wire_id}),
        ("unlink", {"id": wire_id}),
        ("update", _account(wire_id, WALLET, 4)),
    )
    assert (link["status"], link["mapper_error_code"]) == ("succ", None)
    assert link["fa"] == bank

    assert relink["status"] == "rjct"
    assert relink["mapper_error_code"] == "rjct.reference_id.duplicate"
    assert "ID and FA are already mapped" in relink["mapper_error_message"]
    assert not relink["fa"]

    assert (resolved["status"], resolved["id"]) == ("succ", wire_id)
    assert resolved["fa"] == bank
    # OpenG2P's self-service takes the strategy from the first entry
    assert resolved["additional_info"] == [{"strategy_id": 2}]
    assert resolved["account_provider_info"]["code"] == "HDFC"
    assert resolved["account_provider_info"]["subcode"] == "HDFC0000522"

    assert update["status"] == "succ"
    assert moved["fa"] == WALLET
    assert moved["additional_info"] == [{"strategy_id": 4}]

    assert unlink["status"] == "succ"
    assert (gone["status"], gone["fa"]) == ("succ", "")
    assert gone["mapper_error_code"] == "succ.id.not_found"
    for refused in (again, unknown):
        assert refused["status"] == "rjct"
        assert refused["mapper_error_code"] == "rjct.id.invalid"
        assert "please link first" in refused["mapper_error_message"]


def test_bad_items_are_answers_not_exceptions(library, wire_id):
    """The library can read each refusal; none of them makes it raise."""
    calls = [
        ("link", _account("", WALLET, 4)),
        ("link", _account(wire_id, "", 4)),
        ("link", _account("token:\n@nationalId", WALLET, 4)),
        ("link", _account(wire_id, "x" * 1001, 4)),
        ("link", _account(wire_id, WALLET, 4) | {"name": "A\0"}),
        ("link", _account(wire_id, WALLET, 4) | {"phone_number": "call me"}),
        ("link", _account(wire_id, WALLET, 4) | {"additional_info": [{"a": "\0"}]}),
        ("update", _account(wire_id, "", 4)),
        ("unlink", {"id": ""}),
        ("resolve", {"id": ""}),
    ]
    results = library(*calls)
    codes = [result.get("mapper_error_code", result) for result in results]
    assert codes == [
        "rjct.id.invalid",
        "rjct.fa.invalid",
        "rjct.id.invalid",
        "rjct.fa.invalid",
        "rjct.name.invalid",
        "rjct.mobile_number.invalid",
        "rjct.other.error",
        "rjct.fa.invalid",
        "rjct.id.invalid",
        "rjct.id.invalid",
    ]
    assert {result["status"] for result in results} == {"rjct"}
