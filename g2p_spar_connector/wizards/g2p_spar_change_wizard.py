# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from odoo.addons.g2p_spar_bank_directory.exceptions import AddressError, SparError
from odoo.addons.g2p_spar_mapper.outcomes import Actor
from odoo.addons.g2p_spar_mapper.sealed_field import SealedChar, SealedText


class SparChangeWizard(models.TransientModel):
    """Staff start a change for a person.

    The questions are those of the account type, checked and put together by the same
    code as in the portal. What was typed is sealed, readable for its author alone, and
    deleted once the change is accepted.
    """

    _name = "g2p.spar.change.wizard"
    _inherit = ["g2p.spar.mapping.form"]
    _description = "Start a SPAR Account Change"

    id_masked = fields.Char(
        "Person", related="mapping_id.id_masked", related_sudo=False
    )
    current_fsp_id = fields.Many2one(
        string="Current Provider", related="mapping_id.fsp_id", related_sudo=False
    )
    current_account = fields.Char(
        "Current Account", related="mapping_id.fa_masked", related_sudo=False
    )
    wire_id = SealedChar(
        "Beneficiary ID", groups=None, help="The whole ID as programmes write it."
    )
    operation = fields.Selection(
        [("set", "Set or change the account"), ("remove", "Remove the account")],
        string="Wish",
        required=True,
        default="set",
    )
    account_type_id = fields.Many2one("g2p.spar.account.type", "Kind of Account")
    fsp_id = fields.Many2one(
        "g2p.spar.fsp",
        "Provider",
        domain="[('account_type_ids', 'in', account_type_id)]",
    )
    branch_id = fields.Many2one(
        "g2p.spar.fsp.branch", domain="[('fsp_id', '=', fsp_id)]"
    )
    asks_fsp = fields.Boolean(compute="_compute_questions")
    asks_branch = fields.Boolean(compute="_compute_questions")
    number_label = fields.Char(compute="_compute_questions")
    number_help = fields.Char(compute="_compute_questions")
    number = SealedChar(groups=None)
    number_again = SealedChar(groups=None)
    answer_ids = fields.One2many(
        "g2p.spar.change.wizard.answer",
        "wizard_id",
        "More Questions",
        compute="_compute_answer_ids",
        store=True,
        readonly=False,
    )
    holder_name = SealedChar("Account Holder", groups=None)
    phone = SealedChar("Phone for Messages", groups=None)
    note = SealedText(
        "Reason and Evidence",
        groups=None,
        help="Why the account changes and what you saw as proof. Do not write the ID "
        "or the account number here.",
    )

    @api.depends("account_type_id", "fsp_id")
    def _compute_questions(self):
        for wizard in self:
            questions = wizard._questions()
            sources = {question["source"] for question in questions}
            number = next((q for q in questions if q["is_number"]), {})
            wizard.asks_fsp = "fsp" in sources
            wizard.asks_branch = "branch" in sources and wizard.fsp_id.branch_count > 0
            wizard.number_label = number.get("label")
            wizard.number_help = number.get("help")

    @api.depends("account_type_id")
    def _compute_answer_ids(self):
        for wizard in self:
            wizard.answer_ids = [Command.clear()] + [
                Command.create({"key": question["key"], "label": question["label"]})
                for question in wizard._questions()
                if question["source"] == "typed" and not question["is_number"]
            ]

    @api.onchange("account_type_id")
    def _onchange_account_type_id(self):
        if self.account_type_id not in self.fsp_id.account_type_ids:
            self.fsp_id = False

    @api.onchange("fsp_id")
    def _onchange_fsp_id(self):
        if self.branch_id.fsp_id != self.fsp_id:
            self.branch_id = False

    def action_submit(self):
        """Submit the change and open it.

        :raises UserError: naming each field that needs another answer; the form stays
            as it is
        """
        self.ensure_one()
        changes = self.env["g2p.spar.change"]
        changes._check_staff()
        if not (self.note or "").strip():
            raise UserError(self.env._("Reason and Evidence: please fill this in."))
        try:
            change = changes._submit(
                self._get_wire_id(),
                self.operation,
                address=self._compose() if self.operation == "set" else None,
                holder_name=(self.holder_name or "").strip(),
                phone=(self.phone or "").strip(),
                actor=Actor("staff", user_id=self.env.uid),
                note=self.note,
            )
        except SparError as err:
            raise UserError(err.message) from err
        self.unlink()
        return {
            "type": "ir.actions.act_window",
            "res_model": changes._name,
            "res_id": change.id,
            "views": [(False, "form")],
        }

    def _get_wire_id(self):
        if self.mapping_id:
            self._check_mapping()
            return self.mapping_id._get_wire_id()
        if not (self.wire_id or "").strip():
            raise UserError(self.env._("Beneficiary ID: please fill this in."))
        return self.wire_id.strip()

    def _compose(self):
        """The :class:`Address` of the answers.

        :raises UserError: one line per question that needs another answer
        """
        if not self.account_type_id:
            raise UserError(self.env._("Kind of Account: please choose one."))
        questions = self._questions()
        number_key = next(q["key"] for q in questions if q["is_number"])
        answers = {answer.key: answer.value or "" for answer in self.answer_ids}
        answers |= {
            "fsp": self.fsp_id.id,
            "branch": self.branch_id.id,
            number_key: self.number or "",
        }
        errors = {}
        if (self.number or "").strip() != (self.number_again or "").strip():
            errors[number_key] = self.env._(
                "The two entries differ. Please type the number again in both."
            )
        try:
            address = self.account_type_id._compose(answers)
        except AddressError as err:
            errors = err.errors | errors
        if errors:
            labels = {question["key"]: question["label"] for question in questions}
            raise UserError(
                "\n".join(
                    f"{labels.get(key, key)}: {text}" for key, text in errors.items()
                )
            )
        return address

    def _questions(self):
        return self.account_type_id._form_fields() if self.account_type_id else []


class SparChangeWizardAnswer(models.TransientModel):
    """The answer to one typed question besides the account number."""

    _name = "g2p.spar.change.wizard.answer"
    _inherit = ["g2p.spar.typed.text"]
    _description = "Answer in a SPAR Account Change"

    wizard_id = fields.Many2one(
        "g2p.spar.change.wizard", required=True, ondelete="cascade"
    )
    key = fields.Char(required=True)
    label = fields.Char("Question", readonly=True)
    value = SealedChar("Answer", groups=None)
