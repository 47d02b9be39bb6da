# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""After all the faults (this file is the last by its name) the ledger is verified."""

import time

from support.book import LINK, Book, new_ids

PATIENCE = 180  # seconds


def test_verified_ledger(spar):
    book = Book(spar.base_url)
    book.insist(book.write(LINK, new_ids(10)))  # there is one when this runs alone
    call = spar.odoo_rpc("auditor", "auditor")
    action = call("g2p.spar.ledger.check", "action_verify", [])
    end = time.monotonic() + PATIENCE
    while True:
        fields = ["state", "event_count", "mapping_count", "fault_count"]
        (check,) = call("g2p.spar.ledger.check", "read", [action["res_id"]], fields)
        if check["state"] != "running":
            break
        assert time.monotonic() < end, "the check does not end"
        time.sleep(0.5)
    assert (check["state"], check["fault_count"]) == ("sound", 0), check
    (stored,) = spar.psql(
        "SELECT (SELECT count(*) FROM g2p_spar_mapping_event) AS events,"
        " (SELECT count(*) FROM g2p_spar_mapping) AS mappings,"
        " (SELECT count(*) FROM (SELECT FROM g2p_spar_mapping"
        "   WHERE closed_at IS NULL GROUP BY id_key HAVING count(*) > 1) d) AS doubled"
    )
    assert stored["doubled"] == 0
    assert check["event_count"] == stored["events"]
    assert check["mapping_count"] == stored["mappings"]
    print(f"sound: {stored['events']} rows of the ledger, {stored['mappings']} periods")
