# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, models
from odoo.exceptions import UserError


class SparTypedText(models.AbstractModel):
    """A form in which people type IDs, numbers and names.

    PostgreSQL stores neither NUL nor half a surrogate pair. Without this, whoever
    pastes one reads of a fault in the program instead of which field to correct.
    """

    _name = "g2p.spar.typed.text"
    _description = "SPAR Typed Text"

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_storable(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_storable(vals)
        return super().write(vals)

    @api.model
    def _check_storable(self, vals):
        """:raise UserError: naming the field whose text cannot be stored"""
        for name, value in vals.items():
            if isinstance(value, str) and not _is_storable(value):
                raise UserError(
                    self.env._(
                        "“%s” holds a character that cannot be stored. Type or paste "
                        "it again.",
                        self._fields[name]._description_string(self.env),
                    )
                )


def _is_storable(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
