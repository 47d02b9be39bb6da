# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import email_normalize

from odoo.addons.g2p_spar_mapper.sealed_field import SealedChar

from ..models.res_users import ADMINISTRATOR, STAFF


class SparBeneficiaryLogin(models.TransientModel):
    """Invite a beneficiary to the portal, or say for whom an existing login stands.

    Officers invite people and link an ID where none is linked. Giving a login another
    person's ID, or none, is for administrators: it moves the power over an account.
    """

    _name = "g2p.spar.beneficiary.login"
    _inherit = ["g2p.spar.typed.text"]
    _description = "Login of a beneficiary"

    user_id = fields.Many2one(
        "res.users", "Existing login", domain="[('share', '=', True)]"
    )
    current_id_masked = fields.Char(
        "Linked now", related="user_id.spar_id_masked", readonly=True
    )
    name = fields.Char("Full name")
    email = fields.Char(
        "E-mail", help="The person logs in with it, and the invitation goes there."
    )
    beneficiary_id = SealedChar(
        "Beneficiary ID",
        groups=None,
        help="As programmes write it. It is shown here only while you type it.",
    )

    @api.onchange("user_id")
    def _onchange_user_id(self):
        self.beneficiary_id = False

    def action_invite(self):
        """Create a portal login that stands for the ID, and send Odoo's invitation.

        :raise odoo.exceptions.UserError: something is missing or already taken
        """
        self.ensure_one()
        self._check_staff()
        wire_id = self._take_id()
        email = email_normalize(self.email)
        if not (self.name or "").strip() or not email or not wire_id:
            raise UserError(
                self.env._("Fill in the name, a valid e-mail and the beneficiary ID.")
            )
        # The invitation leaves at once: afterwards it is too late to refuse the ID.
        # sudo: other people's logins are looked at, and nothing of them is shown
        self.env["res.users"].sudo()._spar_check_free(wire_id)
        # sudo: only staff come here, and a new contact gets nothing but a portal login
        partner = (
            self.env["res.partner"]
            .sudo()
            .create({"name": self.name.strip(), "email": email})
        )
        invitation = (
            self.env["portal.wizard"].sudo().create({"partner_ids": partner.ids})
        )
        if invitation.user_ids.email_state == "exist":
            raise UserError(
                self.env._(
                    "There is a login with this e-mail already. Choose it as the "
                    "existing login instead."
                )
            )
        invitation.user_ids.action_grant_access()
        partner.user_ids._spar_set_id(wire_id)
        if any(mail.state != "sent" for mail in partner.user_ids._spar_invitations()):
            return self._done(
                self.env._(
                    "The login of %s is ready, but the invitation could not be sent. "
                    "It waits among the outgoing e-mails until Odoo's administrator "
                    "sends it again.",
                    partner.name,
                ),
                "warning",
            )
        return self._done(self.env._("%s was invited by e-mail.", partner.name))

    def action_set(self):
        """Let the chosen portal login stand for the ID; an empty ID ends it.

        :raise odoo.exceptions.UserError: not a portal login, or the ID is taken
        """
        self.ensure_one()
        self._check_staff()
        wire_id = self._take_id()
        if not self.user_id:
            raise UserError(self.env._("Choose the login first."))
        if not self.user_id._is_portal():
            raise UserError(
                self.env._(
                    "Only portal logins stand for a beneficiary. Staff who receive "
                    "payments themselves need a second login."
                )
            )
        user_sudo = self.user_id.sudo()
        if user_sudo.spar_id and not self.env.user.has_group(ADMINISTRATOR):
            raise AccessError(
                self.env._(
                    "This login already stands for a beneficiary. An administrator "
                    "can change that."
                )
            )
        if not wire_id and not user_sudo.spar_id:
            raise UserError(self.env._("Type the beneficiary ID."))
        user_sudo._spar_set_id(wire_id)
        return self._done(self.env._("Saved."))

    def _check_staff(self):
        user = self.env.user
        if not (user.has_group(STAFF) or user.has_group(ADMINISTRATOR)):
            raise AccessError(
                self.env._("Only officers and administrators may do this.")
            )

    def _take_id(self):
        """The typed ID; it does not stay in the wizard's row."""
        wire_id = (self.beneficiary_id or "").strip()
        self.beneficiary_id = False
        return wire_id

    def _done(self, message, kind="success"):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": kind,
                "sticky": kind != "success",
                "message": message,
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
