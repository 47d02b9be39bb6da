# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import fields

from .triggers import keep_referenced


class LeanMany2one(fields.Many2one):
    """A Many2one on the registry's hot write path: no foreign key, a trigger instead.

    A foreign key locks and checks the referenced row for each row that is inserted.
    That was measured as half of the time of a bulk link, and clients that link at once
    compete for the lock on one ID type. The service writes only ids that it has just
    read, so what has to stay of the foreign key is its other side: a referenced row can
    not be deleted (``ondelete`` is always "restrict").
    """

    def update_db_foreign_key(self, model, column):
        """Override: guard the referenced table instead of checking each row here."""
        keep_referenced(model, self)
