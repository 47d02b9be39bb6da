# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import re

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..grammar import GrammarError, compile_pattern, split_template
from ..masking import MASK_KINDS
from ..validators import VALIDATORS

# What ties an answer to its place in addresses.
READING_FIELDS = ("account_type_id", "key", "source", "is_number")


class SparAccountTypeField(models.Model):
    """One question that describes an account: chosen from the directory or typed."""

    _name = "g2p.spar.account.type.field"
    _inherit = ["g2p.spar.cached"]
    _description = "Question of an account type"
    _order = "sequence, id"

    account_type_id = fields.Many2one(
        "g2p.spar.account.type", required=True, index=True, ondelete="cascade"
    )
    sequence = fields.Integer(default=10)
    name = fields.Char("Question", required=True, translate=True)
    key = fields.Char(
        required=True,
        help="Name of the answer in address formats, for example account_number. The "
        "provider's key is always fsp and the branch's key is always branch.",
    )
    source = fields.Selection(
        [
            ("fsp", "Provider from the directory"),
            ("branch", "Branch from the directory"),
            ("typed", "Typed by the person"),
        ],
        required=True,
        default="typed",
    )
    required = fields.Boolean(
        default=True,
        help="A branch is only asked for when the provider has branches.",
    )
    validator = fields.Selection(VALIDATORS, required=True, default="none")
    pattern = fields.Char(
        help="Regular expression the whole answer must match, after blanks are removed."
    )
    help = fields.Char(translate=True)
    placeholder = fields.Char(translate=True)
    error = fields.Char(
        "What a good answer is",
        translate=True,
        help="Shown when the answer is refused, for example: 9 to 18 digits.",
    )
    mask = fields.Selection(MASK_KINDS, required=True, default="last4")
    is_number = fields.Boolean(
        "Is the account number",
        help="The one answer that identifies the account. People type it twice.",
    )

    _key_uniq = models.Constraint(
        "UNIQUE(account_type_id, key)",
        "This account type already asks a question with this key.",
    )
    _number_uniq = models.UniqueIndex(
        "(account_type_id) WHERE is_number",
        "Only one question of an account type can be the account number.",
    )

    @api.constrains("is_number", "mask")
    def _check_mask(self):
        """Masked forms are stored and shown to all staff."""
        if any(question.is_number and question.mask == "none" for question in self):
            raise ValidationError(self.env._("The account number has to be masked."))

    @api.constrains("key", "source", "is_number", "validator", "pattern")
    def _check_question(self):
        for question in self:
            if question.source != "typed":
                if question.key != question.source or question.is_number:
                    raise ValidationError(
                        self.env._(
                            "A question answered from the directory has the key “%s” "
                            "and is not the account number.",
                            question.source,
                        )
                    )
            elif not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", question.key):
                raise ValidationError(
                    self.env._("A key has lower-case letters, digits and underscores.")
                )
            elif question.key in ("fsp", "branch"):
                raise ValidationError(
                    self.env._("The keys fsp and branch belong to the directory.")
                )
            if question.validator == "pattern" and not question.pattern:
                raise ValidationError(
                    self.env._("“%s” needs a regular expression.", question.name)
                )
            if question.pattern:
                try:
                    compile_pattern(question.pattern)
                except GrammarError as err:
                    raise ValidationError(
                        self.env._(
                            "Regular expression of “%(question)s”: %(reason)s",
                            question=question.name,
                            reason=err.reason,
                        )
                    ) from err

    @api.constrains("is_number")
    def _check_number_stays(self):
        self.account_type_id._check_strategy()

    def write(self, vals):
        changed = [name for name in READING_FIELDS if name in vals]
        for question in self.filtered(lambda question: question._is_in_use()):
            before = question._convert_to_write({n: question[n] for n in changed})
            if any((vals[name] or False) != (before[name] or False) for name in before):
                raise ValidationError(question._get_in_use_text())
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        for question in self:
            if question._is_in_use():
                raise UserError(question._get_in_use_text())

    def _is_in_use(self):
        """Whether addresses that are still read may hold the answer."""
        self.ensure_one()
        formats = self.account_type_id._get_formats_in_use()
        names = {
            name
            for strategy in formats
            for name in split_template(strategy.construct_template)[1]
        }
        return self.key in names or bool(self.is_number and formats)

    def _get_in_use_text(self):
        return self.env._(
            "“%s” has been in use: addresses hold the answer, and could not be read "
            "any more.",
            self.name,
        )

    def _get_error_text(self):
        """The sentence that says what a good answer to this question is."""
        self.ensure_one()
        if self.error:
            return self.error
        return {
            "pattern": self.env._(
                "Please check the number: it does not have the right form."
            ),
            "account": self.env._("Please enter 6 to 20 digits, or an IBAN."),
            "iban": self.env._(
                "Please enter a valid IBAN, for example GB29 NWBK 6016 1331…"
            ),
            "phone": self.env._(
                "Please enter a valid phone number, with its country code."
            ),
            "email": self.env._(
                "Please enter an e-mail address such as name@example.org."
            ),
        }.get(self.validator, self.env._("Please check this answer."))
