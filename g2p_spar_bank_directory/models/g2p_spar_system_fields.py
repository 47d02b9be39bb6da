# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools.misc import clean_context


class SparSystemFields(models.AbstractModel):
    """A record whose read-only fields are set by its own methods (as superuser) alone.

    ``readonly`` is a matter of screens: without this, a call by RPC writes a result or
    an approval, and so does a default in the caller's context.
    """

    _name = "g2p.spar.system.fields"
    _description = "SPAR Fields of the System"

    @api.model
    def _system_fields(self):
        """Names of the fields that callers cannot set.

        :rtype: set[str]
        """
        return {
            name
            for name, field in self._fields.items()
            if field.readonly and field.store
        }

    def _check_system_fields(self, vals):
        """:raise AccessError: values that would forge a result or an approval"""
        forged = self._system_fields() & vals.keys()
        if forged and not self.env.su:
            raise AccessError(
                self.env._(
                    "These fields are set by the system: %s", ", ".join(sorted(forged))
                )
            )

    @api.model_create_multi
    def create(self, vals_list):
        if self.env.su:
            return super().create(vals_list)
        for vals in vals_list:
            self._check_system_fields(vals)
        unswayed = self.with_env(self.env(context=clean_context(self.env.context)))
        return super(SparSystemFields, unswayed).create(vals_list)

    def write(self, vals):
        self._check_system_fields(vals)
        return super().write(vals)
