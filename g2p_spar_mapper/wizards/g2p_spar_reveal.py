# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import AddressError, SparError

from .. import parameters
from ..outcomes import Actor
from ..validation import MAX_TEXT, is_clean_text

REVEAL = "g2p_spar_mapper.group_spar_reveal"
#: a reason of fewer letters says nothing to an auditor
MIN_REASON = 10
PER_HOUR = 30
#: first key of the advisory lock that lets one person look at one mapping at a time
REVEAL_LOCK = 741903


class G2pSparReveal(models.TransientModel):
    """Asks for a reason and shows the whole ID and account of one mapping, once.

    The ledger has the event before anything is shown: both are in one transaction, and
    the answer leaves when it is committed. The clear values are in that answer alone;
    this model has no field for them.
    """

    _name = "g2p.spar.reveal"
    _inherit = ["g2p.spar.mapping.form"]
    _description = "Look at a Whole Account"

    mapping_id = fields.Many2one(required=True, ondelete="cascade")
    account = fields.Char(related="mapping_id.fa_masked", related_sudo=False)
    reason = fields.Char(
        required=True,
        size=MAX_TEXT,
        help="Kept in the ledger for good. Do not write IDs or account numbers here.",
    )

    def action_reveal(self):
        """Record the event, then give the clear values to the dialog that shows them.

        :raise AccessError: without the right, whoever else one is
        :raise UserError: no real reason, too many within an hour, or not readable
        """
        self.ensure_one()
        self._check_right()
        reason = " ".join((self.reason or "").split())
        if len(reason) < MIN_REASON or not is_clean_text(reason):
            raise UserError(
                self.env._(
                    "Reason: please say in at least %s characters why you have to see "
                    "this account.",
                    MIN_REASON,
                )
            )
        self._check_rate()
        # sudo: the service writes for whoever the caller let in
        mapper = self.env["g2p.spar.mapper"].sudo()
        actor = Actor(
            "staff", self.env.uid, purpose=self.env._("A look at the whole account")
        )
        try:
            mapper._record_reveal(self.mapping_id, actor, reason)
            values = self._get_clear_values()
        except SparError as err:
            raise UserError(err.message) from err
        name = self.mapping_id.display_name
        self.unlink()
        return {
            "type": "ir.actions.client",
            "tag": "g2p_spar_mapper.reveal",
            "params": {"name": name, "values": values},
        }

    def _check_right(self):
        """:raise AccessError: not this user's, no right to reveal or to read"""
        if not self.env.user.has_group(REVEAL):
            raise AccessError(
                self.env._("You do not have the right to see whole accounts.")
            )
        self.check_access("read")
        if self.create_uid != self.env.user:
            raise AccessError(self.env._("Somebody else has asked for this."))
        self._check_mapping()

    def _check_rate(self):
        """:raise UserError: this user has seen as many as are allowed in one hour"""
        limit = parameters.number(self.env, "reveals_per_hour", PER_HOUR)
        self.env.execute_query(
            SQL("SELECT pg_advisory_xact_lock(%s, %s)", REVEAL_LOCK, self.env.uid)
        )
        # Whoever had the lock before has committed: only a new transaction sees it.
        with self.env.registry.cursor() as cr:
            # sudo: the ledger is counted, not shown
            events = self.env(cr=cr)["g2p.spar.mapping.event"].sudo()
            seen = events.search_count(
                [
                    ("verb", "=", "reveal"),
                    ("user_id", "=", self.env.uid),
                    ("at", ">", fields.Datetime.now() - timedelta(hours=1)),
                ],
                limit=limit,
            )
        if seen >= limit:
            raise UserError(
                self.env._(
                    "You have looked at %s whole accounts within an hour. Try again "
                    "later, or ask your administrator.",
                    limit,
                )
            )

    def _get_clear_values(self):
        """What is shown: list of label and value.

        :raise SparIntegrityError: the row was changed outside of the registry
        """
        mapping = self.mapping_id
        content = mapping._get_content()
        account_types = self.env["g2p.spar.account.type"].sudo()
        (address,) = account_types._parse_addresses([content.fa], strict=False)
        is_readable = not isinstance(address, AddressError) and address.account_type_id
        shown = [
            (self.env._("Beneficiary ID"), mapping._get_wire_id()),
            (self.env._("Account"), address.number if is_readable else ""),
            (self.env._("Provider"), mapping.fsp_id.name or mapping.fsp_code),
            (self.env._("Account Holder"), content.name),
            (self.env._("Phone"), content.phone),
            (self.env._("Financial Address"), content.fa),
        ]
        return [{"label": label, "value": value} for label, value in shown if value]
