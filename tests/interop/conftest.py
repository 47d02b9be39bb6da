# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What several of these tests talk about."""

import uuid

import exchanges as talk
import pytest
from support.receiver import Receiver


@pytest.fixture(scope="session")
def exchanges(spar):
    """Answers of the server to a client of each dialect."""
    call = spar.odoo_rpc("administrator", "administrator")
    as_root = spar.odoo_rpc("admin", "admin")
    for name, value in (("networks", "127.0.0.0/8"), ("http", "1")):
        parameter = f"g2p_spar_mapper.callback_{name}"
        as_root("ir.config_parameter", "set_param", parameter, value)
    receiver = Receiver()
    kept = []
    for dialect in ("openg2p", "spec"):
        code = f"interop-{dialect}-{uuid.uuid4().hex}"
        values = _client(code, dialect) | {"callback_allowed": f"{receiver.url}/spar"}
        (client,) = call("g2p.spar.client", "create", [values])
        as_root("g2p.spar.client", "action_approve", [client])  # a second person
        try:
            caller = talk.Caller(spar.base_url, code, dialect)
            talk.talk(caller, receiver)
            kept += caller.kept
        finally:
            call("g2p.spar.client", "write", [client], {"state": "suspended"})
    receiver.stop()
    return kept


def _client(code, dialect):
    return {
        "name": code,
        "code": code,
        "organisation": "Interoperability tests",
        "purpose": "Interoperability tests",
        "state": "live",
        "dialect": dialect,
        "may_link": True,
        "may_update": True,
        "may_unlink": True,
        "may_resolve": True,
        "may_see_details": True,
        "may_resolve_by_fa": True,
        "credentialless": True,
        "networks": "127.0.0.0/8\n::1/128",
    }
