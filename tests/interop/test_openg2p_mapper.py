# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Our G2P-Connect adapter works with the real OpenG2P mapper 1.1.0.

The mapper runs as published, in an environment and a database of its own, with only its
signature check answered with yes. A connector of a running suite sends it the IDs of a
kind that exists for this test; so the other tests do not notice.
"""

import json
import os
import subprocess
import time
import uuid
from pathlib import Path
from typing import NamedTuple

import psycopg2
import pytest
import requests
from spar_setup import places

PEER = Path(__file__).with_name("mapper_peer.py")
VERBS = Path(__file__).with_name("mapper_verbs.py")
PATIENCE = 90  # seconds


class Peer(NamedTuple):
    """The running mapper and its database."""

    url: str
    dsn: str

    def row(self, wire_id):
        """What the mapper itself stores for an ID: account, name and phone."""
        connection = psycopg2.connect(self.dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(
                    "SELECT fa_value, name, phone FROM id_fa_mappings"
                    " WHERE id_value = %s",
                    [wire_id],
                )
                return cursor.fetchone()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def mapper(peer_python, pg):
    """The OpenG2P mapper, served on a free port."""
    database = pg("mapper")
    port = places.free_port()
    settings = {
        "DB_HOSTNAME": database.host,
        "DB_PORT": str(database.port),
        "DB_DBNAME": database.name,
        "DB_USERNAME": database.user,
        # its address for the database has no room for an empty one
        "DB_PASSWORD": database.password or "none",
        "LOGGING_LEVEL": "WARNING",
        "OPENAPI_COMMON_API_PREFIX": "/mapper",
        "OAUTH_TOKEN_URL": "http://127.0.0.1:9/token",
        "JWT_VERIFY_URL": "http://127.0.0.1:9/verify",
        "OAUTH_CLIENT_ID": "unused",
        "OAUTH_CLIENT_SECRET": "unused",
    }
    log = places.LOGS / "openg2p-mapper.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [peer_python("mapper"), PEER, "127.0.0.1", str(port)],
            env=os.environ | {f"SPAR_MAPPER_{key}": v for key, v in settings.items()},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}/mapper"
        _wait(lambda: _answers(f"{url}/ping", process), f"the mapper to start ({log})")
        yield Peer(f"{url}/sync", database.dsn)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def connector(spar, mapper):
    """Id of a connector of the suite that sends ``interop:`` IDs to the mapper."""
    call = spar.odoo_rpc("administrator", "administrator")
    (id_type,) = call(
        "g2p.spar.id.type",
        "create",
        [{"name": "Interoperability", "code": uuid.uuid4().hex, "prefix": "interop:"}],
    )
    (number,) = call(
        "g2p.spar.connector",
        "create",
        [
            {
                "name": "OpenG2P mapper 1.1.0",
                "adapter": "g2p_connect",
                "sequence": 1,
                "id_type_ids": [[6, 0, [id_type]]],
                "g2p_connect_base_url": mapper.url,
                "g2p_connect_sender_id": "spar",
            }
        ],
    )
    yield number
    call("g2p.spar.connector", "write", [number], {"active": False})
    call("g2p.spar.id.type", "write", [id_type], {"active": False})


@pytest.fixture
def wire_id():
    return f"interop:{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def officer(spar):
    return spar.odoo_rpc("officer", "officer")


def test_connection_test(spar, connector):
    call = spar.odoo_rpc("administrator", "administrator")
    action = call("g2p.spar.connector", "action_check", [connector])
    assert action["params"]["type"] == "success", action["params"]["message"]
    (row,) = call("g2p.spar.connector", "read", [connector], ["state"])
    assert row["state"] == "reachable"


def test_changes_of_staff_reach_the_mapper(officer, connector, mapper, wire_id):
    """Link, change and remove through the public door, applied by the job runner."""
    first = _submit(
        officer,
        wire_id,
        "bank",
        number="123456789012",
        holder_name="Ada Lovelace",
        phone="+254712345678",
    )
    done = _end_of(officer, first)
    assert (done["state"], done["outcome"]) == ("done", "ok"), done["message"]
    account, name, phone = mapper.row(wire_id)
    assert account.startswith("account_number:123456789012.branch_name:")
    assert account.endswith(".fa_type:bank")
    assert (name, phone) == ("Ada Lovelace", "+254712345678")

    # in the order in which they were asked for, although nobody waits in between
    second = _submit(officer, wire_id, "mobile_wallet", number="+254712345678")
    third = _submit(officer, wire_id, "bank", number="999888777666")
    assert _end_of(officer, second)["state"] == "done"
    assert _end_of(officer, third)["state"] == "done"
    assert mapper.row(wire_id)[0].startswith("account_number:999888777666.")

    gone = _end_of(officer, _submit(officer, wire_id, None))
    assert (gone["state"], gone["outcome"]) == ("done", "ok"), gone["message"]
    assert mapper.row(wire_id) is None

    again = _end_of(officer, _submit(officer, wire_id, None))
    assert (again["state"], again["outcome"]) == ("refused", "not_linked")


def test_nothing_is_kept_here(spar, officer, connector, mapper, wire_id):
    """With a mapper elsewhere this registry stores no mapping of its own."""
    done = _end_of(officer, _submit(officer, wire_id, "bank", number="123456789012"))
    assert done["state"] == "done", done["message"]
    value = wire_id.removeprefix("interop:")
    assert not spar.psql(
        "SELECT id FROM g2p_spar_mapping WHERE id_last = %s", [value[-4:]]
    )
    assert value not in spar.log()
    assert "123456789012" not in spar.log()


def test_each_verb(spar, bench, connector, wire_id):
    """What the adapter makes of each of the mapper's answers, odd ones included."""
    bank = (
        "account_number:123456789012.branch_name:Elsewhere.branch_code:E1"
        ".bank_name:Other Bank.bank_code:OTHER-BANK.fa_type:bank"
    )
    wallet = (
        "mobile_number:+254712345678.wallet_provider_name:Other"
        ".wallet_provider_code:OTHER-WALLET.fa_type:mobile_wallet_provider"
    )
    instance = bench.instance(spar.db)
    done = subprocess.run(
        _shell(instance, spar.db),
        input=VERBS.read_text(),
        env=instance.environment()
        | {"SPAR_TEST_VERBS": json.dumps([connector, wire_id, bank, wallet])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = [x for x in done.stdout.splitlines() if x.startswith("OUTCOMES ")]
    assert len(lines) == 1, done.stderr[-3000:]
    outcomes = json.loads(lines[0].removeprefix("OUTCOMES "))

    codes = {name: [one["code"] for one in got] for name, got in outcomes.items()}
    assert codes == {
        "update_unknown": ["not_linked"],
        "unlink_unknown": ["not_linked"],
        "link": ["ok"],
        "link_again": ["already_linked"],
        "resolve": ["ok"],
        "resolve_yes_no": ["ok"],
        "resolve_wrong_pair": ["mismatch"],
        "update": ["ok"],
        "programme": ["not_linked", "ok"],
        "twice_in_one_batch": ["ok", "already_linked"],
        "unlink_wrong_pair": ["not_linked"],
        "unlink": ["ok"],
        "resolve_after": ["not_linked"],
    }
    (found,) = outcomes["resolve"]
    assert (found["fa"], found["account_type"]) == (bank, "bank")
    assert found["masked"] == "•••• 9012"
    assert not outcomes["resolve_yes_no"][0]["fa"]
    assert not outcomes["resolve_wrong_pair"][0]["fa"], "tells whose account it is"
    assert [one["id"] for one in outcomes["programme"]] == [
        f"{wire_id}-nobody",
        wire_id,
    ]
    assert outcomes["programme"][1]["fa"] == wallet


# --- helpers --------------------------------------------------------------------------


def _submit(officer, wire_id, kind, **answers):
    """Start a change as the officer's form does; without a kind, remove the account.

    :return: id of the change
    """
    vals = {"wire_id": wire_id, "note": "Interoperability test", **answers}
    if kind:
        (account_type,) = officer(
            "g2p.spar.account.type", "search", [["code", "=", kind]]
        )
        providers = [["account_type_ids", "in", [account_type]]]
        if kind == "bank":
            providers.append(["branch_ids", "!=", False])
        else:
            providers.append(["country_id.code", "=", "KE"])
        (provider,) = officer("g2p.spar.fsp", "search", providers, limit=1)
        branch = officer(
            "g2p.spar.fsp.branch", "search", [["fsp_id", "=", provider]], limit=1
        )
        vals |= {
            "account_type_id": account_type,
            "fsp_id": provider,
            "branch_id": branch[0] if branch else False,
            "number_again": answers["number"],
        }
    else:
        vals["operation"] = "remove"
    (form,) = officer("g2p.spar.change.wizard", "create", [vals])
    return officer("g2p.spar.change.wizard", "action_submit", [form])["res_id"]


def _end_of(officer, change):
    """The change once it is over."""
    fields = ["state", "outcome", "message"]

    def look():
        (row,) = officer("g2p.spar.change", "read", [change], fields)
        return row if row["state"] not in ("queued", "applying") else None

    return _wait(look, f"change {change} to end")


def _wait(look, what):
    """Call ``look`` until it gives something, and give that."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.3)
    raise AssertionError(f"waited {PATIENCE} s for {what}")


def _answers(url, process):
    assert process.poll() is None, "the mapper ended"
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def _shell(instance, database):
    """The command line of ``odoo shell`` on the tested database, beside its server."""
    launcher, *rest = instance.command("--no-http", "--log-level=warn")[1:]
    return [instance.python, launcher, "shell", *rest]
