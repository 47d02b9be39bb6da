# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import SUPERUSER_ID, models


class PortalWizardUser(models.TransientModel):
    _inherit = "portal.wizard.user"

    def _send_email(self):
        """Override: an invitation that is kept is for the system alone.

        Its link sets the password, and messages about a login are open to all staff,
        and to whoever caused them.
        """
        result = super(PortalWizardUser, self.with_user(SUPERUSER_ID))._send_email()
        self.user_id._spar_invitations().write({"message_type": "user_notification"})
        return result
