# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import time
from datetime import UTC

from odoo import api, models, tools

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from ..call import Call
from ..client_data import NEVER, Callers, ClientData, parse_address
from ..g2p_connect import messages
from ..outcomes import Limits


class G2pSparClient(models.Model):
    """The client as the request path sees it: who is calling, and what it may do."""

    _inherit = "g2p.spar.client"

    # --- cache ------------------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _callers(self) -> Callers:
        """All clients that may call now. Each worker keeps them until any client
        changes anywhere, so a request costs no query and a suspension works at once.
        """
        clients_sudo = self.sudo().search([("state", "in", ("test", "live"))])
        clients = [client._prepare_data() for client in clients_sudo]
        return Callers(
            by_code={client.code: client for client in clients},
            credentialless=tuple(client for client in clients if client.credentialless),
        )

    def _prepare_data(self) -> ClientData:
        self.ensure_one()
        return ClientData(
            id=self.id,
            code=self.code,
            purpose=self.purpose,
            verbs=frozenset(
                verb for verb in messages.OPERATIONS if self[f"may_{verb}"]
            ),
            details=self.may_see_details,
            resolve_by_fa=self.may_resolve_by_fa,
            strict=self.profile == "strict",
            item_limit=self.item_limit,
            networks=self._parse_networks(),
            dialect=self.dialect,
            all_failed_rejects=self.all_failed_rejects,
            callback_url=self.callback_url or "",
            limits=self._prepare_limits(),
            credentialless=self.credentialless,
            request_rate=self.request_rate,
            item_rate=self.item_rate,
            signed_answers=self.signed_answers,
            valid_from=_seconds(self.valid_from, 0.0),
            valid_until=_seconds(self.valid_until, NEVER),
            renderings=self.rendering_ids._prepare_renderings(),
        )

    def _prepare_limits(self) -> Limits:
        """Test clients are kept to IDs for tests, and live ones off them."""
        self.ensure_one()
        id_types = self.env["g2p.spar.id.type"].with_context(active_test=False)
        for_tests = id_types.search([("is_test", "=", True)])
        if self.state == "test":
            allowed = for_tests
        else:
            allowed = (self.id_type_ids or id_types.search([])) - for_tests
        return Limits(
            id_types=frozenset(allowed.ids),
            providers=frozenset(self.fsp_ids.mapped("code")) if self.fsp_ids else None,
            may_override=self.may_override,
        )

    # --- who is calling ---------------------------------------------------------------

    @api.model
    def _authenticate(self, call: Call, sender_id: str) -> ClientData:
        """Who sent a message.

        :param call: the request as it came in
        :param sender_id: from the message's header; may be empty when exactly one
            client may call from that address
        :raise SparSecurityError: ``err.sender_id.invalid``; never says what was wrong
        """
        address = parse_address(call.remote_addr)
        now = time.time()
        callers = [
            client
            for client in self._callers().credentialless
            if (not sender_id or client.code == sender_id)
            and client.reaches_from(address)
            and client.is_valid(now)
        ]
        if len(callers) != 1:
            raise SparSecurityError(
                self.env._("The sender is not known here."), "err.sender_id.invalid"
            )
        return callers[0]


def _seconds(moment, default):
    """A naive UTC datetime as seconds since 1970."""
    return moment.replace(tzinfo=UTC).timestamp() if moment else default
