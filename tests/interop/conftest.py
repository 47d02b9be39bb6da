# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What several of these tests talk about."""

import uuid

import exchanges as talk
import pytest


@pytest.fixture(scope="session")
def exchanges(spar):
    """Answers of the server to a client of each dialect."""
    call = spar.odoo_rpc("administrator", "administrator")
    kept = []
    for dialect in ("openg2p", "spec"):
        code = f"interop-{dialect}-{uuid.uuid4().hex}"
        (client,) = call("g2p.spar.client", "create", [_client(code, dialect)])
        try:
            caller = talk.Caller(spar.base_url, code, dialect)
            talk.talk(caller)
            kept += caller.kept
        finally:
            call("g2p.spar.client", "write", [client], {"state": "suspended"})
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
