# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import schwifty_source
from ..exceptions import SparError


class SparFspImportWizard(models.TransientModel):
    """Fills the directory with the banks of one country."""

    _name = "g2p.spar.fsp.import.wizard"
    _description = "Import banks of a country"

    country_id = fields.Many2one(
        "res.country", required=True, domain="[('code', 'in', country_codes)]"
    )
    country_codes = fields.Json(compute="_compute_country_codes")
    state = fields.Selection([("choose", "Choose"), ("done", "Done")], default="choose")
    line_ids = fields.One2many("g2p.spar.fsp.import.wizard.line", "wizard_id")

    @api.depends_context("uid")
    def _compute_country_codes(self):
        self.country_codes = schwifty_source.get_countries()

    def action_import(self):
        self.ensure_one()
        try:
            report = self.env["g2p.spar.fsp"]._import_schwifty(self.country_id.code)
        except SparError as err:
            raise UserError(err.message) from err
        lines = [
            (self.env._("Providers"), report.providers, 0, False),
            (self.env._("Branches"), report.branches, 0, False),
        ]
        lines += [
            (self.env._("Left out"), {}, count, reason)
            for reason, count in sorted(report.skipped.items())
        ]
        self.line_ids = [
            fields.Command.create(
                {
                    "name": name,
                    "new": counts.get("new", 0),
                    "updated": counts.get("updated", 0),
                    "unchanged": counts.get("unchanged", 0),
                    "skipped": skipped,
                    "reason": reason,
                }
            )
            for name, counts, skipped, reason in lines
        ]
        self.state = "done"
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import banks"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_open_providers(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "g2p_spar_bank_directory.g2p_spar_fsp_action"
        )
        action["domain"] = [("country_id", "=", self.country_id.id)]
        return action


class SparFspImportWizardLine(models.TransientModel):
    """One line of the report of an import."""

    _name = "g2p.spar.fsp.import.wizard.line"
    _description = "Result of a bank import"

    wizard_id = fields.Many2one("g2p.spar.fsp.import.wizard", ondelete="cascade")
    name = fields.Char("Entries")
    new = fields.Integer()
    updated = fields.Integer()
    unchanged = fields.Integer()
    skipped = fields.Integer()
    reason = fields.Char()
