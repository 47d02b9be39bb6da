# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Runs inside ``odoo shell``: our adapter, verb by verb, against a real mapper.

The connector, the ID and two financial addresses come from the environment; the
outcomes go to standard output.
"""

import json
import os

from odoo.addons.g2p_spar_mapper.outcomes import (
    Actor,
    LinkItem,
    ResolveItem,
    UnlinkItem,
)

CONNECTOR, WIRE_ID, FIRST, SECOND = json.loads(os.environ["SPAR_TEST_VERBS"])

connectors = env["g2p.spar.connector"]  # noqa: F821 the shell provides env
connector = connectors.browse(CONNECTOR)
actor = Actor("staff")


def ask(operation, *items):
    return [one._asdict() for one in connector._call(operation, list(items), actor)]


outcomes = {
    "update_unknown": ask("update", LinkItem(WIRE_ID, FIRST)),
    "unlink_unknown": ask("unlink", UnlinkItem(WIRE_ID)),
    "link": ask("link", LinkItem(WIRE_ID, FIRST, name="Ada", phone="+254712345678")),
    "link_again": ask("link", LinkItem(WIRE_ID, SECOND)),
    "resolve": ask("resolve", ResolveItem(WIRE_ID)),
    "resolve_yes_no": ask("resolve", ResolveItem(WIRE_ID, scope="yes_no")),
    "resolve_wrong_pair": ask("resolve", ResolveItem(WIRE_ID, fa=SECOND)),
    "update": ask("update", LinkItem(WIRE_ID, SECOND)),
    "programme": [
        one._asdict()
        for one in connectors._resolve([WIRE_ID + "-nobody", WIRE_ID], "Cycle 4")
    ],
    "twice_in_one_batch": ask(
        "link", LinkItem(WIRE_ID + "-2", FIRST), LinkItem(WIRE_ID + "-2", FIRST)
    ),
    "unlink_wrong_pair": ask("unlink", UnlinkItem(WIRE_ID, fa=FIRST)),
    "unlink": ask("unlink", UnlinkItem(WIRE_ID)),
    "resolve_after": ask("resolve", ResolveItem(WIRE_ID)),
}
print("OUTCOMES " + json.dumps(outcomes))
