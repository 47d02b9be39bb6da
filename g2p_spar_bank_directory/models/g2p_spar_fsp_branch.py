# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.fields import Domain


class SparFspBranch(models.Model):
    """One office of a provider that payments name."""

    _name = "g2p.spar.fsp.branch"
    _inherit = ["g2p.spar.directory.mixin"]
    _description = "Branch of a financial service provider"

    fsp_id = fields.Many2one(
        "g2p.spar.fsp",
        string="Provider",
        required=True,
        index=True,
        ondelete="cascade",
    )
    city = fields.Char()
    country_id = fields.Many2one(related="fsp_id.country_id")

    _code_uniq = models.Constraint(
        "UNIQUE(fsp_id, code)", "This provider already has a branch with this code."
    )
    _search_order_fsp = models.Index(
        '(fsp_id, search_text COLLATE "C", id) WHERE active IS TRUE'
    )

    def _search_text_fields(self):
        return [*super()._search_text_fields(), "city"]

    @api.depends("name", "city", "code")
    def _compute_display_name(self):
        for branch in self:
            name = branch.name or ""
            more = [branch.city, branch.code]
            branch.display_name = " · ".join(
                [name, *(text for text in more if text and text not in name)]
            )

    @api.model
    def _search_directory(self, term, fsp, limit=20, offset=0):
        """Branches a person may choose, those that begin with ``term`` first.

        :param str term: part of name, city, code or BIC
        :param fsp: only branches of this provider; empty for all
        :return: ``(branches, total)``
        """
        domain = Domain("fsp_id", "in", fsp.ids) if fsp else Domain.TRUE
        return self._search_entries(term, domain, limit, offset)
