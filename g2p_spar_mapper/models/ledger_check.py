# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import SparConfigurationError

from ..keyring import get_keyring
from ..triggers import keep_rows
from ..verification import (
    BLOCK,
    Fault,
    Memory,
    check_events,
    check_mappings,
    find_strays,
    read_memory,
    sign_memory,
    write_memory,
)

_logger = logging.getLogger(__name__)

MAX_FAULTS = 1000  #: that are named one by one; all are counted
STALLED = timedelta(hours=1)  #: without progress: the job got lost
PRIORITY = 30
# As far as rows were made, and as any check has been: what is cut off is missed.
LAST_ROW = """
    SELECT GREATEST((SELECT last_value FROM g2p_spar_mapping_event_id_seq),
                    (SELECT max(end_id) FROM g2p_spar_ledger_check),
                    (SELECT max(first_id) FROM g2p_spar_ledger_block))
"""
CHECKERS = (
    "g2p_spar_mapper.group_spar_auditor",
    "g2p_spar_bank_directory.group_spar_administrator",
)
KINDS = [
    ("event", "Ledger row was changed"),
    ("chain", "Ledger row before it is missing or was replaced"),
    ("deleted", "Ledger row was removed"),
    ("mapping_gone", "Mapping was removed"),
    ("content", "Content, ID or account of the mapping was changed or exchanged"),
    ("details", "Provider, branch or another detail of the mapping was changed"),
    ("no_event", "Mapping was made outside of the registry"),
    ("head", "Last ledger row of the mapping is missing or was replaced"),
    ("state", "State of the mapping was changed"),
    ("mapping", "Beginning, channel or masked form of the mapping was changed"),
    ("end", "End of the mapping was changed"),
    ("block", "Memory of an earlier check was changed or removed"),
]


class G2pSparLedgerCheck(models.Model):
    """One look at the whole ledger and all mappings: is everything as it was written?

    Works in chunks, one job each, and goes on after a crash where it was.
    """

    _name = "g2p.spar.ledger.check"
    _description = "SPAR Check of the Ledger"
    _order = "id desc"
    _rec_name = "create_date"

    state = fields.Selection(
        [("running", "Running"), ("sound", "Nothing found"), ("faulty", "Faults")],
        required=True,
        default="running",
        readonly=True,
    )
    phase = fields.Selection(
        [("events", "Ledger"), ("mappings", "Mappings")],
        default="events",
        readonly=True,
    )
    after_id = fields.Integer(readonly=True)
    end_id = fields.Integer(
        "Up to ledger row",
        readonly=True,
        help="The last row ever made when the check began; it may be gone.",
    )
    event_count = fields.Integer("Ledger rows", readonly=True)
    mapping_count = fields.Integer("Mappings", readonly=True)
    fault_count = fields.Integer("Faults", readonly=True)
    key_gone_count = fields.Integer(
        "Key gone",
        readonly=True,
        help="Rows of the ledger that an earlier check has recomputed and this one "
        "cannot, since their key is not in the key file any more. Their order was "
        "checked.",
    )
    finished_at = fields.Datetime("Finished", readonly=True)
    fault_ids = fields.One2many("g2p.spar.ledger.fault", "check_id", readonly=True)

    # ------------------------------------------------------------------ starting

    def action_verify(self):
        """Start a check, or go on with the one that is running. The button stands above
        the list: what is chosen there does not matter."""
        if not any(self.env.user.has_group(group) for group in CHECKERS):
            raise AccessError(
                self.env._("Only auditors and administrators verify the ledger.")
            )
        # sudo: results are for reading only; the right to start was just checked
        check = self.sudo()._start()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "g2p_spar_mapper.g2p_spar_ledger_check_action"
        )
        return action | {"views": [(False, "form")], "res_id": check.id}

    @api.model
    def _cron_verify(self):
        self._start()

    @api.model
    def _start(self):
        check = self.search([("state", "=", "running")], limit=1)
        if not check:
            ((end_id,),) = self.env.execute_query(SQL(LAST_ROW))
            check = self.create({"end_id": end_id})
            check._enqueue()
        elif check.write_date < fields.Datetime.now() - STALLED:
            check._enqueue()
        return check

    def _enqueue(self):
        self.with_delay(
            description=self.env._("Check of the ledger"),
            identity_key=f"spar-check-{self.id}-{self.phase}-{self.after_id}",
            max_retries=0,
            priority=PRIORITY,
        )._job_check(self.phase, self.after_id)

    def _job_check(self, phase, after_id):
        """Check the next chunk and queue the one behind it.

        :param str phase: where the job shall begin; it does nothing when the check has
            gone on since
        :param int after_id:
        """
        # sudo: whoever queued the job was checked then
        check = self.sudo()
        if not check.exists() or check.state != "running":
            return
        if (check.phase, check.after_id) != (phase, after_id):
            return
        check._work()
        if check.state == "running":
            check._enqueue()

    # ------------------------------------------------------------------ work

    def _work(self):
        # fails on a server that lacks a key in use, which would take rows for forged
        self.env["g2p.spar.mapper"]._lookup_key_ids()
        if self.phase == "events":
            self._check_events()
        else:
            self._check_mappings()

    def _check_events(self):
        first_id = self.after_id - self.after_id % BLOCK
        block = self.env["g2p.spar.ledger.block"].search([("first_id", "=", first_id)])
        memory = block._recall()
        checked = check_events(self.env, first_id, first_id + BLOCK, memory.seen)
        missing = sorted(memory.seen.keys() - checked.seen.keys())
        faults = checked.faults + [Fault("deleted", 0, id_) for id_ in missing]
        is_lost = self._is_lost(memory, first_id)
        if is_lost:
            faults.append(Fault("block", 0, first_id))
        if not (block and is_lost):
            # what is missing is remembered, too: every check names it
            block._remember(first_id, memory.add(self.id, checked.seen))
        self._note(faults)
        self.event_count += checked.count
        self.key_gone_count += checked.key_gone
        self.after_id = first_id + BLOCK
        if self.after_id > self.end_id:
            self._note(find_strays(self.env, self.after_id))
            self.write({"phase": "mappings", "after_id": 0})

    def _is_lost(self, memory, first_id):
        """Whether this is not what the last check of these rows remembered."""
        domain = [("state", "!=", "running"), ("end_id", ">=", first_id)]
        last = self.search(domain, limit=1)
        return memory.check_id is not None and memory.check_id < (last.id or 0)

    def _check_mappings(self):
        checked = check_mappings(self.env, self.after_id)
        self._note(checked.faults)
        self.mapping_count += checked.count
        self.after_id = checked.last_id
        if not checked.last_id:
            state = "faulty" if self.fault_count else "sound"
            self.write({"state": state, "finished_at": fields.Datetime.now()})
            if self.fault_count:
                _logger.error(
                    "Check %s of the ledger found %s faults", self.id, self.fault_count
                )

    def _note(self, faults):
        room = max(MAX_FAULTS - self.fault_count, 0)
        self.env["g2p.spar.ledger.fault"].create(
            [fault._asdict() | {"check_id": self.id} for fault in faults[:room]]
        )
        self.fault_count += len(faults)


