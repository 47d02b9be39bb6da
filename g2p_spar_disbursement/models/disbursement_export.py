# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import hashlib

from odoo import fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.csv_cells import to_csv
from odoo.addons.g2p_spar_bank_directory.exceptions import SparIntegrityError

PAGE = 5000  #: lines read at a time: the memory an export takes

#: file -> (states of its lines, {heading: SQL expression}); each state is in a file
FILES = {
    "payable": (
        ("payable",),
        {
            "id": SQL("line.id_value"),
            "amount": SQL("line.amount::text"),
            "currency": SQL("currency.name"),
            "fa": SQL("line.fa"),
            "account_type": SQL("type.code"),
            "provider_code": SQL("line.fsp_code"),
            "branch_code": SQL("line.branch_code"),
            "account_number": SQL("line.account_number"),
            "holder_name": SQL("line.holder_sealed"),
            "reference": SQL("line.reference"),
        },
    ),
    "not_payable": (
        ("not_payable", "pending"),
        {
            "line": SQL("line.line_no"),
            "id": SQL("line.id_value"),
            "amount": SQL("line.amount::text"),
            "currency": SQL("currency.name"),
            "reason": SQL("line.reason"),
            "explanation": SQL("line.message"),
            "provider": SQL("line.fsp_name"),
            "account": SQL("line.fa_masked"),
            "name": SQL("line.payee_sealed"),
            "reference": SQL("line.reference"),
        },
    ),
}

#: heading -> field of the line whose column is sealed
SEALED = {
    "id": "id_value",
    "fa": "fa",
    "account_number": "account_number",
    "holder_name": "holder_sealed",
    "name": "payee_sealed",
}


class Disbursement(models.Model):
    """Files for the payments officer: streamed, recorded, kept nowhere."""

    _inherit = "g2p.spar.disbursement"

    def action_export_payable(self):
        """Button: download the file that pays; from then on nothing changes."""
        return self._get_download("payable")

    def action_export_not_payable(self):
        """Button: download who is not payable, or not yet, and why."""
        return self._get_download("not_payable")

    def _get_download(self, file):
        self.ensure_one()
        self._check_may_export(file)
        return {
            "type": "ir.actions.client",
            "tag": "g2p_spar_disbursement.download",
            "params": {"url": f"/spar/disbursement/{self.id}/{file}.csv"},
        }

    def _check_may_export(self, file):
        """:raise AccessError: not the officer of this list
        :raise UserError: nothing to export, not resolved yet, or the file that pays is
            to leave while payments have no answer
        """
        self._check_own()
        if not self.env.user.has_group("g2p_spar_disbursement.group_spar_payments"):
            raise AccessError(self.env._("Only payments officers may export."))
        if self.state not in ("resolved", "exported"):
            raise UserError(self.env._("Resolve the disbursement before exporting it."))
        if not self._count_lines(file):
            raise UserError(self.env._("There is no payment to put into this file."))
        if file == "payable" and self.state == "resolved" and self.pending_count:
            # the first export closes the list: nobody could be asked about afterwards
            raise UserError(
                self.env._(
                    "%s of the payments have no answer from the mapper yet, and no line"
                    " can be resolved after the export. Resolve the lines again first;"
                    " or press “Close the Unanswered Payments”, and they will not be"
                    " paid.",
                    self.pending_count,
                )
            )

    def _count_lines(self, file):
        """How many payments go into a file."""
        states, _columns = FILES[file]
        return sum(self[f"{state}_count"] for state in states)

    def _open_export(self, file):
        """Check, record and describe one download.

        The event is written before the first byte leaves. Its digest lets anybody prove
        later which file was handed out, without keeping it.

        :param str file: key of :data:`FILES`
        :return: name of the file; read its content with :meth:`_iter_file`
        :raise AccessError, UserError: as :meth:`_check_may_export`, or a payment was
            changed outside of the registry
        """
        self.ensure_one()
        self._check_may_export(file)
        self._lock()
        digest = hashlib.sha256()
        try:
            for part in self._iter_file(file):
                digest.update(part)
        except SparIntegrityError as err:
            raise UserError(err.message) from err
        if file == "payable":
            self.sudo().write(
                {"state": "exported", "exported_at": fields.Datetime.now()}
            )
            text = self.env._(
                "Payable file handed out: %(count)s payments, SHA-256 %(digest)s.",
                count=self._count_lines(file),
                digest=digest.hexdigest(),
            )
        else:
            text = self.env._(
                "Report of payments that are not payable handed out: %(count)s lines,"
                " SHA-256 %(digest)s.",
                count=self._count_lines(file),
                digest=digest.hexdigest(),
            )
        self._post_event(text)
        return f"{self.reference.replace('/', '-')}-{file.replace('_', '-')}.csv"

    def _post_event(self, text):
        # sudo: an event is a fact; it does not depend on the right to write messages
        self.sudo().message_post(body=text)

    def _iter_file(self, file):
        """Yield the CSV in parts of :data:`PAGE` lines, at constant memory.

        Callers have checked with :meth:`_check_may_export`.

        :param str file: key of :data:`FILES`
        :rtype: Iterator[bytes]
        """
        states, columns = FILES[file]
        yield to_csv([columns])
        line_fields = self.env["g2p.spar.disbursement.line"]._fields
        openers = [
            line_fields[SEALED[heading]].open if heading in SEALED else None
            for heading in columns
        ]
        after = -1
        while True:
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT line.id, line.line_no, %s
                      FROM g2p_spar_disbursement_line line
                      JOIN res_currency currency ON currency.id = line.currency_id
                      LEFT JOIN g2p_spar_account_type type
                             ON type.id = line.account_type_id
                     WHERE line.disbursement_id = %s AND line.state IN %s
                       AND line.line_no > %s
                     ORDER BY line.line_no
                     LIMIT %s
                    """,
                    SQL(", ").join(columns.values()),
                    self.id,
                    states,
                    after,
                    PAGE,
                )
            )
            if rows:
                yield to_csv(
                    [
                        opener(value, line_id) if opener else value
                        for opener, value in zip(openers, values, strict=True)
                    ]
                    for line_id, _line_no, *values in rows
                )
                after = rows[-1][1]
            if len(rows) < PAGE:
                return
