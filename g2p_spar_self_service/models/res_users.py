# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging

from odoo import api, fields, models
from odoo.exceptions import AccessDenied, ValidationError

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError
from odoo.addons.g2p_spar_mapper.keyring import get_keyring
from odoo.addons.g2p_spar_mapper.sealed_field import SealedChar

_logger = logging.getLogger(__name__)


STAFF = "g2p_spar_mapper.group_spar_officer"
ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"


class ResUsers(models.Model):
    """A login may stand for one beneficiary: the ID it acts for is kept here.

    The ID is set by staff (:meth:`_spar_set_id`), never from a request, and is read
    with full rights only after the portal knows who is asking.
    """

    _inherit = "res.users"

    spar_id = SealedChar("Beneficiary ID", help="The ID as programmes write it.")
    spar_id_key = fields.Char(
        compute="_compute_spar_id_key",
        store=True,
        copy=False,
        groups=fields.NO_ACCESS,
        help="Keyed hash, by which a second login for the same person is noticed.",
    )
    spar_id_masked = fields.Char(
        "Beneficiary ID (shortened)",
        compute="_compute_spar_id_masked",
        compute_sudo=True,
        groups=f"{STAFF},{ADMINISTRATOR}",
    )
    has_spar_id = fields.Boolean(
        "Beneficiary login",
        compute="_compute_has_spar_id",
        compute_sudo=True,
        store=True,
        groups=f"{STAFF},{ADMINISTRATOR}",
    )

    _spar_id_uniq = models.UniqueIndex(
        "(spar_id_key) WHERE spar_id_key IS NOT NULL",
        "Another login already stands for this beneficiary.",
    )

    @api.depends("spar_id")
    def _compute_spar_id_key(self):
        for user in self:
            user.spar_id_key = self._spar_id_key(user.spar_id)

    @api.model
    def _spar_id_key(self, wire_id, key_id=None):
        """Keyed hash of an ID in its canonical spelling; False for none."""
        return bool(wire_id) and get_keyring().digest("login", wire_id, key_id=key_id)

    def _prepare_rekeyed(self, values):
        """Override: the key by which a login for the same person is noticed."""
        return {
            **super()._prepare_rekeyed(values),
            "spar_id_key": self._spar_id_key(values["spar_id"]) or None,
        }

    @api.depends("spar_id")
    def _compute_spar_id_masked(self):
        parsed = self.env["g2p.spar.id.type"]._parse_ids(
            [user.spar_id or "" for user in self]
        )
        for user, known in zip(self, parsed, strict=True):
            # An ID type may have been archived since: still never show the raw ID.
            user.spar_id_masked = known.masked if known else user.spar_id and "••••"

    @api.depends("spar_id")
    def _compute_has_spar_id(self):
        for user in self:
            user.has_spar_id = bool(user.spar_id)

    @api.constrains("spar_id")
    def _check_spar_id(self):
        users = self.filtered("spar_id")
        parsed = self.env["g2p.spar.id.type"]._parse_ids(users.mapped("spar_id"))
        if not all(parsed):
            raise ValidationError(self.env._("This is not a valid beneficiary ID."))

    def _spar_set_id(self, wire_id):
        """Let this login act for the person with ``wire_id``; empty: for nobody.

        Notes in the contact's history that it happened, not which ID it was. Who may
        do this is decided by the caller, who also gives the right to write.

        :param str wire_id: the ID as programmes write it
        :raise odoo.exceptions.ValidationError: unknown kind of ID, or another login's
        """
        self.ensure_one()
        before = self.spar_id or ""
        after = self._spar_canonical(wire_id) if wire_id else ""
        if after == before:
            return
        if after:
            self._spar_check_free(after)
        self.spar_id = after or False
        # What was being typed belonged to the person the login stood for.
        self.env["g2p.spar.account.draft"].search([("user_id", "=", self.id)]).unlink()
        if not before:
            note = self.env._("A beneficiary ID was linked to this contact's login.")
        elif after:
            note = self.env._("The beneficiary ID of this contact's login was changed.")
        else:
            note = self.env._("The beneficiary ID of this contact's login was removed.")
        self.partner_id.message_post(body=note)

    @api.model
    def _spar_check_free(self, wire_id):
        """An ID that a login may stand for: a valid one, and no other login does.

        :param str wire_id: the ID as programmes write it
        :raise odoo.exceptions.ValidationError: unknown kind of ID, or another login's
        """
        canonical = self._spar_canonical(wire_id)
        # The index refuses the same, but its fault would carry the ID.
        key_ids = self.env["g2p.spar.mapper"]._lookup_key_ids()
        keys = [self._spar_id_key(canonical, key_id) for key_id in key_ids]
        if self.with_context(active_test=False).search_count(
            [("spar_id_key", "in", keys)], limit=1
        ):
            raise ValidationError(
                self.env._("Another login already stands for this beneficiary.")
            )

    @api.model
    def _spar_canonical(self, wire_id):
        """One spelling per ID: its type's prefix and suffix may be written in any case.

        :param str wire_id: the ID as programmes write it
        :raise odoo.exceptions.ValidationError: no kind of ID looks like this
        """
        known = self.env["g2p.spar.id.type"]._parse_ids([wire_id.strip()])[0]
        if not known:
            raise ValidationError(self.env._("This is not a valid beneficiary ID."))
        kind = self.env["g2p.spar.id.type"].browse(known.id_type_id)
        return kind._wire_id(known.value)

    def _spar_invitations(self):
        """Invitations to these logins that are kept, readable without rights.

        :rtype: odoo.addons.mail.models.mail_mail.MailMail
        """
        # sudo: e-mails are the system's; mostly one that has left is deleted
        return (
            self.env["mail.mail"]
            .sudo()
            .search([("model", "=", self._name), ("res_id", "in", self.ids)])
        )

    def _action_reset_password(self, signup_type="reset"):
        """Override: the link that sets a beneficiary's password is in the e-mail, which
        goes to the person, and whoever causes it does not see it.

        :raise odoo.exceptions.AccessError: the caller does not manage logins
        """
        if not self.partner_id._spar_with_login():
            return super()._action_reset_password(signup_type)
        # Odoo does this first: whoever does not manage logins is refused here
        self.partner_id.signup_prepare(signup_type)
        # sudo: the link is for the e-mail only, and Odoo keeps nothing of that
        return super(ResUsers, self.sudo())._action_reset_password(signup_type)

    def _spar_check_password(self, password):
        """Prove once more that the person at the keyboard owns this login.

        Wrong tries count towards Odoo's own login cool-down.

        :param str password: what the person typed
        :raise SparSecurityError: wrong password, or too many wrong ones before
        """
        self.ensure_one()
        if self != self.env.user:
            raise SparSecurityError(self.env._("This is not your login."))
        credential = {"type": "password", "login": self.login, "password": password}
        tried = False
        try:
            with self._assert_can_auth(user=self.login):
                tried = True
                self._check_credentials(credential, {"interactive": True})
        except AccessDenied as err:
            _logger.info("Identity check before a change failed for user %s", self.id)
            raise SparSecurityError(
                self.env._("This is not your password. Please try again.")
                if tried
                else self.env._(
                    "Too many wrong passwords. Wait a minute, then try again."
                )
            ) from err
