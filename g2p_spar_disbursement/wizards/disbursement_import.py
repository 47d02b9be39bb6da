# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import base64
import binascii

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import split_every

from odoo.addons.g2p_spar_bank_directory.csv_cells import to_csv
from odoo.addons.g2p_spar_mapper import parameters
from odoo.addons.g2p_spar_mapper.sealed_field import SealedText

from .. import payment_list

MAX_ROWS = 1_000_000  #: default limit of a list
INSERT = 5000  #: payments per INSERT statement
SHOWN = 100  #: errors listed on the screen; the file has them all


class DisbursementImport(models.TransientModel):
    """Turns an uploaded or pasted list into a disbursement: all of it or nothing.

    The uploaded file stays, sealed, only as long as there are errors to correct; a
    successful import deletes this record with the file.
    """

    _name = "g2p.spar.disbursement.import"
    _inherit = ["g2p.spar.typed.text"]
    _description = "Upload a Payment List"

    name = fields.Char(required=True, help="For example: Cash grant, May.")
    programme = fields.Char(help="Whose money it is.")
    currency_id = fields.Many2one(
        "res.currency",
        required=True,
        default=lambda self: self.env.company.currency_id,
    )
    scheduled_date = fields.Date("Payment Date")
    note = fields.Text()
    source = fields.Selection(
        [("file", "Upload a file"), ("text", "Paste the list")],
        required=True,
        default="file",
    )
    file = fields.Binary(
        compute="_compute_file", inverse="_inverse_file", compute_sudo=True
    )
    content = SealedText(help="The uploaded file as base64.")
    file_name = fields.Char()
    text = SealedText("List", groups=None)
    duplicates = fields.Selection(
        [
            ("refuse", "Report them as errors"),
            ("first", "Pay the first line, mark the others as not payable"),
        ],
        string="An ID that stands twice",
        required=True,
        default="refuse",
    )
    error_count = fields.Integer(readonly=True)
    errors = fields.Html(readonly=True)
    error_file = fields.Binary(attachment=False, readonly=True)
    error_file_name = fields.Char(default="errors.csv", readonly=True)

    @api.depends("content")
    def _compute_file(self):
        for upload in self:
            upload.file = upload.content

    def _inverse_file(self):
        for upload, upload_sudo in zip(self, self.sudo(), strict=True):
            upload_sudo.content = upload.file

    def action_import(self):
        """Import the list and open it, or show all that is wrong with it."""
        self.ensure_one()
        payments, duplicates, problems = self._read_list()
        if problems:
            self._show_problems(problems)
            return self._reopen()
        batch = self._create_disbursement(payments, duplicates)
        self.unlink()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "g2p_spar_disbursement.g2p_spar_disbursement_action"
        )
        return {**action, "views": [(False, "form")], "res_id": batch.id, "context": {}}

    def action_discard(self):
        """Close the dialog and delete the uploaded file at once."""
        self.unlink()
        return {"type": "ir.actions.act_window_close"}

    # -------------------------------------------------------------- reading

    def _read_list(self):
        """Read the whole list and find all that is wrong with it.

        :return: the payment list, {line that repeats an ID: line of the first} and the
            problems; the first two mean nothing when there is a problem
        """
        limit = parameters.number(
            self.env, "max_rows", MAX_ROWS, prefix="g2p_spar_disbursement."
        )
        try:
            payments = payment_list.parse(
                self._get_text(),
                self.currency_id.decimal_places,
                limit,
                self.currency_id.name,
            )
        except payment_list.ListError as err:
            return None, {}, [payment_list.Problem(0, "", err.message)]
        duplicates = self._find_duplicates(payments.rows)
        problems = payments.problems
        if self.duplicates == "refuse":
            problems = sorted(
                problems
                + [
                    payment_list.Problem(
                        line,
                        "id",
                        self.env._("The ID stands on line %s already.", first),
                    )
                    for line, first in duplicates.items()
                ],
                key=lambda problem: problem.line,
            )
        return payments, duplicates, problems

    def _get_text(self):
        """What was uploaded or pasted.

        :raise ListError: nothing given, or not a text file
        """
        if self.source == "text":
            return self.text or ""
        if not self.file:
            raise payment_list.ListError(self.env._("Choose a file first."))
        try:
            data = base64.b64decode(self.file, validate=False)
        except binascii.Error as err:
            raise payment_list.ListError(
                self.env._("The file did not arrive in one piece. Upload it again.")
            ) from err
        return payment_list.decode(data)

    def _find_duplicates(self, rows):
        """Two IDs are the same when the registry takes them for the same."""
        id_types = self.env["g2p.spar.id.type"]
        parsed = id_types._parse_ids([row.id for row in rows], strict=False)
        keys = [
            (known.id_type_id, known.value) if known else row.id
            for row, known in zip(rows, parsed, strict=True)
        ]
        return payment_list.find_duplicates(rows, keys)

    # -------------------------------------------------------------- results

    def _prepare_disbursement_vals(self):
        return {
            "name": self.name,
            "programme": self.programme,
            "currency_id": self.currency_id.id,
            "scheduled_date": self.scheduled_date,
            "note": self.note,
        }

    def _create_disbursement(self, payments, duplicates):
        """:return: the new disbursement with its lines and totals"""
        batch = self.env["g2p.spar.disbursement"].create(
            self._prepare_disbursement_vals()
        )
        # sudo: nobody has the right to write lines; the list is the caller's own
        Line = self.env["g2p.spar.disbursement.line"].sudo()
        for rows in split_every(INSERT, payments.rows):
            Line._insert_rows(batch, list(rows), duplicates)
        batch._refresh_totals()
        text = self.env._("%s payments imported.", batch.line_count)
        if payments.ignored:
            text += " " + self.env._(
                "Columns that were not used: %s.", ", ".join(payments.ignored[:10])
            )
        batch._post_event(text)
        return batch

    def _show_problems(self, problems):
        """Keep what is wrong, for the screen and as a file."""
        rows = [
            (problem.line or "", problem.column, self._get_reason(problem))
            for problem in problems
        ]
        headings = (self.env._("Line"), self.env._("Column"), self.env._("Error"))
        body = Markup("").join(
            Markup("<tr><td>%s</td><td>%s</td><td>%s</td></tr>") % row
            for row in rows[:SHOWN]
        )
        self.write(
            {
                "error_count": len(rows),
                "errors": Markup(
                    '<table class="table table-sm mb-0"><thead><tr><th>%s</th>'
                    "<th>%s</th><th>%s</th></tr></thead><tbody>%s</tbody></table>"
                )
                % (*headings, body),
                "error_file": base64.b64encode(to_csv([headings, *rows])),
            }
        )

    def _get_reason(self, problem):
        reason = problem.reason
        return reason if isinstance(reason, str) else self.env._(reason)

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Upload a Payment List"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }
