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


class Unwritten(str):
    """A value in the ORM's cache that is not in its row yet: sealed for no row. What
    was read from a row is a plain text there, sealed for that row."""


class Sealed:
    """Keeps a value sealed in the database and in the ORM's cache.

    ``record.field`` opens it. Unless ``groups`` says otherwise nobody has a right on
    the field, and then nothing else gives the value, not even :meth:`read` with full
    rights. It cannot be searched (but for being set), grouped, sorted or exported,
    and is not copied. A value opens only in its own row and column: whoever can write
    to the database cannot give it to another row.

    :raise SparIntegrityError: (when read) the column was changed by others
    """

    copy = False
    exportable = False
    groups = fields.NO_ACCESS
    falsy_value = None  # an empty text is kept as NULL

    # ------------------------------------------------------- for statements in SQL

    def seal(self, value, row_id):
        """:return: what the column of a row holds for a value; None for an empty one"""
        if not value:
            return None
        return get_keyring().seal(self._place(row_id), self._pack(value))

    def open(self, token, row_id):
        """:return: the value behind what the column of a row holds; None for NULL"""
        if token is None:
            return None
        return self._unpack(get_keyring().open(self._place(row_id), token))

    def _place(self, row_id):
        return f"{self.model_name}.{self.name}:{row_id}"

    @staticmethod
    def _pack(value):
        return value.encode()

    @staticmethod
    def _unpack(raw):
        return raw.decode()

    # ---------------------------------------------------------- the ORM's protocol

    def convert_to_cache(self, value, record, validate=True):
        value = super().convert_to_cache(value, record, validate)
        return Unwritten(self.seal(value, None)) if value else None

    def convert_to_record(self, value, record):
        if value is None:
            return False
        row_id = None if isinstance(value, Unwritten) else record.id
        return self.open(value, row_id)

    def convert_to_column(self, value, record, values=None, validate=True):
        return self.convert_to_cache(value, record, validate)  # to compare with empty

    def convert_to_column_insert(self, value, record, values=None, validate=True):
        # the row has its id already: see Base._create; our own convert_to_cache() would
        # seal the value for no row
        # pylint: disable-next=super-method-mismatch
        value = super().convert_to_cache(value, record, validate)
        return self.seal(value, values["id"])

    def get_column_update(self, record):
        value = record.env.transaction.field_data[self][record.id]
        return self.seal(self.convert_to_record(value, record), record.id)

    def convert_to_read(self, value, record, use_display_name=True):
        if value and self._is_closed:
            return HIDDEN
        return super().convert_to_read(value, record, use_display_name)

    def convert_to_write(self, value, record):
        # assigned to a record, it is written as it is: only readers get HIDDEN
        value = self.convert_to_cache(value, record, validate=False)
        return self.convert_to_record(value, record)

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
