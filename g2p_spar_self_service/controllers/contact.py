# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.http import request

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError
from odoo.addons.portal.controllers.portal import CustomerPortal

from ..models.res_partner import IDENTITY, PROVED
from . import common


class ContactPortal(CustomerPortal):
    """The own contact of a beneficiary, on Odoo's page for it."""

    def _prepare_address_form_values(self, partner_sudo, *args, **kwargs):
        """Override: whether a new e-mail has to come with the password."""
        values = super()._prepare_address_form_values(partner_sudo, *args, **kwargs)
        return values | {"spar_asks_password": bool(_own_login(partner_sudo))}

    def _create_or_update_address(
        self, partner_sudo, *args, spar_password="", **form_data
    ):
        """Override: check the password before the e-mail of such a login changes."""
        email = form_data.get("email")
        own = _own_login(partner_sudo)
        if own and email is not None and email.strip() != (own.email or ""):
            if fault := _fault_of(common.text(spar_password, 4096)):
                faulty = ["email", "spar_password"]
                return partner_sudo, {"invalid_fields": faulty, "messages": [fault]}
            partner_sudo = partner_sudo.with_context(**{IDENTITY: PROVED})
        return super()._create_or_update_address(partner_sudo, *args, **form_data)


def _fault_of(password):
    """What is wrong with the password that the person typed; empty if it is right."""
    if not password:
        return request.env._("To change your e-mail, please type your password.")
    try:
        request.env.user._spar_check_password(password)
    except SparSecurityError as err:
        return err.message
    return ""


def _own_login(partner_sudo):
    """The contact, if it is that of the person who asks, who is a beneficiary."""
    return (partner_sudo & request.env.user.partner_id)._spar_with_login()
