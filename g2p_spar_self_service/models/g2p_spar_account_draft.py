# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import re
import secrets

from odoo import api, fields, models
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    AddressError,
    SparConfigurationError,
    SparRejectedError,
)
from odoo.addons.g2p_spar_mapper.outcomes import Actor
from odoo.addons.g2p_spar_mapper.sealed_field import SealedJson

from ..const import CONSENT_VERSION, SEARCH_PAGE

#: the steps of choosing an account, in order
STEPS = ("kind", "provider", "branch", "number", "review")


class SparAccountDraft(models.TransientModel):
    """What one person is choosing in the portal, until it is confirmed.

    It keeps the answers between two pages on the server, so that no account number
    stands in an address, a hidden field or a session file. Nobody has a right on it:
    the portal finds the draft of the logged-in user, and only that one.
    """

    _name = "g2p.spar.account.draft"
    _description = "Account that a person is choosing"
    _order = "id desc"

    user_id = fields.Many2one(
        "res.users", required=True, index=True, ondelete="cascade"
    )
    operation = fields.Selection([("set", "Set"), ("remove", "Remove")], required=True)
    account_type_id = fields.Many2one("g2p.spar.account.type", ondelete="cascade")
    fsp_id = fields.Many2one("g2p.spar.fsp", ondelete="cascade")
    branch_id = fields.Many2one("g2p.spar.fsp.branch", ondelete="cascade")
    answers = SealedJson(help="Typed answers, checked.")
    refusal = SealedJson(
        help="The last answer that was not good, and why; until there is a better one."
    )
    token = fields.Char(
        groups=fields.NO_ACCESS,
        help="Names what the person was shown; a new one with every answer.",
    )
    change_id = fields.Many2one(
        "g2p.spar.change",
        ondelete="cascade",
        help="What became of it. Confirming twice leads here twice.",
    )

    # -------------------------------------------------------------- life of a draft

    @api.model
    def _of(self, user, operation="set"):
        """The newest draft of ``user``, or none."""
        return self.search(
            [("user_id", "=", user.id), ("operation", "=", operation)], limit=1
        )

    @api.model
    def _start(self, user, operation="set"):
        """An empty draft of ``user``; older ones of the same operation go."""
        self.search([("user_id", "=", user.id), ("operation", "=", operation)]).unlink()
        return self.create(
            {"user_id": user.id, "operation": operation, "token": _new_token()}
        )

    def _next_step(self):
        """The first step that lacks an answer; ``done`` once it was confirmed."""
        if not self or not self.account_type_id.active:
            return "kind"
        if self.change_id:
            return "done"
        if self._asks("fsp") and not self.fsp_id:
            return "provider"
        if self._needs_branch() and not self.branch_id:
            return "branch"
        return "review" if self.answers else "number"

    def _steps(self):
        """The steps this account needs, in order."""
        skipped = set()
        if self.account_type_id and not self._asks("fsp"):
            skipped |= {"provider"}
        if self.account_type_id and not self._may_need_branch():
            skipped |= {"branch"}
        return [step for step in STEPS if step not in skipped]

    def _may_reach(self, step):
        """Whether everything before ``step`` is answered and ``step`` is needed."""
        steps = self._steps()
        wanted = self._next_step()
        return (
            step in steps
            and wanted != "done"
            and steps.index(step) <= steps.index(wanted)
        )

    def _asks(self, source):
        return source in self.account_type_id.field_ids.mapped("source")

    def _may_need_branch(self):
        if not self._asks("branch"):
            return False
        return self._needs_branch() if self.fsp_id else True

    def _needs_branch(self):
        """A branch is asked for only where the provider has any."""
        branches = self.env["g2p.spar.fsp.branch"]
        return (
            self._asks("branch")
            and branches.search_count([("fsp_id", "=", self.fsp_id.id)], limit=1) > 0
        )

    # ---------------------------------------------------------------------- answers

    @api.model
    def _kinds(self):
        """Account types that can be chosen."""
        return self.env["g2p.spar.account.type"].search(
            [("strategy_id.state", "=", "active")]
        )

    def _find(self, step, term, page):
        """One page of the providers or branches that fit what was typed.

        :return: ``(records, total)``, as ``_search_directory`` counts
        """
        if step == "provider":
            directory, within = self.fsp_id, self.account_type_id
        else:
            directory, within = self.branch_id, self.fsp_id
        return directory._search_directory(
            term, within, SEARCH_PAGE, (page - 1) * SEARCH_PAGE
        )

    def _choose_kind(self, record_id):
        """:raise AddressError: not a kind that is offered"""
        kind = self._kinds().filtered(lambda kind: kind.id == record_id)
        if not kind:
            raise AddressError({"kind": self.env._("Please choose one of the kinds.")})
        if kind != self.account_type_id:
            self._keep(
                account_type_id=kind.id, fsp_id=False, branch_id=False, answers=False
            )

    def _choose_provider(self, record_id):
        """:raise AddressError: no such provider, or it does not offer this kind"""
        fsp = self.env["g2p.spar.fsp"].search(
            [
                ("id", "=", record_id),
                ("account_type_ids", "in", self.account_type_id.ids),
            ]
        )
        if not fsp:
            raise AddressError(
                {"provider": self.env._("Please choose a provider from the list.")}
            )
        if fsp != self.fsp_id:
            # What was typed stays: it is checked again before it counts.
            self._keep(fsp_id=fsp.id, branch_id=False)

    def _choose_branch(self, record_id):
        """:raise AddressError: no such branch, or it is another provider's"""
        branch = self.env["g2p.spar.fsp.branch"].search(
            [("id", "=", record_id), ("fsp_id", "=", self.fsp_id.id)]
        )
        if not branch:
            raise AddressError(
                {"branch": self.env._("Please choose a branch from the list.")}
            )
        if branch != self.branch_id:
            self._keep(branch_id=branch.id)

    def _questions(self):
        """The questions that are answered by typing."""
        return [
            question
            for question in self.account_type_id._form_fields()
            if question["source"] == "typed"
        ]

    def _type_answers(self, values):
        """Keep the typed answers if they make a good address.

        :param dict values: texts by key of the question; the number twice, the second
            time as ``<key>_again``
        :raise AddressError: with one sentence for each answer that is not good
        """
        typed = {q["key"]: values.get(q["key"], "") for q in self._questions()}
        errors = {}
        try:
            self._compose(typed)
        except AddressError as err:
            errors.update(err.errors)
        for question in self._questions():
            key = question["key"]
            again = values.get(f"{key}_again", "")
            if not question["is_number"] or key in errors:
                continue
            if not again:
                errors[f"{key}_again"] = self.env._("Please type it a second time.")
            elif _squeezed(typed[key]) != _squeezed(again):
                errors[f"{key}_again"] = self.env._(
                    "The two are not the same. Please check both."
                )
        if errors:
            raise AddressError(errors)
        if typed != self.answers:
            self._keep(answers=typed)

    def _forget(self, step):
        """Drop the answer of ``step`` that is no longer good."""
        if step == "provider":
            self._keep(fsp_id=False, branch_id=False)
        elif step == "branch":
            self._keep(branch_id=False)
        else:
            self._keep(answers=False)

    def _keep_refusal(self, step, errors, typed):
        """Remember an answer that is not good, to show it again.

        :param dict errors: texts by field
        :param dict typed: what was typed; no password
        """
        texts = {key: str(text) for key, text in errors.items()}
        self.write({"refusal": {"step": step, "errors": texts, "typed": typed}})

    def _get_refusal(self, step):
        """``(errors, typed)`` of the refused answer to ``step``, empty when none."""
        refusal = self.refusal or {}
        if refusal.get("step") != step:
            return {}, {}
        return refusal["errors"], refusal["typed"]

    def _keep(self, **values):
        self.write({**values, "token": _new_token()})

    def _address(self):
        """The address that the answers make, checked against the directory of now.

        :raise AddressError: an answer is missing or no longer good
        """
        return self._compose(self.answers or {})

    def _compose(self, typed):
        try:
            return self.account_type_id._compose(
                {"fsp": self.fsp_id.id, "branch": self.branch_id.id, **typed}
            )
        except SparConfigurationError as err:
            raise AddressError({"": err.message}) from err

    # -------------------------------------------------------------------- confirming

    @api.model
    def _consent_text(self):
        """The sentence a person agrees to, in the person's language."""
        return self.env._(
            "I agree that this account is kept with my beneficiary ID, and that the "
            "programmes that pay me may see it in order to send my money. I can change "
            "or remove it at any time."
        )

    def _confirm(self, token, consent=False):
        """Turn the draft into a change, once: confirming again gives the same change.

        The caller has checked the identity of the person.

        :param str token: the ``token`` of the draft that the person was shown
        :param bool consent: the person agreed to :meth:`_consent_text`
        :return: the change
        :raise AddressError: consent is missing, or an answer is no longer good
        :raise SparRejectedError: the draft is not what the person was shown
        """
        self.ensure_one()
        # Waits for another confirmation of this row; when that one went through, the
        # database refuses this snapshot, the request starts over and finds the change.
        self.env.cr.execute(
            SQL(
                "SELECT id FROM %s WHERE id = %s FOR UPDATE",
                SQL.identifier(self._table),
                self.id,
            ),
            log_exceptions=False,
        )
        if token != self.token:
            raise SparRejectedError(
                self.env._("Something was changed in the meantime. Please check again.")
            )
        if self.change_id:
            return self.change_id
        if self.operation == "set" and not consent:
            raise AddressError(
                {"consent": self.env._("Please tick the box if you agree.")}
            )
        self.change_id = self.env["g2p.spar.change"]._submit(**self._prepare_change())
        self.write({"answers": False, "refusal": False})
        return self.change_id

    def _prepare_change(self):
        """Arguments of the change's ``_submit``."""
        user = self.user_id
        values = {
            "wire_id": user.spar_id,
            "operation": self.operation,
            "address": None,
            "holder_name": "",
            "phone": "",
            "actor": Actor("portal", user_id=user.id, purpose="Self-service portal"),
            "consent": None,
        }
        if self.operation == "set":
            values.update(
                address=self._address(),
                holder_name=user.name,
                # Only a number somebody can call: a profile is not worth a refusal.
                phone=user.partner_id._phone_format(fname="phone", force_format="E164")
                or "",
                consent={
                    "version": CONSENT_VERSION,
                    "text": self._consent_text(),
                    "at": fields.Datetime.now(),
                },
            )
        return values


def _new_token():
    return secrets.token_urlsafe(16)


def _squeezed(text):
    """Two spellings of one number compare equal: blanks and dashes say nothing."""
    return re.sub(r"[\s\-]+", "", text).casefold()
