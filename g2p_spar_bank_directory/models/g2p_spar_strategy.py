# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import re

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .. import grammar
from ..address_reader import Format
from ..const import DIRECTORY_NAMES, FA_TYPE, role

# What makes up the format itself: none of it may change once addresses were written.
FORMAT_FIELDS = (
    "number",
    "kind",
    "account_type_id",
    "construct_template",
    "deconstruct_pattern",
    "fa_type",
)


class SparStrategy(models.Model):
    """How components become one text on the wire, and how that text is read back."""

    _name = "g2p.spar.strategy"
    _inherit = ["g2p.spar.cached"]
    _description = "Address format"
    _order = "number, id"

    name = fields.Char(required=True)
    number = fields.Integer(
        required=True,
        copy=False,
        default=lambda self: self._default_number(),
        help="Identifies the format on the wire (strategy_id).",
    )
    kind = fields.Selection(
        [("fa", "Financial address"), ("id", "ID")], required=True, default="fa"
    )
    account_type_id = fields.Many2one(
        "g2p.spar.account.type", index=True, ondelete="restrict"
    )
    construct_template = fields.Char(
        "Template",
        required=True,
        help="Text with named places, for example account:{account_number}@{bank_code}",
    )
    deconstruct_pattern = fields.Char(
        "Own pattern",
        help="Regular expression with one named group for each place. Leave empty to "
        "have it derived from the template.",
    )
    pattern = fields.Char("Pattern in use", compute="_compute_pattern")
    fa_type = fields.Char(
        "Type word",
        help="What {fa_type} becomes. Empty: the word of the account type.",
    )
    sample = fields.Text(
        required=True,
        help="One “name: value” per line for each place of the template. The format "
        "cannot become active unless it takes this sample there and back.",
    )
    sample_text = fields.Char("Sample written", compute="_compute_sample_text")
    state = fields.Selection(
        [("draft", "Draft"), ("active", "Active"), ("retired", "Retired")],
        required=True,
        default="draft",
        copy=False,
        help="Retired formats are no longer written, and still read.",
    )

    _number_uniq = models.Constraint(
        "UNIQUE(number)", "Another address format already has this number."
    )
    _number_positive = models.Constraint(
        "CHECK(number > 0)", "The number of an address format is greater than zero."
    )

    @api.model
    def _default_number(self):
        last = self.search([], order="number desc", limit=1)
        return max(last.number, 99) + 1  # what OpenG2P may add stays below 100

    @api.depends("construct_template", "deconstruct_pattern")
    def _compute_pattern(self):
        for strategy in self:
            strategy.pattern = strategy.deconstruct_pattern
            if not strategy.pattern and strategy.construct_template:
                try:
                    strategy.pattern = grammar.derive_pattern(
                        strategy.construct_template
                    )
                except grammar.GrammarError:
                    strategy.pattern = False

    @api.depends("construct_template", "sample")
    def _compute_sample_text(self):
        for strategy in self:
            try:
                strategy.sample_text = grammar.construct(
                    strategy.construct_template or "", strategy._get_sample()
                )
            except (grammar.GrammarError, KeyError):
                strategy.sample_text = False

    @api.constrains(*FORMAT_FIELDS, "sample", "state")
    def _check_format(self):
        for strategy in self:
            if strategy.kind == "fa" and not strategy.account_type_id:
                raise ValidationError(
                    self.env._("A financial address format needs an account type.")
                )
            if strategy.state != "draft":
                strategy._check_round_trip()

    @api.constrains("state")
    def _check_emitters(self):
        self.env["g2p.spar.account.type"].search(
            [("strategy_id", "in", self.ids)]
        )._check_strategy()

    def write(self, vals):
        changed = [name for name in FORMAT_FIELDS if name in vals]
        for strategy in self.filtered(lambda strategy: strategy.state != "draft"):
            before = strategy._convert_to_write({n: strategy[n] for n in changed})
            if any((vals[name] or False) != (before[name] or False) for name in before):
                raise UserError(
                    self.env._(
                        "“%s” has been in use: addresses were written with it. "
                        "Retire it and make a new one instead.",
                        strategy.name,
                    )
                )
        if vals.get("state") == "draft" and any(s.state != "draft" for s in self):
            raise UserError(
                self.env._("An address format that was in use cannot be a draft again.")
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_only_drafts(self):
        if any(strategy.state != "draft" for strategy in self):
            raise UserError(
                self.env._(
                    "Addresses may have been written with this format: retire it "
                    "instead of deleting it."
                )
            )

    def copy_data(self, default=None):
        return [
            dict(vals, name=self.env._("%s (copy)", strategy.name))
            for strategy, vals in zip(self, super().copy_data(default), strict=True)
        ]

    def action_activate(self):
        self.write({"state": "active"})

    def action_retire(self):
        self.write({"state": "retired"})

    def action_test(self):
        """Take the sample there and back and show the result."""
        self.ensure_one()
        self._check_round_trip()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "title": self.env._("The sample goes there and back"),
                "message": self.sample_text,
            },
        }

    def _get_sample(self):
        """The sample as a dict.

        :raise GrammarError: for a line without a colon
        """
        self.ensure_one()
        components = {}
        for line in (self.sample or "").splitlines():
            if not line.strip():
                continue
            name, colon, value = line.partition(":")
            if not colon:
                raise grammar.GrammarError(
                    self.env._("Each line of the sample reads “name: value”.")
                )
            components[name.strip()] = value.strip()
        return components

    def _compile_checked(self):
        """The compiled pattern in use, after a look at its groups and its speed.

        :raise GrammarError: when template or pattern cannot be used
        """
        self.ensure_one()
        template = self.construct_template
        if not self.deconstruct_pattern:
            return re.compile(grammar.derive_pattern(template))
        _literals, names = grammar.split_template(template)
        return grammar.compile_pattern(
            self.deconstruct_pattern, names, grammar.separators(template)
        )

    def _prepare_format(self):
        """This format as plain data for the reader of addresses."""
        self.ensure_one()
        account_type = self.account_type_id
        compiled = re.compile(self.pattern)
        number = account_type.field_ids.filtered("is_number")
        branch = account_type.field_ids.filtered(lambda q: q.source == "branch")
        own_word = (self.fa_type or "").strip().casefold()
        roles = {name: role(name) for name in compiled.groupindex}
        return Format(
            strategy_id=self.id,
            account_type_id=account_type.id,
            account_type=account_type.code,
            compiled=compiled,
            roles=roles,
            names={part: name for name, part in roles.items()},
            fa_words=frozenset(account_type._get_words() | {own_word} - {""}),
            number_field_id=number.id,
            number_key=number.key,
            validator=number.validator,
            number_pattern=number.pattern or "",
            mask=number.mask,
            branch_required=bool(branch.required),
        )

    def _check_round_trip(self):
        """Refuse a format that does not read back what it wrote.

        The sample itself must come back. Variants of it, with dots, blanks and
        look-alikes of the template's own separators in the values, may be unreadable
        (then nobody can enter such a value), but must never be read as something else.

        :raise ValidationError: saying what came back
        """
        self.ensure_one()
        try:
            compiled = self._compile_checked()
            sample = self._get_sample()
        except grammar.GrammarError as err:
            raise ValidationError(
                self.env._(
                    "Address format “%(name)s”: %(reason)s",
                    name=self.name,
                    reason=err.reason,
                )
            ) from err
        self._check_names(compiled.groupindex, sample)
        for number, variant in enumerate(self._get_variants(sample)):
            text = grammar.construct(self.construct_template, variant)
            result = grammar.deconstruct(compiled, text)
            if result == variant or (number and result is None):
                continue
            raise ValidationError(
                self.env._(
                    "Address format “%(name)s” writes %(text)s and reads back "
                    "%(result)s.",
                    name=self.name,
                    text=text,
                    result=result or self.env._("nothing"),
                )
            )
        self._check_unambiguous(grammar.construct(self.construct_template, sample))

    def _check_unambiguous(self, text):
        """Refuse a format whose addresses another one, asked first, reads otherwise."""
        if self.kind != "fa":
            return
        own = self._prepare_format()
        others = self.search(
            [
                ("kind", "=", "fa"),
                ("state", "!=", "draft"),
                ("number", "<", self.number),
                ("id", "!=", self.id),
            ]
        )
        for other in others:
            reading = other._prepare_format().take_apart(text)
            if reading and (
                other.account_type_id != self.account_type_id
                or reading.by_role != own.take_apart(text).by_role
            ):
                raise ValidationError(
                    self.env._(
                        "“%(other)s” (%(number)s) is asked first and would read "
                        "%(text)s as something else.",
                        other=other.name,
                        number=other.number,
                        text=text,
                    )
                )

    def _check_names(self, names, sample):
        if set(sample) != set(names):
            raise ValidationError(
                self.env._(
                    "The sample of “%(name)s” must have exactly these lines: "
                    "%(names)s.",
                    name=self.name,
                    names=", ".join(names),
                )
            )
        if self.kind != "fa":
            return
        typed = self.account_type_id.field_ids.filtered(
            lambda question: question.source == "typed"
        )
        known = {*DIRECTORY_NAMES, *typed.mapped("key")}
        if unknown := set(names) - known:
            raise ValidationError(
                self.env._(
                    "Account type “%(type)s” has no answer named %(names)s.",
                    type=self.account_type_id.name,
                    names=", ".join(sorted(unknown)),
                )
            )

    def _get_variants(self, sample):
        """The sample first, then awkward values one at a time."""
        yield sample
        codes = {name for name in DIRECTORY_NAMES if not name.endswith("_name")}
        lookalikes = [
            f"x{text}y" for text in grammar.separators(self.construct_template)
        ]
        for name, value in sample.items():
            if name in codes or name == FA_TYPE:
                continue  # codes have their own, narrow alphabet
            middle = len(value) // 2
            for awkward in (
                value[:middle] + "." + value[middle:],
                value[:middle] + " " + value[middle:],
                value + ".",
                *(value + lookalike for lookalike in lookalikes),
            ):
                yield {**sample, name: awkward}