class G2pSparLedgerFault(models.Model):
    """One thing that is not as the registry left it; carries no value of it."""

    _name = "g2p.spar.ledger.fault"
    _description = "SPAR Fault in the Ledger"
    _order = "id"
    _rec_name = "masked"

    check_id = fields.Many2one(
        "g2p.spar.ledger.check", required=True, index=True, ondelete="cascade"
    )
    kind = fields.Selection(KINDS, "What", required=True)
    # numbers, not links: what they name may be gone
    mapping_id = fields.Integer(aggregator=None)
    event_id = fields.Integer("Ledger row", aggregator=None)
    masked = fields.Char("ID (masked)")


class G2pSparLedgerBlock(models.Model):
    """Which rows of the ledger the last check saw, for a range of ids."""

    _name = "g2p.spar.ledger.block"
    _description = "SPAR Memory of Ledger Checks"
    _log_access = False

    first_id = fields.Integer(required=True)
    seen = fields.Text(required=True)
    key_id = fields.Char(required=True)
    hash = fields.Char(required=True)

    _first_id_uniq = models.Constraint("UNIQUE(first_id)", "One for each range.")

    def init(self):
        keep_rows(self, ("DELETE",))

    def _recall(self):
        """What is remembered: nothing, as of before any check, if it was changed.

        :rtype: Memory
        """
        if not self:
            return Memory(0, {})
        if not self._is_genuine():
            return Memory(-1, {})
        return read_memory(self.first_id, self.seen)

    def _is_genuine(self):
        try:
            return sign_memory(self.first_id, self.seen, self.key_id) == self.hash
        except SparConfigurationError:
            return False  # every check signs anew, long before a key is taken away

    def _remember(self, first_id, memory):
        seen = write_memory(first_id, memory)
        vals = {
            "seen": seen,
            "key_id": get_keyring().current,
            "hash": sign_memory(first_id, seen),
        }
        if self:
            self.write(vals)
        else:
            self.create(vals | {"first_id": first_id})
