# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..quiet_sql import execute_quietly
from .disbursement_line import ADVICE

#: states in which lines may still be asked about
OPEN_STATES = ("draft", "failed", "resolved")


class Disbursement(models.Model):
    """A list of IDs and amounts that a programme wants to pay.

    Its lines are written by the import and by the resolve jobs only, in SQL, a thousand
    and more at a time. The totals stand on this record, so that lists and forms never
    read lines.
    """

    _name = "g2p.spar.disbursement"
    _description = "SPAR Disbursement"
    _inherit = ["mail.thread", "g2p.spar.system.fields"]
    _order = "id desc"

    name = fields.Char(
        required=True, tracking=True, help="For example: Cash grant, May."
    )
    programme = fields.Char(
        help="Whose money it is. It goes into the mapper's records as the reason of "
        "the look-up.",
    )
    reference = fields.Char(readonly=True, copy=False, index=True, default="/")
    user_id = fields.Many2one(
        "res.users",
        string="Payments Officer",
        required=True,
        readonly=True,
        copy=False,
        index=True,
        default=lambda self: self.env.user,
        help="Who uploaded the list; nobody else sees its IDs or takes its accounts.",
    )
    currency_id = fields.Many2one(
        "res.currency",
        required=True,
        default=lambda self: self.env.company.currency_id,
    )
    scheduled_date = fields.Date("Payment Date", help="When the money is to be sent.")
    note = fields.Text()
    allow_unclear = fields.Boolean(
        "Pay to Unclear Addresses",
        help="Take a financial address that the directory cannot read for payable. The "
        "payable file then has no provider and no account number for it, only the "
        "address as the registry keeps it.",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("resolving", "Resolving"),
            ("failed", "Failed"),
            ("resolved", "Resolved"),
            ("exported", "Exported"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        copy=False,
        default="draft",
        tracking=True,
        index=True,
    )
    failure = fields.Char(
        readonly=True, copy=False, help="Why resolving stopped before the end."
    )
    line_ids = fields.One2many("g2p.spar.disbursement.line", "disbursement_id")

    line_count = fields.Integer("Payments", readonly=True, copy=False)
    payable_count = fields.Integer("Payable", readonly=True, copy=False)
    not_payable_count = fields.Integer("Not Payable", readonly=True, copy=False)
    pending_count = fields.Integer("Pending", compute="_compute_progress")
    total_amount = fields.Monetary("Total", readonly=True, copy=False)
    payable_amount = fields.Monetary(readonly=True, copy=False)
    not_payable_amount = fields.Monetary(readonly=True, copy=False)
    progress = fields.Integer(
        compute="_compute_progress", help="Lines with an answer, in percent."
    )

    run = fields.Integer(
        readonly=True,
        copy=False,
        help="Counts the starts of resolving; a job of an older run does nothing.",
    )
    job_uuid = fields.Char(readonly=True, copy=False, help="The job that works now.")
    resolved_at = fields.Datetime("Resolved On", readonly=True, copy=False)
    exported_at = fields.Datetime("Last Exported On", readonly=True, copy=False)

    _reference_uniq = models.Constraint(
        "UNIQUE(reference)", "The reference of a disbursement must be unique."
    )

    @api.depends("line_count", "payable_count", "not_payable_count")
    def _compute_progress(self):
        for batch in self:
            answered = batch.payable_count + batch.not_payable_count
            batch.pending_count = batch.line_count - answered
            batch.progress = (
                answered * 100 // batch.line_count if batch.line_count else 0
            )

    @api.depends("name", "reference")
    def _compute_display_name(self):
        for batch in self:
            batch.display_name = f"{batch.reference} {batch.name or ''}".strip()

    # -------------------------------------------------------------- writing

    @api.model
    def _system_fields(self):
        return super()._system_fields() | {"line_ids"}

    @api.model_create_multi
    def create(self, vals_list):
        batches = super().create(vals_list)
        sequence = self.env["ir.sequence"]
        for batch in batches.sudo():
            batch.reference = sequence.next_by_code("g2p.spar.disbursement")
        return batches

    def write(self, vals):
        if vals.keys() & {"currency_id", "allow_unclear"}:
            self._check_may_change_rules(vals)
        return super().write(vals)

    def _check_may_change_rules(self, vals):
        """Amounts keep their currency, and finished work keeps its rules.

        :raise UserError: naming what stands against it
        """
        if "currency_id" in vals and any(self.mapped("line_count")):
            raise UserError(
                self.env._("The currency cannot change once there are payments.")
            )
        if "allow_unclear" in vals and any(
            batch.state not in OPEN_STATES for batch in self
        ):
            raise UserError(
                self.env._("Unclear addresses cannot be decided about in this state.")
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        if any(batch.state not in ("draft", "cancelled") for batch in self):
            raise UserError(
                self.env._(
                    "Only a draft or a cancelled disbursement can be deleted;"
                    " the others are the record of what was paid where."
                )
            )

    def _check_own(self):
        """Only the officer who uploaded the list works with it.

        :raise AccessError: for everybody else, administrators included
        """
        self.check_access("write")
        if any(batch.user_id != self.env.user for batch in self):
            raise AccessError(
                self.env._("Only the payments officer of this list may do this.")
            )

    def _lock(self):
        """Make clicks and jobs wait for each other.

        Whoever comes second is run again by Odoo or by the queue and then sees what the
        first one did.
        """
        self.flush_recordset()
        execute_quietly(
            self.env,
            SQL(
                "SELECT FROM g2p_spar_disbursement WHERE id IN %s FOR NO KEY UPDATE",
                tuple(self.ids) or (0,),
            ),
        )

    # -------------------------------------------------------------- totals

    def _refresh_totals(self):
        """Count and add up the lines, in one statement for all of ``self``."""
        self.flush_recordset()
        execute_quietly(
            self.env,
            SQL(
                """
                UPDATE g2p_spar_disbursement batch
                   SET line_count = sums.lines,
                       payable_count = sums.payable,
                       not_payable_count = sums.not_payable,
                       total_amount = sums.total,
                       payable_amount = sums.payable_amount,
                       not_payable_amount = sums.not_payable_amount
                  FROM (
                    SELECT wanted.id,
                           count(line.id) AS lines,
                           count(*) FILTER (WHERE state = 'payable') AS payable,
                           count(*) FILTER (WHERE state = 'not_payable') AS not_payable,
                           coalesce(sum(amount), 0) AS total,
                           coalesce(sum(amount) FILTER (WHERE state = 'payable'), 0)
                               AS payable_amount,
                           coalesce(sum(amount) FILTER (WHERE state = 'not_payable'), 0)
                               AS not_payable_amount
                      FROM unnest(%s) AS wanted(id)
                      LEFT JOIN g2p_spar_disbursement_line line
                             ON line.disbursement_id = wanted.id
                     GROUP BY wanted.id
                  ) sums
                 WHERE batch.id = sums.id
                """,
                self.ids,
            ),
        )
        self.invalidate_recordset()

    # -------------------------------------------------------------- screens

    def action_open_lines(self, state=None, reason=None):
        """Open the payments, all of them or those in one state or with one reason."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "g2p_spar_disbursement.g2p_spar_disbursement_line_action"
        )
        context = {"default_disbursement_id": self.id}
        if state:
            context[f"search_default_{state}"] = 1
        if reason:
            context[f"search_default_reason_{reason}"] = 1
        return {
            **action,
            "display_name": self.env._("Payments of %s", self.reference),
            "domain": [("disbursement_id", "=", self.id)],
            "context": context,
        }

    def action_open_payable(self):
        return self.action_open_lines("payable")

    def action_open_not_payable(self):
        return self.action_open_lines("not_payable")

    @api.readonly
    def get_progress(self):
        """What the progress widget shows; cheap enough to be asked every second.

        :return: dict of state, counts, amounts and, unless work is going on, the
            reasons as list of dicts: reason, label, advice, count, amount
        """
        self.ensure_one()
        self.check_access("read")
        names = [
            "state",
            "failure",
            "line_count",
            "payable_count",
            "not_payable_count",
            "pending_count",
            "total_amount",
            "payable_amount",
            "not_payable_amount",
            "progress",
        ]
        values = self.read(names, load="")[0]
        values["currency_id"] = self.currency_id.id
        values["waiting"] = self._get_waiting()
        values["reasons"] = [] if self.state == "resolving" else self._get_reasons()
        return values

    def _get_reasons(self):
        """Why lines are not payable, most frequent first."""
        self.ensure_one()
        Line = self.env["g2p.spar.disbursement.line"]
        labels = dict(Line._fields["reason"]._description_selection(self.env))
        groups = Line._read_group(
            [("disbursement_id", "=", self.id), ("reason", "!=", False)],
            ["reason"],
            ["__count", "amount:sum"],
        )
        return [
            {
                "reason": reason,
                "label": labels[reason],
                "advice": self.env._(ADVICE[reason]) if reason in ADVICE else "",
                "count": count,
                "amount": amount,
            }
            for reason, count, amount in sorted(groups, key=lambda group: -group[1])
        ]
