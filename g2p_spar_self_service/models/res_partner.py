# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import models
from odoo.exceptions import AccessError

from .res_users import ADMINISTRATOR

#: in the context under :data:`IDENTITY`: the person has just proved to be the owner of
#: the login; nothing that a caller sends can be this object
PROVED = object()
IDENTITY = "spar_identity"


class ResPartner(models.Model):
    """Invitations and forgotten passwords go to the e-mail of a login's contact: who
    sets that, or sees the link they hold, gets the login, and with it the power over
    an account.
    """

    _inherit = "res.partner"

    def write(self, vals):
        """Override: guard the e-mail of logins that stand for a beneficiary.

        :raise odoo.exceptions.AccessError: neither an administrator nor the person, who
            has to prove it: a session that was left open must not give a login away
        """
        if "email" not in vals:
            return super().write(vals)
        self.check_access("write")
        changed = self.filtered(lambda contact: contact.email != vals["email"])
        guarded = changed._spar_with_login()
        user = self.env.user  # also when a page or a dialog writes with full rights
        is_proved = self.env.context.get(IDENTITY) is PROVED
        allowed = user.partner_id if is_proved else self.browse()
        if guarded - allowed and not user.has_group(ADMINISTRATOR):
            raise AccessError(
                self.env._(
                    "This contact has a login that stands for a beneficiary. Only the "
                    "person, with the password, and administrators of SPAR can change "
                    "its e-mail."
                )
            )
        result = super().write(vals)
        for contact in guarded:
            contact.message_post(
                body=self.env._("The e-mail of this contact's login was changed.")
            )
        return result

    def _get_signup_url(self):
        """Override: guard the link that sets the password of such a login.

        :raise odoo.exceptions.AccessError: neither an administrator nor the person
        """
        user = self.env.user
        may_see = self.env.su or user.has_group(ADMINISTRATOR)
        if not may_see and self._spar_with_login() - user.partner_id:
            raise AccessError(
                self.env._(
                    "Only administrators of SPAR see the link that sets the password "
                    "of a login that stands for a beneficiary."
                )
            )
        return super()._get_signup_url()

    def _spar_with_login(self):
        """Those with a login, also an archived one, that stands for a beneficiary."""
        # sudo: whoever edits contacts need not be allowed to see logins
        logins_sudo = self.env["res.users"].sudo().with_context(active_test=False)
        found = logins_sudo.search(
            [("partner_id", "in", self.ids), ("has_spar_id", "=", True)]
        )
        return self & found.partner_id.with_env(self.env)
