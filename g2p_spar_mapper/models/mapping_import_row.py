# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.tools import SQL, LazyTranslate

from odoo.addons.g2p_spar_bank_directory.exceptions import SparError

from ..import_guess import HEADERS
from ..sealed_field import SealedJson

_lt = LazyTranslate(__name__)

#: what a column of the file can be
TARGETS = [
    ("id", "ID"),
    ("id_type", "ID type"),
    ("fa", "Financial address"),
    ("account_type", "Kind of account"),
    ("provider", "Provider (code, BIC or name)"),
    ("branch", "Branch (code or name)"),
    ("number", "Account number, phone or e-mail"),
    ("name", "Holder name"),
    ("phone", "Contact phone"),
    ("reference", "Reference"),
]
if {target for target, _label in TARGETS} != HEADERS.keys():
    raise ValueError("Each target has headers by which it is guessed.")

REASONS = [
    ("cells", "More cells than the first row"),
    ("missing", "The cell is empty"),
    ("altered", "The spreadsheet has made something else of it"),
    ("invalid", "Not written as it should be"),
    ("unknown", "The directory does not know it"),
    ("unclear", "Several entries of the directory have this name"),
    ("duplicate", "Same ID in another row"),
    ("linked", "The ID has another account already"),
    ("not_linked", "The ID has no account yet"),
    ("frozen", "The account of this ID is frozen"),
    ("changed_since", "Changed by somebody else since the check"),
    ("unreadable", "What is stored cannot be read"),
    ("retry", "Could not be stored"),
]

#: reason -> what to do about it, for the error file
ADVICE = {
    "cells": _lt(
        "The row has more cells than the first one. Put quotation marks around a text"
        " that holds the separator."
    ),
    "missing": _lt("The cell is empty and must not be."),
    "altered": _lt(
        "The spreadsheet has shortened or rounded this number, has made a date of it,"
        " shows it with other digits or signs than it keeps, or shows an error. Format"
        " the column as text and type it again."
    ),
    "invalid": _lt("This is not written as it should be."),
    "unknown": _lt("The directory has no such entry. Write its code."),
    "unclear": _lt("Several entries have this name. Write the code instead."),
    "linked": _lt("The ID has another account already; this import only adds."),
    "not_linked": _lt("The ID has no account yet; this import only changes."),
    "frozen": _lt("The account of this ID is frozen. An officer has to lift that."),
    "changed_since": _lt(
        "Somebody else linked, changed or removed the account after the check. That"
        " newer change stays."
    ),
    "unreadable": _lt(
        "What is stored was changed outside of the registry. Tell its operator."
    ),
    "retry": _lt("The row could not be stored. Import it again."),
}


class G2pSparImportRow(models.Model):
    """One row of a file: what it would do, and what became of it.

    Written by statements on whole chunks. The content is sealed and goes as soon as it
    was applied; nobody has a right on it.
    """

    _name = "g2p.spar.import.row"
    _inherit = ["g2p.spar.service.written"]
    _description = "SPAR Import Row"
    _order = "import_id, line"
    _rec_name = "line"
    _log_access = False

    import_id = fields.Many2one("g2p.spar.import", required=True, ondelete="cascade")
    line = fields.Integer("Row", required=True, aggregator=None)
    plan = fields.Selection(
        [
            ("new", "New"),
            ("changed", "Changed"),
            ("same", "Identical"),
            ("rejected", "Rejected"),
        ],
        "Check",
        required=True,
    )
    outcome = fields.Selection(
        [
            ("done", "Applied"),
            ("refused", "Not applied"),
            ("undone", "Put back"),
            ("kept", "Kept"),
        ],
    )
    part = fields.Selection(TARGETS, "Column")
    reason = fields.Selection(REASONS)
    other_line = fields.Integer("Other row", aggregator=None)
    id_key = fields.Char(groups=fields.NO_ACCESS)
    fa_key = fields.Char(groups=fields.NO_ACCESS)
    item = SealedJson(help="Import, row, ID, address, name, phone and reference.")
    live_id = fields.Integer(
        groups=fields.NO_ACCESS, help="The mapping that the check found."
    )
    mapping_id = fields.Integer(
        groups=fields.NO_ACCESS, help="The mapping that the run has opened."
    )

    _line_uniq = models.UniqueIndex("(import_id, line)")
    _reason_idx = models.Index("(import_id, line) WHERE reason IS NOT NULL")

    @api.model
    def _insert_rows(self, load, rows):
        """Stage rows, with one statement.

        :param load: the import
        :param list[tuple] rows: line, plan, part, reason, id_key, fa_key, item (list or
            None), live_id
        """
        if not rows:
            return
        seal = self._fields["item"].seal
        columns = [list(column) for column in zip(*rows, strict=True)]
        ids = self._next_ids(len(rows))
        # of another line or import an item does not count: see _open_item
        columns[6] = [
            item and seal([load.id, line, *item], id_)
            for id_, line, item in zip(ids, columns[0], columns[6], strict=True)
        ]
        kinds = ("int4", "int4", *["text"] * 6, "int4")
        load._execute(
            SQL(
                "INSERT INTO g2p_spar_import_row (import_id, id, line, plan, part,"
                " reason, id_key, fa_key, item, live_id) SELECT %s, * FROM unnest(%s)",
                load.id,
                SQL(", ").join(
                    SQL("%s::%s[]", column, SQL(kind))
                    for column, kind in zip([ids, *columns], kinds, strict=True)
                ),
            )
        )

    @api.model
    def _open_item(self, load, row_id, line, sealed):
        """What was staged.

        :param load: the import
        :param int row_id: id of the staged row
        :param int line: row of the file
        :param str sealed: column ``item``
        :return: ID, address, name, phone and reference; None if the row was changed
            outside of the registry
        """
        try:
            owner, place, *item = self._fields["item"].open(sealed, row_id)
        except SparError:
            return None
        return item if (owner, place) == (load.id, line) else None

    @api.model
    def _record_outcomes(self, load, rows):
        """Note what became of staged rows and forget their content.

        :param list[tuple] rows: line, outcome, reason, mapping_id
        """
        if not rows:
            return
        columns = [list(column) for column in zip(*rows, strict=True)]
        load._execute(
            SQL(
                """
                UPDATE g2p_spar_import_row r
                   SET outcome = i.outcome, reason = i.reason, item = NULL,
                       mapping_id = i.mapping_id
                  FROM unnest(%s::int[], %s::text[], %s::text[], %s::int[])
                       AS i(line, outcome, reason, mapping_id)
                 WHERE r.import_id = %s AND r.line = i.line
                """,
                *columns,
                load.id,
            )
        )

    def _get_advice(self, reason, other_line):
        """The sentence of the error file about a reason."""
        if reason == "duplicate":
            return self.env._("The same ID stands in row %s, too.", other_line)
        return self.env._(ADVICE[reason])
