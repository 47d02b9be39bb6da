# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, LazyTranslate

from odoo.addons.g2p_spar_bank_directory.masking import mask
from odoo.addons.g2p_spar_mapper.lookup import refuse_operator
from odoo.addons.g2p_spar_mapper.sealed_field import SealedChar

from ..quiet_sql import execute_quietly

_lt = LazyTranslate(__name__)

PAYMENTS = "g2p_spar_disbursement.group_spar_payments"
AUDITOR = "g2p_spar_mapper.group_spar_auditor"

#: columns of one imported payment and their SQL types
IMPORTED = {
    "id": "int4",
    "line_no": "int4",
    "id_value": "text",
    "id_key": "text",
    "id_masked": "text",
    "amount": "numeric",
    "payee_sealed": "text",
    "reference": "text",
    "state": "text",
    "reason": "text",
    "message": "text",
}

#: columns that look otherwise under another key of the key ring, for SQL
REKEYED = "'{id_value,id_key,payee_sealed,fa,account_number,holder_sealed}'::text[]"

#: reason -> how the line becomes payable
ADVICE = {
    "not_linked": _lt(
        "The person has to register an account first, in the portal or at an office."
    ),
    "inactive": _lt("An officer has to find out with the person why it was frozen."),
    "invalid_id": _lt("Check how the ID is written in the programme's list."),
    "duplicate": _lt(
        "Only the first line of an ID is paid. If both are due, make them one line."
    ),
    "provider_closed": _lt(
        "The provider no longer operates. The person has to choose another account."
    ),
    "unclear_address": _lt(
        "The directory cannot read this address. The person has to register the account"
        " again, or an officer allows unclear addresses for this disbursement."
    ),
    "unanswered": _lt(
        "Resolve the lines again a little later; once the payable file has left, upload"
        " them in a new list."
    ),
}


