# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain

from ..schwifty_source import OFFICES, read_bank_code


class SparFsp(models.Model):
    """A financial service provider: a bank, mobile money or e-mail wallet operator."""

    _name = "g2p.spar.fsp"
    _inherit = ["g2p.spar.directory.mixin", "mail.thread"]
    _description = "Financial service provider"

    name = fields.Char(tracking=True)
    code = fields.Char(tracking=True)
    active = fields.Boolean(tracking=True)
    national_code = fields.Char(
        index="btree_not_null",
        help="The code the country's own payment system uses, for example a sort code.",
    )
    country_id = fields.Many2one("res.country", index=True, tracking=True)
    bank_id = fields.Many2one(
        "res.bank",
        string="Bank in contacts",
        index="btree_not_null",
        help="The same institution in Odoo's own list of banks.",
    )
    account_type_ids = fields.Many2many(
        "g2p.spar.account.type",
        string="Offers",
        help="The kinds of account people can hold here.",
    )
    branch_ids = fields.One2many("g2p.spar.fsp.branch", "fsp_id", string="Branches")
    branch_count = fields.Integer(compute="_compute_branch_count")

    _code_uniq = models.Constraint(
        "UNIQUE(code)", "Another provider already has this code."
    )

    @api.depends("branch_ids.active")
    def _compute_branch_count(self):
        counts = dict(
            self.env["g2p.spar.fsp.branch"]._read_group(
                [("fsp_id", "in", self.ids)], ["fsp_id"], ["__count"]
            )
        )
        for fsp in self:
            fsp.branch_count = counts.get(fsp, 0)

    def _match_fields(self):
        return ["code", "bic", "national_code", "name"]

    @api.model
    def _keepers(self, ibans):
        """Who keeps accounts, by the bank code within their IBANs.

        :param ibans: IBANs in normal form
        :return: ``{iban: codes of providers}``, only those that the directory knows
        """
        parts = {iban: read_bank_code(iban) for iban in ibans}
        codes = {part[1] for part in parts.values() if part}
        keepers = defaultdict(set)
        everywhere = self.with_context(active_test=False)
        for fsp in everywhere.search([("national_code", "in", codes)]):
            keepers[fsp.country_id.code, fsp.national_code].add(fsp.code)
        offices = [("code", "in", codes), ("fsp_id.country_id.code", "in", OFFICES)]
        for branch in everywhere.env["g2p.spar.fsp.branch"].search(offices):
            fsp = branch.fsp_id
            keepers[fsp.country_id.code, branch.code].add(fsp.code)
        return {iban: keepers[part] for iban, part in parts.items() if part in keepers}

    @api.model
    def _search_directory(self, term, account_type, limit=20, offset=0):
        """Providers a person may choose, those that begin with ``term`` first.

        :param str term: part of name, code or BIC; accents and capitals do not matter
        :param account_type: only providers that offer this type; empty for all
        :return: ``(providers, total)``
        """
        domain = Domain.TRUE
        if account_type:
            domain = Domain("account_type_ids", "in", account_type.ids)
        return self._search_entries(term, domain, limit, offset)
