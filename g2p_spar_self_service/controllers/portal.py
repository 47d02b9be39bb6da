# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.exceptions import UserError
from odoo.http import request, route

from odoo.addons.g2p_spar_connector.models.g2p_spar_change import OPEN_STATES
from odoo.addons.portal.controllers.portal import CustomerPortal

from ..const import HISTORY_PAGE
from . import common
from .presenter import HOME


class PaymentAccountPortal(CustomerPortal):
    """Seeing the account, its changes and their receipts."""

    def _prepare_portal_layout_values(self):
        """Override: whether this login stands for a beneficiary (the card on /my)."""
        values = super()._prepare_portal_layout_values()
        values["spar_is_beneficiary"] = bool(request.env.user.sudo().spar_id)
        return values

    @route(HOME, type="http", auth="user", website=True, methods=["GET"])
    @common.for_beneficiaries
    def spar_account(self, wire_id, sudo, **params):
        """The account, masked, and what can be done with it."""
        present = common.presenter(sudo)
        situation, account = present.situation(wire_id)
        changes = sudo["g2p.spar.change"]._for_id(wire_id)
        return common.render(
            "portal_payment_account",
            page_title=request.env._("Your payment account"),
            page_name="spar_account",
            page_back=None,
            situation=situation,
            account=account,
            open_changes=[
                present.change(change)
                for change in changes
                if change.state in OPEN_STATES
            ],
            notice=common.text(params.get("notice")),
        )

    @route(f"{HOME}/state", type="http", auth="user", website=True, methods=["GET"])
    @common.for_beneficiaries
    def spar_account_state(self, wire_id, sudo, **params):
        """One line for the card on /my."""
        situation, account = common.presenter(sudo).situation(wire_id)
        lines = {
            "linked": account
            and f"{account['provider'] or account['kind']} {account['number']}",
            "none": request.env._("No account yet: add one"),
            "frozen": request.env._("Your account is on hold"),
        }
        line = lines.get(situation) or request.env._(
            "See, change or remove your payment account"
        )
        return request.make_json_response(
            {"situation": situation, "line": line},
            headers={"Cache-Control": "no-store"},
        )

    @route(f"{HOME}/history", type="http", auth="user", website=True, methods=["GET"])
    @common.for_beneficiaries
    def spar_history(self, wire_id, sudo, **params):
        """Own changes and when each account was in use."""
        changes = sudo["g2p.spar.change"]._for_id(wire_id)
        rows = common.presenter(sudo).history(wire_id, changes)
        pager = common.page_links(
            f"{HOME}/history",
            common.number(params.get("page")),
            len(rows),
            HISTORY_PAGE,
        )
        first = (pager["page"] - 1) * HISTORY_PAGE
        return common.render(
            "portal_history",
            page_title=request.env._("My changes"),
            page_name="spar_history",
            changes=rows[first : first + HISTORY_PAGE],
            pager=pager,
        )

    @route(
        f"{HOME}/receipt/<reference>",
        type="http",
        auth="user",
        website=True,
        methods=["GET"],
    )
    @common.for_beneficiaries
    def spar_receipt(self, wire_id, sudo, reference, **params):
        """The receipt of one own change."""
        change = self._own_change(sudo, wire_id, reference)
        return common.render(
            "portal_receipt",
            page_title=request.env._("Receipt %s", change.reference),
            page_name="spar_receipt",
            change=common.presenter(sudo).change(change),
        )

    @route(
        f"{HOME}/receipt/<reference>/state",
        type="http",
        auth="user",
        website=True,
        methods=["GET"],
    )
    @common.for_beneficiaries
    def spar_receipt_state(self, wire_id, sudo, reference, **params):
        """The live part of a receipt, for the script that refreshes it."""
        change = self._own_change(sudo, wire_id, reference)
        shown = common.presenter(sudo).change(change)
        html = request.env["ir.qweb"]._render(
            "g2p_spar_self_service.portal_receipt_state", {"change": shown}
        )
        return request.make_json_response(
            {"state": shown["state"], "is_open": shown["is_open"], "html": html},
            headers={"Cache-Control": "no-store"},
        )

    @route(
        f"{HOME}/receipt/<reference>/cancel",
        type="http",
        auth="user",
        website=True,
        methods=["POST"],
    )
    @common.for_beneficiaries
    def spar_cancel(self, wire_id, sudo, reference, **params):
        """Withdraw one own change that has not been sent yet."""
        change = self._own_change(sudo, wire_id, reference)
        try:
            change._cancel()
        except UserError:
            return request.redirect(f"{HOME}?notice=too_late")
        return request.redirect(f"{HOME}?notice=cancelled")

    def _own_change(self, sudo, wire_id, reference):
        """The change with this reference if it is this person's.

        :raise NotHere: another person's change, or none
        """
        change = (
            sudo["g2p.spar.change"]
            ._for_id(wire_id)
            .filtered(lambda change: change.reference == reference)
        )
        if not change:
            raise common.NotHere
        return change
