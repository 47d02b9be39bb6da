# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import string

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparError,
    SparIntegrityError,
)

from ..content import open_content
from ..lean_many2one import LeanMany2one
from ..lookup import refuse_operator
from ..triggers import keep_rows
from .id_type import VISIBLE

MIN_LAST = 3  #: fewer last characters would match too many people
LAST_CHARACTERS = string.ascii_letters + string.digits + "-_."

CHANNELS = [
    ("api", "API"),
    ("portal", "Portal"),
    ("staff", "Staff"),
    ("programme", "Programme"),
    ("import", "Import"),
]


class G2pSparMapping(models.Model):
    """One period in which one ID was linked with one financial address.

    An update closes a period and opens the next; an unlink closes it. Rows are written
    by ``g2p.spar.mapper`` only. ID and address themselves are not readable through the
    ORM; screens show the masked forms.
    """

    _name = "g2p.spar.mapping"
    _inherit = ["g2p.spar.service.written"]
    _description = "SPAR Mapping"
    _order = "id desc"
    _log_access = False
    _rec_names_search = ["lookup"]

    id_type_id = LeanMany2one(
        "g2p.spar.id.type", "ID type", required=True, ondelete="restrict"
    )
    id_key = fields.Char("ID key", required=True, groups=fields.NO_ACCESS)
    key_id = fields.Char(
        required=True,
        groups=fields.NO_ACCESS,
        help="Which key of the key ring made the keyed hashes of this row.",
    )
    sealed = fields.Text(
        required=True,
        groups=fields.NO_ACCESS,
        help="ID, address, name, phone and additional information, "
        "encrypted for this row.",
    )
    head = fields.Char(
        required=True,
        groups=fields.NO_ACCESS,
        help="Hash of the last ledger row of this period.",
    )
    id_masked = fields.Char("ID (masked)", required=True)
    id_last = fields.Char("Last digits of ID", required=True)
    fa_key = fields.Char("Account key", required=True, groups=fields.NO_ACCESS)
    fa_masked = fields.Char("Account", required=True)
    fa_last = fields.Char("Last digits of account", required=True)
    account_type_id = LeanMany2one(
        "g2p.spar.account.type", "Kind of account", ondelete="restrict"
    )
    strategy_id = LeanMany2one("g2p.spar.strategy", ondelete="restrict")
    fsp_id = LeanMany2one("g2p.spar.fsp", "Provider", ondelete="restrict")
    branch_id = LeanMany2one("g2p.spar.fsp.branch", "Branch", ondelete="restrict")
    fsp_code = fields.Char(
        "Provider code",
        help="As linked; stays when the directory does not know the provider.",
    )
    branch_code = fields.Char(help="As linked, like the provider code.")
    holder_name = fields.Char(
        "Holder", compute="_compute_holder_name", compute_sudo=True
    )
    state = fields.Selection(
        [("active", "Active"), ("frozen", "Frozen"), ("closed", "Past")],
        required=True,
    )
    opened_at = fields.Datetime("Since", required=True)
    closed_at = fields.Datetime("Until")
    channel = fields.Selection(CHANNELS, required=True)

    lookup = fields.Char(
        "ID or last digits",
        compute="_compute_lookup",
        search="_search_lookup",
        help="Finds a mapping by the whole ID, or by the last three or four characters "
        "of the ID or of the account.",
    )
    timeline_ids = fields.Many2many(
        "g2p.spar.mapping.event",
        compute="_compute_timeline_ids",
        help="All changes of the same ID, newest first.",
    )
    period_count = fields.Integer(compute="_compute_timeline_ids")

    # One live mapping per ID: the database decides who wins a race.
    _live_id_key_uniq = models.UniqueIndex(
        "(id_key) WHERE closed_at IS NULL", "This ID has a live mapping already."
    )
    # Takes a key in at half the cost of a B-tree. One account may be that of very many
    # IDs, though, and a hash index goes through all rows of a key before it adds one.
    _past_id_key_idx = models.Index("USING hash (id_key) WHERE closed_at IS NOT NULL")
    _fa_key_idx = models.Index("(fa_key) WHERE closed_at IS NULL")
    # Each B-tree costs every change of a mapping a twentieth of its time. These two are
    # for rare questions and cost next to nothing: one gathers new entries in a list
    # first, the other knows of each megabyte of rows whom it may be about.
    _endings_idx = models.Index("USING gin ((ARRAY[id_last, fa_last]))")
    _provider_idx = models.Index(
        "USING brin (fsp_id int4_bloom_ops, branch_id int4_bloom_ops)"
    )
    _closed_state = models.Constraint(
        "CHECK ((state = 'closed') = (closed_at IS NOT NULL))",
        "A mapping is past if and only if it has an end.",
    )

    def init(self):
        keep_rows(self, ("DELETE",))

    @api.depends("id_type_id", "id_masked")
    def _compute_display_name(self):
        for mapping in self:
            mapping.display_name = f"{mapping.id_type_id.name} {mapping.id_masked}"

    def _compute_lookup(self):
        self.lookup = False

    @api.model
    def _search_lookup(self, operator, value):
        """Find by the exact ID, with or without prefix and suffix, or by last digits.

        Never by a part of the ID that the mask hides: that would let a search guess
        an ID digit by digit.
        """
        if operator not in ("ilike", "like", "=", "in", "=ilike", "=like"):
            return refuse_operator(self.env, operator)
        terms = [value] if isinstance(value, str) else list(value or [])
        return Domain.OR(self._lookup_domain(term) for term in terms if term)

    @api.model
    def _lookup_domain(self, term):
        term = str(term).strip()
        id_types = self.env["g2p.spar.id.type"].sudo()
        id_types = id_types.search([("active", "=", True)])
        written = [term, *(id_type._wire_id(term) for id_type in id_types)]
        parsed = id_types._parse_ids(written, strict=False)
        parsed = [found for found in parsed if found]
        # the hash is not searchable for users; the rows it finds are
        keys = {
            key
            for key_id in self.env["g2p.spar.mapper"]._lookup_key_ids()
            for key in id_types._keys(parsed, key_id)
        }
        domain = Domain("id", "in", self._ids_of_keys(keys))
        if MIN_LAST <= len(term) <= VISIBLE and term.isprintable():
            # every possible ending, since only whole values are found by an index
            endings = [term]
            if len(term) < VISIBLE:
                endings += [character + term for character in LAST_CHARACTERS]
            domain |= self._endings_domain(endings)
        return domain

    @staticmethod
    def _endings_domain(endings):
        """Mappings whose ID or account ends so."""

        def to_sql(_model, alias, _query):
            columns = (SQL.identifier(alias, name) for name in ("id_last", "fa_last"))
            return SQL("ARRAY[%s] && %s::varchar[]", SQL(", ").join(columns), endings)

        return Domain.custom(to_sql=to_sql)

    @api.model
    def _ids_of_keys(self, id_keys):
        """All periods of these IDs. Live and past rows have an index each."""
        keys = Domain("id_key", "in", list(id_keys))
        live, past = Domain("closed_at", "=", False), Domain("closed_at", "!=", False)
        return self.sudo().search((keys & live) | (keys & past)).ids

    def _compute_timeline_ids(self):
        events = self.env["g2p.spar.mapping.event"]
        # sudo: what holds the periods of one ID together is not for users
        for mapping in self:
            periods = mapping.sudo()._get_periods()
            found = events.sudo().search([("mapping_id", "in", periods.ids)])
            mapping.timeline_ids = found.sudo(False)
            mapping.period_count = len(periods)

    def _get_periods(self):
        """All periods of the same ID, newest first. Needs the rights of the system.

        The keyed hash of the ID differs between periods while keys are changed.
        """
        self.ensure_one()
        try:
            id_keys = self.env["g2p.spar.mapper"]._id_keys(self._get_wire_id())
        except SparError:  # unreadable, or its type takes no such IDs any more
            id_keys = []
        return self.browse(self._ids_of_keys({self.id_key, *id_keys}))

    @api.depends("sealed")
    def _compute_holder_name(self):
        unreadable = self.env._("(changed outside of the registry)")
        for mapping in self:
            try:
                mapping.holder_name = mapping._get_content().name
            except SparIntegrityError:
                mapping.holder_name = unreadable

    def _get_content(self):
        """The clear values of this mapping. The caller checks the right to see them.

        :raise SparIntegrityError: the row was changed outside of the registry
        :rtype: Content
        """
        self.ensure_one()
        mapping_sudo = self.sudo()
        return open_content(
            self.id, mapping_sudo.id_key, mapping_sudo.fa_key, mapping_sudo.sealed
        )

    def _get_wire_id(self):
        """The ID as written, for floors above that act on this mapping.

        The caller checks the right to act before it asks; the ID is not for screens.

        :raise SparIntegrityError: the row was changed outside of the registry
        """
        self.ensure_one()
        return self.sudo().id_type_id._wire_id(self._get_content().id_value)

    def action_open_periods(self):
        """Show all periods of the same ID."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "g2p_spar_mapper.g2p_spar_mapping_action_periods"
        )
        return action | {
            "name": self.env._("Periods of %s", self.display_name),
            "domain": [("id", "in", self.sudo()._get_periods().ids)],
        }
