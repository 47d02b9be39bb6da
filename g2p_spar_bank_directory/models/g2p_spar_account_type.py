# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models, tools
from odoo.exceptions import UserError, ValidationError

from ..address_reader import AddressReader
from ..composer import AddressComposer
from ..exceptions import AddressError, SparConfigurationError


class SparAccountType(models.Model):
    """A kind of store of value and the questions that describe one."""

    _name = "g2p.spar.account.type"
    _inherit = ["g2p.spar.cached"]
    _description = "Account type"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True, help="Stable name for programs: bank, mobile_wallet, ..."
    )
    wire_fa_type = fields.Char(
        "Type word",
        required=True,
        help="What {fa_type} becomes in financial addresses.",
    )
    fa_type_aliases = fields.Char(
        "Other type words",
        help="Words, with commas between, that other systems write instead. They are "
        "accepted when an address is read; capitals do not matter.",
    )
    icon = fields.Char(
        default="fa-bank", help="Font Awesome class of the picture, such as fa-bank."
    )
    sequence = fields.Integer(default=10)
    strategy_id = fields.Many2one(
        "g2p.spar.strategy",
        string="Address format",
        domain="[('account_type_id', '=', id), ('state', '=', 'active')]",
        ondelete="restrict",
        help="The format in which new addresses of this type are written.",
    )
    field_ids = fields.One2many(
        "g2p.spar.account.type.field", "account_type_id", string="Questions", copy=True
    )
    help = fields.Char(
        translate=True, help="One sentence for people who choose a kind of account."
    )
    active = fields.Boolean(default=True)

    _code_uniq = models.Constraint(
        "UNIQUE(code)", "Another account type already has this code."
    )

    @api.constrains("strategy_id", "active")
    def _check_strategy(self):
        for account_type in self.filtered("strategy_id"):
            strategy = account_type.strategy_id
            if strategy.state != "active" or strategy.account_type_id != account_type:
                raise ValidationError(
                    self.env._(
                        "The address format of “%s” must be active and made for this "
                        "account type.",
                        account_type.name,
                    )
                )
            if not account_type.field_ids.filtered("is_number"):
                raise ValidationError(
                    self.env._(
                        "One question of “%s” must be the account number.",
                        account_type.name,
                    )
                )

    def write(self, vals):
        """Override: a word stands in addresses for as long as these are read."""
        used = self & self._get_formats_in_use().account_type_id
        words = {account_type: account_type._get_words() for account_type in used}
        result = super().write(vals)
        for account_type, before in words.items():
            if lost := before - account_type._get_words():
                raise UserError(
                    self.env._(
                        "Addresses of “%(type)s” with these words are still read: "
                        "%(words)s. Please add them to “Other type words”.",
                        type=account_type.name,
                        words=", ".join(sorted(lost)),
                    )
                )
        return result

    def _get_formats_in_use(self):
        """Formats of these types in which there may be addresses."""
        return self.env["g2p.spar.strategy"].search(
            [("account_type_id", "in", self.ids), ("state", "!=", "draft")]
        )

    def _get_words(self):
        """What {fa_type} may be in addresses of this type, case-folded.

        :rtype: set[str]
        """
        self.ensure_one()
        words = [self.code, self.wire_fa_type, *(self.fa_type_aliases or "").split(",")]
        return {word.strip().casefold() for word in words} - {""}

    def _form_fields(self):
        """The questions, for a screen to show.

        :return: list of dicts with ``key``, ``source`` (fsp, branch, typed), ``label``,
            ``help``, ``placeholder``, ``error``, ``required``, ``is_number`` and
            ``input_type`` (select, text, tel, email)
        """
        self.ensure_one()
        input_types = {"phone": "tel", "email": "email"}
        return [
            {
                "key": question.key,
                "source": question.source,
                "label": question.name,
                "help": question.help or "",
                "placeholder": question.placeholder or "",
                "error": question._get_error_text(),
                "required": question.required,
                "is_number": question.is_number,
                "input_type": input_types.get(question.validator, "text")
                if question.source == "typed"
                else "select",
            }
            for question in self.field_ids
        ]

    def _compose(self, answers):
        """Make the one financial address that the answers describe.

        :param dict answers: ``fsp`` and ``branch`` (ids of the directory, or False) and
            a text for each typed question's key
        :return: :class:`~odoo.addons.g2p_spar_bank_directory.address.Address`
        :raise AddressError: one sentence for each key that needs another answer
        :raise SparConfigurationError: when the type has no format to write with
        """
        return self._get_composer().compose(answers)

    def _compose_batch(self, answers_list):
        """Make the addresses that many answers describe.

        The number of queries does not depend on the number of addresses.

        :param list[dict] answers_list: each as for :meth:`_compose`
        :return: an ``Address`` or ``AddressError`` for each, in order
        :raise SparConfigurationError: when the type has no format to write with
        """
        composer = self._get_composer()
        composer.preload(answers_list)
        results = []
        for answers in answers_list:
            try:
                results.append(composer.compose(answers))
            except AddressError as err:
                results.append(err)
        return results

    def _get_composer(self):
        """:raise SparConfigurationError: when the type has no format to write with"""
        self.ensure_one()
        if not self.active or self.strategy_id.state != "active":
            raise SparConfigurationError(
                self.env._("Accounts of this kind cannot be written at the moment.")
            )
        return AddressComposer(self)

    @api.model
    def _parse_addresses(self, fas, strict):
        """Say what the directory knows of each address.

        The number of queries does not depend on the number of addresses. Names of
        providers and branches are those of the directory, whatever the text says.

        :param list fas: addresses as they came over the wire
        :param bool strict: refuse what the directory does not know or its rules forbid;
            else an unknown format gives an opaque address, and what is unknown of a
            known format stays empty
        :return: for each address an ``Address`` (its ``fa`` is the given text,
            unchanged) or an ``AddressError``, in order
        """
        return AddressReader(self.env, strict).read_batch(fas)

    @api.model
    @tools.ormcache()
    def _get_formats(self):
        """Every format that is read, active or retired, as plain data, by number."""
        # Configuration, the same for everyone; what the caller may see is not cached.
        strategies = (
            self.env["g2p.spar.strategy"]
            .sudo()
            .search([("kind", "=", "fa"), ("state", "in", ("active", "retired"))])
        )
        return tuple(strategy._prepare_format() for strategy in strategies)
