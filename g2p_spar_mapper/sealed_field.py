# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Fields whose columns hold what only the server's key ring can read.

A dump of the database shows ``key id:base64`` and nothing of the value, and two equal
values look different. Where equal values have to be found, a keyed hash stands in a
column of its own beside the sealed one.
"""

import json

from odoo import fields
from odoo.exceptions import UserError

from .keyring import get_keyring

#: what ``read`` gives for a value that nobody may read
HIDDEN = "••••"


class Sealed:
    """Keeps a value sealed in the database and in the ORM's cache.

    ``record.field`` opens it. Unless ``groups`` says otherwise nobody has a right on
    the field, and then nothing else gives the value, not even :meth:`read` with full
    rights. It cannot be searched (but for being set), grouped, sorted or exported,
    and is not copied. A value opens only in its own model and field.

    :raise SparIntegrityError: (when read) the column was changed by others
    """

    copy = False
    exportable = False
    groups = fields.NO_ACCESS
    falsy_value = None  # an empty text is kept as NULL

    # ------------------------------------------------------- for statements in SQL

    def seal(self, value):
        """:return: what the column holds for ``value``; None for an empty one"""
        if not value:
            return None
        return get_keyring().seal(self._context, self._pack(value))

    def open(self, token):
        """:return: the value behind what the column holds; None for NULL"""
        if token is None:
            return None
        return self._unpack(get_keyring().open(self._context, token))

    @property
    def _context(self):
        return f"{self.model_name}.{self.name}"

    @staticmethod
    def _pack(value):
        return value.encode()

    @staticmethod
    def _unpack(raw):
        return raw.decode()

    # ---------------------------------------------------------- the ORM's protocol

    def convert_to_cache(self, value, record, validate=True):
        return self.seal(super().convert_to_cache(value, record, validate))

    def convert_to_record(self, value, record):
        return False if value is None else self.open(value)

    def convert_to_column(self, value, record, values=None, validate=True):
        return self.convert_to_cache(value, record, validate)

    def get_column_update(self, record):
        return record.env.transaction.field_data[self][record.id]

    def convert_to_read(self, value, record, use_display_name=True):
        if value and self._is_closed:
            return HIDDEN
        return super().convert_to_read(value, record, use_display_name)

    def convert_to_display_name(self, value, record):
        return HIDDEN if value else False

    def convert_to_export(self, value, record):
        raise UserError(
            record.env._(
                "“%s” is kept sealed and cannot be exported.",
                self._description_string(record.env),
            )
        )

    @property
    def _is_closed(self):
        return self.groups == fields.NO_ACCESS

    # ------------------------------------------------------- searching and grouping

    _description_searchable = False

    def _description_sortable(self, env):
        return False

    def _description_groupable(self, env):
        return False

    def condition_to_sql(self, field_expr, operator, value, model, alias, query):
        self.refuse_unless_empty(model, operator, value)
        return super().condition_to_sql(
            field_expr, operator, value, model, alias, query
        )

    def filter_function(self, records, field_expr, operator, value):
        self.refuse_unless_empty(records, operator, value)
        return super().filter_function(records, field_expr, operator, value)

    def refuse_unless_empty(self, model, operator, value):
        """:raise UserError: the condition asks for more than set or not set"""
        model._check_field_access(self, "read")
        if operator not in ("in", "not in") or any(value):
            self.refuse(model)

    def refuse(self, model):
        """:raise UserError: always; quotes no value"""
        raise UserError(
            model.env._(
                "“%s” is kept sealed: it cannot be searched, grouped or sorted.",
                self._description_string(model.env),
            )
        )


class SealedChar(Sealed, fields.Char):
    """A line of text, sealed."""


class SealedText(Sealed, fields.Text):
    """Longer text, sealed."""


class SealedJson(Sealed, fields.Json):
    """A JSON document, sealed."""

    _column_type = ("text", "text")

    @staticmethod
    def _pack(value):
        return json.dumps(value, ensure_ascii=False).encode()

    @staticmethod
    def _unpack(raw):
        return json.loads(raw)


def is_sealed(field):
    """Whether values of this field stand sealed in its column."""
    return isinstance(field, Sealed)
