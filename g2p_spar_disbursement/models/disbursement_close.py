# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..quiet_sql import execute_quietly


class Disbursement(models.Model):
    """Closing what has no answer: one ID must not keep everybody else from being paid,
    be it that the mapper leaves it out or that no message with it is answered at all.

    It is the officer's decision, never the program's, and it can be taken back until
    the payable file has left: resolving again asks about the closed payments, too.
    """

    _inherit = "g2p.spar.disbursement"

    def action_ask_close(self):
        """Button: say how many payments would not be paid, and ask.

        :return: the action that opens the question
        :rtype: dict
        :raise AccessError, UserError: as :meth:`action_close_unanswered`
        """
        self._check_may_close()
        view = self.env.ref(
            "g2p_spar_disbursement.g2p_spar_disbursement_view_form_close"
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Close the Unanswered Payments"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(view.id, "form")],
            "target": "new",
        }

    def action_close_unanswered(self):
        """Make the payments without an answer not payable, and record it.

        :return: the action that closes the question
        :rtype: dict
        :raise AccessError: not the officer of this list
        :raise UserError: nothing to close
        """
        self._check_may_close()
        self._lock()
        count = self.pending_count
        execute_quietly(
            self.env,
            SQL(
                """
                UPDATE g2p_spar_disbursement_line
                   SET state = 'not_payable', reason = 'unanswered'
                 WHERE disbursement_id = %s AND state = 'pending'
                """,
                self.id,
            ),
        )
        self.env["g2p.spar.disbursement.line"].invalidate_model()
        self._refresh_totals()
        if self.state == "failed":
            self.sudo().failure = False
            self._finish()
        self._post_event(
            self.env._("Closed: %s payments without an answer will not be paid.", count)
        )
        return {"type": "ir.actions.act_window_close"}

    def _check_may_close(self):
        self.ensure_one()
        self._check_own()
        if self.state not in ("failed", "resolved") or not self.pending_count:
            raise UserError(
                self.env._(
                    "Only when resolving is over, and before the export, can payments"
                    " without an answer be closed."
                )
            )
