# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.fields import Domain

from ..lean_many2one import LeanMany2one
from ..triggers import keep_rows
from .mapping import CHANNELS


class G2pSparMappingEvent(models.Model):
    """One change of a mapping: who did what, when, through which door and for what.

    Append-only: written in the same transaction as the change, and a database trigger
    refuses to change or remove a row, whoever asks.
    """

    _name = "g2p.spar.mapping.event"
    _inherit = ["g2p.spar.service.written"]
    _description = "SPAR Ledger"
    _order = "id desc"
    _log_access = False
    _rec_names_search = ["lookup"]

    at = fields.Datetime("When", required=True)
    verb = fields.Selection(
        [
            ("link", "Linked"),
            ("update", "Changed"),
            ("unlink", "Removed"),
            ("freeze", "Frozen"),
            ("restore", "Restored"),
            ("reveal", "Shown"),
        ],
        "What",
        required=True,
    )
    mapping_id = LeanMany2one(
        "g2p.spar.mapping",
        required=True,
        ondelete="restrict",
        help="The period that was opened; else the one that this is about.",
    )
    previous_mapping_id = LeanMany2one(
        "g2p.spar.mapping",
        index="btree_not_null",
        ondelete="restrict",
        help="The period that a change closed.",
    )
    id_type_id = fields.Many2one(related="mapping_id.id_type_id", string="ID type")
    key_id = fields.Char(
        required=True,
        groups=fields.NO_ACCESS,
        help="Which key of the key ring made the hash of this row.",
    )
    id_masked = fields.Char("ID (masked)", required=True)
    channel = fields.Selection(CHANNELS, required=True)
    user_id = fields.Many2one("res.users", ondelete="restrict")
    client_id = LeanMany2one("g2p.spar.client", "API client", ondelete="restrict")
    actor_name = fields.Char("Who", compute="_compute_actor_name", compute_sudo=True)
    purpose = fields.Char()
    transaction = fields.Char(help="The caller's transaction or change reference.")
    reference = fields.Char(help="The caller's reference of this item.")
    reason = fields.Char(help="Why, in the words of the person who did it.")
    consent = fields.Char(
        help="Reference of the consent that a provider named when it took over a "
        "mapping of another provider."
    )
    old_masked = fields.Char("Old account")
    old_provider = fields.Char()
    new_masked = fields.Char("New account")
    new_provider = fields.Char()
    previous_hash = fields.Char(
        groups=fields.NO_ACCESS, help="Hash of the row before in the same chain."
    )
    hash = fields.Char(
        required=True, groups=fields.NO_ACCESS, help="Keyed hash over this row."
    )

    old_account = fields.Char("From", compute="_compute_accounts")
    new_account = fields.Char("To", compute="_compute_accounts")
    lookup = fields.Char(
        "ID or last digits",
        compute="_compute_lookup",
        search="_search_lookup",
        help="Finds the changes of a mapping: see there.",
    )

    # how many accounts somebody has looked at within the hour
    _reveal_idx = models.Index("(user_id, at) WHERE verb = 'reveal'")

    _mapping_id_idx = models.Index("(mapping_id, id)")

    def init(self):
        keep_rows(self, ("UPDATE", "DELETE"))

    @api.depends("verb", "id_masked")
    def _compute_display_name(self):
        verbs = dict(self._fields["verb"]._description_selection(self.env))
        for event in self:
            event.display_name = f"{event.id_masked}: {verbs.get(event.verb)}"

    @api.depends("user_id", "client_id")
    def _compute_actor_name(self):
        for event in self:
            event.actor_name = event.client_id.name or event.user_id.name

    @api.depends("old_masked", "old_provider", "new_masked", "new_provider")
    def _compute_accounts(self):
        for event in self:
            event.old_account = self._join(event.old_provider, event.old_masked)
            event.new_account = self._join(event.new_provider, event.new_masked)

    @staticmethod
    def _join(provider, masked):
        return " · ".join(part for part in (masked, provider) if part)

    def _compute_lookup(self):
        self.lookup = False

    @api.model
    def _search_lookup(self, operator, value):
        mappings = self.env["g2p.spar.mapping"]
        domain = mappings._search_lookup(operator, value)
        if domain is NotImplemented:
            return NotImplemented
        found = mappings._search(domain)
        return Domain("mapping_id", "in", found) | Domain(
            "previous_mapping_id", "in", found
        )
