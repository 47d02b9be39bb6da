# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import secrets

from odoo import api, fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import SparRejectedError
from odoo.addons.g2p_spar_mapper.lookup import refuse_operator
from odoo.addons.g2p_spar_mapper.outcomes import (
    INVALID_ID,
    INVALID_NAME,
    INVALID_PHONE,
)
from odoo.addons.g2p_spar_mapper.sealed_field import SealedChar, SealedText
from odoo.addons.g2p_spar_mapper.validation import clean_text, is_clean_text, is_phone

#: letters of a reference: no vowels (no words), none that is read as another
REFERENCE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"
#: first key of the advisory lock that puts the submissions for one ID in a row
SUBMIT_LOCK = 741901

OPEN_STATES = ("queued", "applying")
#: outcome of a failed change that would undo something newer: it is over for good
OVERTAKEN = "overtaken"

#: who may know whose account it is; administrators only keep the changes going
CASE_WORKERS = (
    "g2p_spar_mapper.group_spar_officer,"
    "g2p_spar_mapper.group_spar_auditor,"
    "g2p_spar_connector.group_spar_approver"
)


class SparChange(models.Model):
    """A wish to link, change or remove one person's account.

    It is committed before anything is sent to a mapper, and kept for ever: the request,
    its receipt and its fate in one row. Rows come from :meth:`_submit` and change
    through this model's methods only; nobody has the right to write them directly.
    """

    _name = "g2p.spar.change"
    _description = "SPAR Account Change"
    _inherit = "mail.thread"
    _rec_name = "reference"
    _order = "id desc"

    reference = fields.Char(
        required=True,
        readonly=True,
        copy=False,
        default=lambda self: self._new_reference(),
        help="The number on the receipt; also the reference in the mapper's records.",
    )
    operation = fields.Selection(
        [("set", "Set account"), ("remove", "Remove account")],
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [
            ("queued", "Waiting"),
            ("applying", "Being applied"),
            ("done", "Done"),
            ("refused", "Refused"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="queued",
        tracking=True,
        help="Waiting: accepted, not sent yet. Being applied: sent, the answer is not "
        "known yet. Refused: the mapper said no. Failed: it could not be applied; "
        "staff can start it again unless something newer was done.",
    )
    message = fields.Char(
        readonly=True, help="What became of it, in words for the person."
    )
    fault = fields.Char(
        "Last Fault", readonly=True, help="Why it could not be applied, for staff."
    )
    outcome = fields.Char(readonly=True, help="The mapper's answer as a short code.")
    # -- whom and where to; readable forms only
    id_key = fields.Char(required=True, readonly=True, groups=fields.NO_ACCESS)
    wire_id = SealedChar(required=True, readonly=True)
    id_type_id = fields.Many2one(
        "g2p.spar.id.type", "ID Type", readonly=True, ondelete="restrict"
    )
    id_masked = fields.Char("Beneficiary ID", readonly=True)
    fa = SealedChar(readonly=True)
    phone = SealedChar(readonly=True)
    fa_masked = fields.Char("Account", readonly=True)
    holder_name = SealedChar("Account Holder", readonly=True, groups=CASE_WORKERS)
    account_type_id = fields.Many2one(
        "g2p.spar.account.type", readonly=True, ondelete="restrict"
    )
    strategy_id = fields.Many2one(
        "g2p.spar.strategy", readonly=True, ondelete="restrict"
    )
    fsp_id = fields.Many2one(
        "g2p.spar.fsp",
        "Provider",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    branch_id = fields.Many2one(
        "g2p.spar.fsp.branch", readonly=True, ondelete="restrict"
    )
    # -- who asked, how and why
    user_id = fields.Many2one(
        "res.users", "Requested by", readonly=True, ondelete="restrict", index=True
    )
    channel = fields.Selection(
        [
            ("portal", "Portal"),
            ("staff", "Staff"),
            ("api", "API"),
            ("programme", "Programme"),
            ("import", "Import"),
        ],
        required=True,
        readonly=True,
    )
    purpose = fields.Char(readonly=True)
    note = SealedText(
        "Reason and Evidence",
        readonly=True,
        groups=CASE_WORKERS,
        help="Why, and what was seen as proof.",
    )
    consent_text = fields.Text(readonly=True)
    consent_at = fields.Datetime(readonly=True)
    requested_at = fields.Datetime(
        "Requested", required=True, readonly=True, default=fields.Datetime.now
    )
    # -- how it went
    connector_id = fields.Many2one(
        "g2p.spar.connector", readonly=True, ondelete="set null"
    )
    is_sent = fields.Boolean(
        "Sent",
        readonly=True,
        help="The mapper was asked for this change at least once, so it may have been "
        "applied even when no answer came.",
    )
    attempts = fields.Integer(readonly=True)
    applied_at = fields.Datetime("Applied", readonly=True)

    lookup = fields.Char(
        "Whole ID",
        compute="_compute_lookup",
        search="_search_lookup",
        help="Finds the changes of one person by the whole ID, exactly as written.",
    )

    _reference_uniq = models.Constraint(
        "UNIQUE(reference)", "Two changes cannot have the same reference."
    )
    _id_key_idx = models.Index("(id_key, id DESC)")
    _open_idx = models.Index("(requested_at) WHERE state IN ('queued', 'applying')")

    def _compute_lookup(self):
        self.lookup = False

    @api.model
    def _search_lookup(self, operator, value):
        """By the whole ID only: a part could be guessed digit by digit."""
        if operator not in ("=", "in", "ilike", "like"):
            return refuse_operator(self.env, operator)
        written = [value] if isinstance(value, str) else list(value)
        keys = self.env["g2p.spar.id.type"]._lookup_keys_of_texts(
            [one for one in written if isinstance(one, str)]
        )
        return Domain("id", "in", self.sudo().search([("id_key", "in", keys)]).ids)

    @api.model
    def _submit(
        self,
        wire_id,
        operation="set",
        address=None,
        holder_name="",
        phone="",
        *,
        actor,
        consent=None,
        note="",
    ):
        """Accept a wish and queue it; the caller has checked that its user may ask.

        The change exists once the caller's transaction is committed; only then a job
        applies it. Changes of one ID are applied in the order of their submission.

        :param str wire_id: ID as people and programmes write it
        :param str operation: ``set`` or ``remove``
        :param Address address: the account, from ``account_type._compose``; for ``set``
        :param str holder_name: name on the account
        :param str phone: phone number for messages
        :param Actor actor: who asks and through which door
        :param dict consent: ``text`` the person agreed to and ``at`` (a naive UTC
            datetime, default now)
        :param str note: reason and evidence, written by staff
        :return: the change, readable without rights; ``reference`` is its receipt
        :raises SparRejectedError: the wish itself cannot be accepted
        """
        (parsed,) = self.env["g2p.spar.id.type"]._parse_ids([wire_id])
        if not parsed:
            raise SparRejectedError(
                self.env._("This is not a beneficiary ID that this registry knows."),
                INVALID_ID,
            )
        if operation == "set" and not address:
            raise SparRejectedError(self.env._("Choose the new account first."))
        if not is_clean_text(holder_name):
            raise SparRejectedError(
                self.env._(
                    "Account holder: at most 255 characters, no control characters."
                ),
                INVALID_NAME,
            )
        if not is_phone(phone):
            raise SparRejectedError(
                self.env._(
                    "Phone: at most 32 digits and signs, such as +255 712 345 678."
                ),
                INVALID_PHONE,
            )
        id_key = self.env["g2p.spar.mapper"]._id_key(wire_id)
        # Serialises submissions for one ID up to the commit, so that the order of the
        # row ids is the order in which they become visible: the jobs rely on it.
        self.env.execute_query(
            SQL("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", SUBMIT_LOCK, id_key)
        )
        vals = {
            "operation": operation,
            "wire_id": wire_id,
            "id_key": id_key,
            "id_type_id": parsed.id_type_id,
            "id_masked": parsed.masked,
            "user_id": actor.user_id,
            "channel": actor.channel,
            "purpose": clean_text(actor.purpose),
            "note": (note or "").replace("\x00", ""),
        }
        if operation == "set":
            vals |= self._prepare_account_vals(address, holder_name, phone)
        if consent:
            vals |= {
                "consent_text": consent["text"],
                "consent_at": consent.get("at") or fields.Datetime.now(),
            }
        change = (
            self.sudo()
            .with_context(mail_create_nosubscribe=True, mail_create_nolog=True)
            .create(vals)
            .with_context(mail_create_nosubscribe=False, mail_create_nolog=False)
        )
        change._enqueue()
        return change

    @api.model
    def _for_id(self, wire_id):
        """All changes of one ID, newest first, readable without access rights.

        :param str wire_id: ID as people and programmes write it
        """
        id_keys = self.env["g2p.spar.mapper"]._id_keys(wire_id)
        return self.sudo().search([("id_key", "in", id_keys)])

    def _cancel(self):
        """Withdraw a change that was not sent yet; the caller has checked the right.

        :raises UserError: it is too late
        """
        self.ensure_one()
        too_late = self.env._("This change is being applied and cannot be cancelled.")
        change = self.sudo()
        try:
            change.lock_for_update()
        except LockError as err:
            raise UserError(too_late) from err
        change.invalidate_recordset(["state", "is_sent"])
        if change.state == "cancelled":
            return
        if change.state != "queued" or change.is_sent:
            raise UserError(too_late)
        change.write(
            {
                "state": "cancelled",
                "message": self.env._("Cancelled before it was sent."),
            }
        )

    def action_cancel(self):
        """Button of the officer."""
        self._check_staff()
        for change in self:
            change._cancel()

    def action_retry(self):
        """Button of the officer: start failed changes again.

        :raises UserError: one has not failed, or would undo something newer
        """
        self._check_staff()
        for change in self.sudo():
            change.lock_for_update()
            if change.state != "failed":
                raise UserError(
                    self.env._("Only a failed change can be started again.")
                )
            if change._later().filtered(lambda c: c.state in ("done", *OPEN_STATES)):
                raise UserError(
                    self.env._(
                        "There is a newer change for this person. Make a new change "
                        "instead of starting %s again.",
                        change.reference,
                    )
                )
            if change.outcome == OVERTAKEN:
                raise UserError(
                    self.env._(
                        "A change never undoes what is newer. Make a new change "
                        "instead of starting %s again, if it is still wanted.",
                        change.reference,
                    )
                )
            # what was sent may have been applied and can no longer be cancelled
            state = "applying" if change.is_sent else "queued"
            change.write({"state": state, "message": False, "fault": False})
            change._enqueue()

    def _check_staff(self):
        self.check_access("read")
        if not (
            self.env.user.has_group("g2p_spar_mapper.group_spar_officer")
            or self.env.user.has_group(
                "g2p_spar_bank_directory.group_spar_administrator"
            )
        ):
            raise AccessError(
                self.env._("Only officers and administrators may do this.")
            )

    def _id_keys(self):
        """Keyed hashes of this ID; the first is the one new changes get."""
        return self.env["g2p.spar.id.type"]._lookup_keys_of_texts([self.wire_id])

    def _prepare_rekeyed(self, values):
        """Override: the key that holds the changes of one ID together."""
        id_types = self.env["g2p.spar.id.type"]
        return {
            **super()._prepare_rekeyed(values),
            "id_key": id_types._keys_of_texts([values["wire_id"]])[0],
        }

    def _later(self):
        """Changes of the same ID that were submitted after this one."""
        return self.search([("id_key", "in", self._id_keys()), ("id", ">", self.id)])

    def _earlier_open(self):
        """Changes of the same ID that have to be over before this one starts."""
        return self.search(
            [
                ("id_key", "in", self._id_keys()),
                ("id", "<", self.id),
                ("state", "in", OPEN_STATES),
            ],
            limit=1,
        )

    @api.model
    def _prepare_account_vals(self, address, holder_name, phone):
        """Values of the account a change sets, from an :class:`Address`."""
        return {
            "fa": address.fa,
            "fa_masked": address.masked,
            "account_type_id": address.account_type_id or False,
            "strategy_id": address.strategy_id or False,
            "fsp_id": address.fsp_id or False,
            "branch_id": address.branch_id or False,
            "holder_name": holder_name,
            "phone": phone,
        }

    @api.model
    def _new_reference(self):
        """A receipt number that can be read out loud and not be guessed."""
        letters = [secrets.choice(REFERENCE_ALPHABET) for _ in range(10)]
        return f"C-{''.join(letters[:5])}-{''.join(letters[5:])}"
