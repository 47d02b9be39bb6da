# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from unittest.mock import patch

from odoo.tools import SQL

from ..outcomes import UnlinkItem
from .common import MapperCommon, wire_id

LOGGER = "odoo.addons.g2p_spar_mapper.models.ledger_check"


class LedgerCase(MapperCommon):
    """For tests that change what is kept, past the registry, and let it be checked."""

    def setUp(self):
        super().setUp()
        self.checks = self.env["g2p.spar.ledger.check"]
        self.link(
            self.item(1), self.item(2, self.wallet_fa()), self.item(3), self.item(4)
        )
        self.update(
            self.item(1, self.bank_fa(2)), self.item(1, self.bank_fa(3)), self.item(3)
        )
        self.remove(2)
        self.link(self.item(2))
        self.mapper._freeze([UnlinkItem(wire_id(3))], self.actor, "Test")
        self.mapper._record_reveal(self.periods(1)[0], self.actor, "Test")
        self.mapper._record_reveal(self.periods(1)[-1], self.actor, "Test")

    def check(self):
        with patch.object(type(self.checks), "_enqueue", lambda self: None):
            check = self.checks._start()
            for _step in range(1000):
                check._job_check(check.phase, check.after_id)
                if check.state != "running":
                    return check
        return self.fail("it never ends")

    def tamper(self, statement, *params):
        """What somebody with the rights of the tables' owner can do."""
        tables = (
            *("g2p_spar_mapping", "g2p_spar_mapping_event"),
            "g2p_spar_ledger_block",
        )
        tables = [SQL.identifier(table) for table in tables]
        for table in tables:
            self.env.cr.execute(SQL("ALTER TABLE %s DISABLE TRIGGER USER", table))
        self.env.cr.execute(statement, params)
        for table in tables:
            self.env.cr.execute(SQL("ALTER TABLE %s ENABLE TRIGGER USER", table))
        self.env.invalidate_all()

    def assertFinds(self, *faults):  # noqa: N802
        """Exactly these, as (kind, mapping, event)."""
        with self.assertLogs(LOGGER, "ERROR"):
            check = self.check()
        self.assertEqual(check.state, "faulty")
        found = check.fault_ids.mapped(
            lambda fault: (fault.kind, fault.mapping_id, fault.event_id)
        )
        self.assertEqual(sorted(found), sorted(faults))
        self.assertEqual(check.fault_count, len(faults))
        for fault in check.fault_ids:
            self.assertNotIn("spartest", fault.masked or "")
