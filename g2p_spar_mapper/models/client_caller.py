# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import itertools
from datetime import UTC

from odoo import api, models, tools

from ..client_data import NEVER, Callers, ClientData, Secret
from ..g2p_connect import messages
from ..outcomes import Limits


class G2pSparClient(models.Model):
    """The clients as the request path sees them."""

    _inherit = "g2p.spar.client"

    # --- cache ------------------------------------------------------------------------

    @api.model
    def _callers(self) -> Callers:
        """All clients that may call now. Each worker keeps them until any client
        changes anywhere, so a request costs no query and a suspension works at once.
        """
        return self._callers_since(self.pool.cache_sequences["default"])

    @api.model
    @tools.ormcache("change")
    def _callers_since(self, change) -> Callers:
        """
        :param int change: number of the last change that this process knows of. A
            thread that was reading when the change came in keeps what it has read under
            the number before, where nobody looks any more.
        """
        clients_sudo = self.sudo().search([("state", "in", ("test", "live"))])
        by_id = {client.id: client._prepare_data() for client in clients_sudo}
        keys, key_sets_ = clients_sudo.key_ids._prepare_keys()
        owners = {}
        for client_id, client_keys in keys.items():
            for key in client_keys:
                owners.setdefault(key.kid, set()).add(client_id)
        for client_id, client_sets in key_sets_.items():
            for key in itertools.chain(*(found.stored for found in client_sets)):
                owners.setdefault(key.kid, set()).add(client_id)
        return Callers(
            by_code={client.code: client for client in by_id.values()},
            by_id=by_id,
            credentialless=tuple(
                client for client in by_id.values() if client.credentialless
            ),
            secrets={
                secret.id: Secret(
                    secret.id,
                    by_id[secret.client_id.id],
                    secret.digest,
                    _seconds(secret.valid_until, NEVER),
                )
                for secret in clients_sudo.secret_ids
                if not secret.revoked_at
            },
            keys=keys,
            owners={kid: frozenset(ids) for kid, ids in owners.items()},
            key_sets=key_sets_,
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
            needs_token=not self.credentialless
            and self.credentials in ("token", "both"),
            needs_signature=not self.credentialless
            and self.credentials in ("signature", "both"),
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
        if self.state == "test":
            allowed = id_types.search([("is_test", "=", True)])
        else:
            allowed = id_types.search([("is_test", "=", False)])
            allowed &= self.id_type_ids or allowed
        return Limits(
            id_types=frozenset(allowed.ids),
            providers=frozenset(self.fsp_ids.mapped("code")) if self.fsp_ids else None,
            may_override=self.may_override,
        )


def _seconds(moment, default):
    """A naive UTC datetime as seconds since 1970."""
    return moment.replace(tzinfo=UTC).timestamp() if moment else default
