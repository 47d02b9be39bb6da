# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from odoo.addons.g2p_spar_bank_directory.table_reader import header_name

from .mapping_import import MODES
from .mapping_import_row import TARGETS

#: what a profile keeps of an import beside the columns
KEPT = ("account_type_id", "fsp_id", "id_type_id", "mode", "has_header")


class G2pSparImportColumn(models.Model):
    """One column of an uploaded file and what it holds."""

    _name = "g2p.spar.import.column"
    _inherit = ["g2p.spar.system.fields"]
    _description = "SPAR Import Column"
    _order = "import_id, place"
    _log_access = False

    import_id = fields.Many2one(
        "g2p.spar.import", required=True, readonly=True, index=True, ondelete="cascade"
    )
    place = fields.Integer(required=True, readonly=True)
    header = fields.Char(readonly=True)
    sample = fields.Char("First cells", readonly=True)
    target = fields.Selection(TARGETS, "What it holds")
    letter = fields.Char("Column", compute="_compute_letter")

    _place_uniq = models.UniqueIndex("(import_id, place)")

    @api.depends("place")
    def _compute_letter(self):
        for column in self:
            number, letters = column.place + 1, ""
            while number:
                number, rest = divmod(number - 1, 26)
                letters = chr(65 + rest) + letters
            column.letter = letters

    @api.constrains("target")
    def _check_target_once(self):
        for load in self.import_id:
            targets = [t for t in load.column_ids.mapped("target") if t]
            if len(targets) != len(set(targets)):
                raise ValidationError(
                    self.env._("Two columns cannot hold the same thing.")
                )

    def write(self, vals):
        self.import_id._check_state("draft")
        return super().write(vals)


class G2pSparImportProfile(models.Model):
    """How files of one sender look, so that it is said only once."""

    _name = "g2p.spar.import.profile"
    _description = "SPAR Import Profile"
    _order = "name"

    name = fields.Char(required=True)
    targets = fields.Json(
        required=True, default=dict, help="Header (or place) -> what the column holds."
    )
    columns = fields.Text(compute="_compute_columns")
    account_type_id = fields.Many2one("g2p.spar.account.type", "Kind of account")
    fsp_id = fields.Many2one("g2p.spar.fsp", "Provider")
    id_type_id = fields.Many2one("g2p.spar.id.type", "ID type")
    mode = fields.Selection(MODES, "What to do")
    has_header = fields.Boolean("First row names the columns", default=True)

    _name_uniq = models.Constraint(
        "UNIQUE(name)", "There is already a profile with this name."
    )

    @api.depends("targets")
    def _compute_columns(self):
        labels = dict(
            self.env["g2p.spar.import.column"]
            ._fields["target"]
            ._description_selection(self.env)
        )
        for profile in self:
            profile.columns = "\n".join(
                f"{name}: {labels.get(target, target)}"
                for name, target in (profile.targets or {}).items()
            )

    def _apply(self, load):
        """Set the columns and constants of an import as this profile has them.

        Whether there are headers decides how the file is read, which is done before.
        """
        self.ensure_one()
        for name in KEPT:
            if name != "has_header" and self[name]:
                load[name] = self[name]
        if not load.column_ids:
            return
        targets = self.targets or {}
        for column in load.column_ids:
            column.target = targets.get(_key(column)) or False

    @api.model
    def _keep(self, load, name):
        """Save what an import says about its file under a name, new or old."""
        vals = {
            "targets": {
                _key(column): column.target
                for column in load.column_ids
                if column.target
            },
            **load._convert_to_write({field: load[field] for field in KEPT}),
        }
        profile = self.search([("name", "=", name)])
        if profile:
            profile.write(vals)
            return profile
        return self.create({"name": name, **vals})


class G2pSparImport(models.Model):
    _inherit = "g2p.spar.import"

    def action_keep_profile(self):
        """Save what was said about this file for the next one of its kind.

        :raise AccessError: not the uploader
        :raise UserError: nothing was said about the columns
        """
        self.ensure_one()
        self._check_mine()
        if not any(self.column_ids.mapped("target")):
            raise UserError(self.env._("Say first what the columns hold."))
        profiles = self.env["g2p.spar.import.profile"]
        name = self.profile_id.name or self.name
        self.sudo().profile_id = profiles._keep(self, name)
        return True


def _key(column):
    return header_name(column.header or "") or column.letter