class DisbursementLine(models.Model):
    """One payment of a list, with a snapshot of where it is to be paid.

    What was resolved stays as it was resolved, whatever becomes of the mapping: a
    trigger refuses to change a payable line and the ID or amount of any line. Nobody
    has the right to write lines; the import and the resolve jobs do so in SQL.
    """

    _name = "g2p.spar.disbursement.line"
    _description = "SPAR Payment"
    _order = "disbursement_id desc, line_no"
    _log_access = False

    disbursement_id = fields.Many2one(
        "g2p.spar.disbursement",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    line_no = fields.Integer(
        "Line", required=True, readonly=True, help="Line of the file.", aggregator=None
    )
    id_value = SealedChar("ID Value", required=True, readonly=True)
    id_key = fields.Char(
        "ID Key",
        required=True,
        readonly=True,
        groups=fields.NO_ACCESS,
        help="Keyed hash by which a payment is found by its ID.",
    )
    id_masked = fields.Char("ID (masked)", readonly=True)
    id_shown = fields.Char(
        "Beneficiary ID",
        compute="_compute_id_shown",
        search="_search_id_shown",
        help="In full for the payments officer of this list, masked for all others.",
    )
    amount = fields.Monetary(required=True, readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    payee_sealed = SealedChar("Name in List (sealed)", readonly=True)
    payee_name = fields.Char(
        "Name in List",
        compute="_compute_names",
        groups=PAYMENTS,
        help="The name that came with the list, for its payments officer.",
    )
    reference = fields.Char(readonly=True, help="The programme's own reference.")
    state = fields.Selection(
        [
            ("pending", "Pending"),
            ("payable", "Payable"),
            ("not_payable", "Not payable"),
        ],
        required=True,
        readonly=True,
        default="pending",
    )
    reason = fields.Selection(
        [
            ("not_linked", "No account on file"),
            ("inactive", "Account frozen"),
            ("invalid_id", "ID not valid"),
            ("duplicate", "Same ID twice in the list"),
            ("provider_closed", "Provider closed"),
            ("unclear_address", "Address not clear"),
            ("rejected", "Refused by the mapper"),
            ("unanswered", "No answer yet"),
        ],
        readonly=True,
        help="Why the line is not payable.",
    )
    message = fields.Char("Explanation", readonly=True)
    advice = fields.Char(
        "What to Do", compute="_compute_advice", help="How the line becomes payable."
    )

    fa = SealedChar("Financial Address", readonly=True)
    account_number = SealedChar(readonly=True)
    fa_masked = fields.Char("Account", readonly=True)
    account_type_id = fields.Many2one(
        "g2p.spar.account.type", readonly=True, ondelete="restrict"
    )
    fsp_name = fields.Char("Provider", readonly=True)
    fsp_code = fields.Char("Provider Code", readonly=True)
    branch_name = fields.Char("Branch", readonly=True)
    branch_code = fields.Char(readonly=True)
    holder_sealed = SealedChar("Account Holder (sealed)", readonly=True)
    holder_name = fields.Char(
        "Account Holder",
        compute="_compute_names",
        groups=f"{PAYMENTS},{AUDITOR}",
        help="For the payments officer of this list and for auditors.",
    )
    resolved_at = fields.Datetime("Resolved On", readonly=True)

    _line_uniq = models.UniqueIndex("(disbursement_id, line_no)")
    _state_index = models.Index("(disbursement_id, state, reason)")
    _pending_index = models.Index("(disbursement_id, line_no) WHERE state = 'pending'")

    def init(self):
        """Let the database guard the snapshots. Under a new key only the columns that
        hang on the key may change."""
        self.env.cr.execute(
            SQL(
                """
                CREATE OR REPLACE FUNCTION g2p_spar_disbursement_line_keep()
                RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    RAISE EXCEPTION 'a resolved payment cannot be changed'
                        USING ERRCODE = 'restrict_violation';
                END $$;
                CREATE OR REPLACE TRIGGER g2p_spar_disbursement_line_keep
                BEFORE UPDATE ON g2p_spar_disbursement_line
                FOR EACH ROW WHEN (
                    CASE WHEN current_setting('g2p_spar.rekeying', true) = 'yes'
                    THEN to_jsonb(NEW) - %(sealed)s <> to_jsonb(OLD) - %(sealed)s
                    ELSE OLD.state = 'payable'
                      OR NEW.id_value IS DISTINCT FROM OLD.id_value
                      OR NEW.amount IS DISTINCT FROM OLD.amount
                      OR NEW.currency_id IS DISTINCT FROM OLD.currency_id
                      OR NEW.disbursement_id IS DISTINCT FROM OLD.disbursement_id
                    END
                )
                EXECUTE FUNCTION g2p_spar_disbursement_line_keep();
                """,
                sealed=SQL(REKEYED),
            )
        )

    @api.depends("id_masked")
    @api.depends_context("uid")
    def _compute_id_shown(self):
        # sudo: the raw value leaves only for the officer whose list it is
        for line, line_sudo in zip(self, self.sudo(), strict=True):
            is_own = line_sudo._is_of(self.env.user)
            line.id_shown = line_sudo.id_value if is_own else line_sudo.id_masked

    @api.depends("payee_sealed", "holder_sealed")
    @api.depends_context("uid")
    def _compute_names(self):
        is_auditor = self.env.user.has_group(AUDITOR)
        # sudo: as above; another role beside "payments" must not add foreign names
        for line, line_sudo in zip(self, self.sudo(), strict=True):
            is_own = line_sudo._is_of(self.env.user)
            line.payee_name = is_own and line_sudo.payee_sealed
            line.holder_name = (is_own or is_auditor) and line_sudo.holder_sealed

    def _is_of(self, user):
        """Whether this is a payment of the user's own list."""
        return self.disbursement_id.user_id == user and user.has_group(PAYMENTS)

    def _search_id_shown(self, operator, value):
        """Find payments by exact ID, in the user's own lists only."""
        if operator != "in":
            return refuse_operator(self.env, operator)
        own = [("disbursement_id.user_id", "=", self.env.uid)]
        if not self.env.user.has_group(PAYMENTS):
            return Domain.FALSE
        keys = self.env["g2p.spar.id.type"]._lookup_keys_of_texts(
            [one for one in value if isinstance(one, str)]
        )
        # sudo: the key's column is closed; the search is limited to own lists above
        found = self.sudo()._search([*own, ("id_key", "in", keys)])
        return Domain("id", "in", found)

    @api.depends("reason")
    def _compute_advice(self):
        for line in self:
            advice = ADVICE.get(line.reason)
            line.advice = advice and self.env._(advice)

    @api.depends("line_no", "id_masked")
    def _compute_display_name(self):
        for line in self:
            line.display_name = self.env._(
                "Line %(number)s: %(masked)s",
                number=line.line_no,
                masked=line.id_masked or "",
            )

    def _prepare_rekeyed(self, values):
        """Override: the key by which a payment is found by its ID."""
        id_types = self.env["g2p.spar.id.type"]
        return {
            **super()._prepare_rekeyed(values),
            "id_key": id_types._keys_of_texts([values["id_value"]])[0],
        }

    # -------------------------------------------------------------- writing

    @api.model
    def _insert_rows(self, batch, rows, duplicates):
        """Write imported payments, one statement for all of ``rows``.

        :param batch: the disbursement
        :param rows: list of :class:`..payment_list.Row`
        :param dict duplicates: {line of a row that repeats an ID: line of the first}
        """
        ids = [row.id for row in rows]
        id_types = self.env["g2p.spar.id.type"]
        parsed = id_types._parse_ids(ids, strict=False)
        seal_id = self._fields["id_value"].seal
        seal_name = self._fields["payee_sealed"].seal
        values = []
        keys = id_types._keys_of_texts(ids)
        row_ids = self._next_ids(len(rows))
        for row_id, row, known, key in zip(row_ids, rows, parsed, keys, strict=True):
            first = duplicates.get(row.line)
            values.append(
                (
                    row_id,
                    row.line,
                    seal_id(row.id, row_id),
                    key,
                    known.masked if known else mask(row.id, "last4"),
                    row.amount,
                    seal_name(row.name, row_id),
                    row.reference or None,
                    "not_payable" if first else "pending",
                    "duplicate" if first else None,
                    self.env._("The ID stands on line %s already.", first)
                    if first
                    else None,
                )
            )
        columns = [list(column) for column in zip(*values, strict=True)]
        execute_quietly(
            self.env,
            SQL(
                "INSERT INTO g2p_spar_disbursement_line"
                " (disbursement_id, currency_id, %(names)s)"
                " SELECT %(batch)s, %(currency)s, given.*"
                " FROM unnest(%(columns)s) given",
                names=SQL(", ").join(SQL.identifier(name) for name in IMPORTED),
                batch=batch.id,
                currency=batch.currency_id.id,
                columns=SQL(", ").join(
                    SQL("%s::%s[]", column, SQL.identifier(kind))
                    for column, kind in zip(columns, IMPORTED.values(), strict=True)
                ),
            ),
        )
