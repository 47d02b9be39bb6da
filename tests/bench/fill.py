# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Runs inside ``odoo shell``: link the IDs from SPAR_BENCH_RANGE, as an import would.

Everything is as in production: sealed values, keyed hashes, the ledger.
"""

import json
import os

from odoo.addons.g2p_spar_mapper.outcomes import OK, Actor, LinkItem

BATCH = 5_000

first, last, wire_id, fa = json.loads(os.environ["SPAR_BENCH_RANGE"])
actor = Actor("import", purpose="Measuring")
for start in range(first, last, BATCH):
    numbers = range(start, min(start + BATCH, last))
    items = [
        LinkItem(wire_id % number, fa % number, name=f"Person {number}")
        for number in numbers
    ]
    mapper = env["g2p.spar.mapper"]  # noqa: F821 the shell provides env
    outcomes = mapper._link(items, actor)
    refused = {outcome.code for outcome in outcomes} - {OK}
    if refused:
        raise SystemExit(f"not linked: {refused}")
    env.cr.commit()  # noqa: F821
    env.invalidate_all()  # noqa: F821
