# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from ..call import Call
from ..outcomes import Limits

DEFAULT_ITEM_LIMIT = 10_000


class ClientData(NamedTuple):
    """What the API needs to know about a client; kept in memory by each worker."""

    id: int
    code: str  #: the sender_id it uses
    purpose: str
    verbs: frozenset[str]  #: operations it may call
    details: bool
    resolve_by_fa: bool
    strict: bool
    item_limit: int
    networks: tuple[IPv4Network | IPv6Network, ...]
    dialect: str  #: ``openg2p`` or ``spec``
    all_failed_rejects: bool  #: header ``rjct`` when no item succeeded
    callback_url: str  #: where results of asynchronous calls go by default
    limits: Limits

    def reaches_from(self, address):
        return any(address in network for network in self.networks)


class G2pSparClient(models.Model):
    """An organisation's system that may call the API, and what it may do there."""

    _name = "g2p.spar.client"
    _description = "SPAR API Client"
    _inherit = ["mail.thread", "g2p.spar.cached"]
    _order = "name, id"

    name = fields.Char(required=True, tracking=True)
    code = fields.Char(
        "Sender ID",
        required=True,
        copy=False,
        tracking=True,
        help="What the client writes as sender_id in the header of its messages.",
    )
    organisation = fields.Char(
        required=True,
        tracking=True,
        help="Who answers for the calls of this client.",
    )
    purpose = fields.Char(
        required=True,
        tracking=True,
        help="Why this client may use the registry; written into the ledger with each "
        "change it makes.",
    )
    state = fields.Selection(
        [("test", "Test"), ("live", "Live"), ("suspended", "Suspended")],
        required=True,
        default="test",
        copy=False,
        tracking=True,
        help="A suspended client is refused from the next request on. Test and live "
        "clients are served alike.",
    )
    may_link = fields.Boolean("Link", tracking=True)
    may_update = fields.Boolean("Update", tracking=True)
    may_unlink = fields.Boolean("Unlink", tracking=True)
    may_resolve = fields.Boolean("Resolve", tracking=True)
    may_see_details = fields.Boolean(
        "See account details",
        tracking=True,
        help="Resolve with scope details gives the financial address; without this "
        "right only whether an ID has an account.",
    )
    may_resolve_by_fa = fields.Boolean(
        "Look up by address",
        tracking=True,
        help="Ask whether a financial address is linked without naming the ID.",
    )
    credentialless = fields.Boolean(
        "No credentials",
        tracking=True,
        help="The client shows neither token nor signature. It is known by its network "
        "alone, so allow only networks that nobody else can send from.",
    )
    networks = fields.Text(
        tracking=True,
        help="The addresses the client calls from, one network per line, for example "
        "192.0.2.0/28 or 2001:db8::/64.",
    )
    profile = fields.Selection(
        [("compat", "Compatible"), ("strict", "Strict")],
        required=True,
        default="compat",
        tracking=True,
        help="Compatible takes what existing programs send: counts that are wrong, "
        "times in any form, references used twice, providers that the directory does "
        "not know. Strict refuses these.",
    )
    dialect = fields.Selection(
        [("openg2p", "OpenG2P"), ("spec", "Specification")],
        required=True,
        default="openg2p",
        tracking=True,
        help="Which reason codes answers use where the released specification and "
        "OpenG2P's libraries differ.",
    )
    all_failed_rejects = fields.Boolean(
        "Reject when all items fail",
        tracking=True,
        help="Answer with the header status rjct (rjct.errors.too_many) when no item "
        "of a message succeeded. By default the header says succ.",
    )
    callback_url = fields.Char(
        "Call-back address",
        tracking=True,
        help="Where results of asynchronous calls go when a message names no "
        "sender_uri.",
    )
    item_limit = fields.Integer(
        "Items per message",
        required=True,
        default=DEFAULT_ITEM_LIMIT,
        tracking=True,
        help="A message with more items is refused as a whole.",
    )

    _code_uniq = models.Constraint(
        "UNIQUE (code)", "Another client uses this sender ID already."
    )
    _item_limit_positive = models.Constraint(
        "CHECK (item_limit > 0)", "A message must be allowed at least one item."
    )

    @api.constrains("code")
    def _check_code(self):
        for client in self:
            if client.code != client.code.strip() or not client.code.isprintable():
                raise ValidationError(
                    self.env._(
                        "The sender ID must not begin or end with a space or have "
                        "control characters."
                    )
                )

    @api.constrains("networks", "credentialless")
    def _check_networks(self):
        for client in self:
            networks = client._parse_networks()
            if not client.credentialless:
                continue
            if not networks:
                raise ValidationError(
                    self.env._("A client without credentials needs its networks.")
                )
            if not all(network.prefixlen for network in networks):
                raise ValidationError(
                    self.env._(
                        "A client without credentials must not be allowed from "
                        "everywhere; name its networks."
                    )
                )

    def _parse_networks(self):
        """The networks of this client.

        :raise ValidationError: names the line that is no network
        """
        self.ensure_one()
        networks = []
        for number, line in enumerate((self.networks or "").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                networks.append(ip_network(line.strip()))
            except ValueError as err:
                raise ValidationError(
                    self.env._(
                        "Networks, line %(number)s: “%(line)s” is not a network. "
                        "Write it like 192.0.2.0/28 or 2001:db8::/64.",
                        number=number,
                        line=line.strip(),
                    )
                ) from err
        return tuple(networks)

    # --- cache ------------------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _callers(self) -> tuple[ClientData, ...]:
        """All clients that may call now. Each worker keeps the list until any client
        changes anywhere, so a request costs no query and a suspension works at once.
        """
        clients_sudo = self.sudo().search(
            [("credentialless", "=", True), ("state", "in", ("test", "live"))]
        )
        return tuple(client._prepare_data() for client in clients_sudo)

    def _prepare_data(self) -> ClientData:
        self.ensure_one()
        return ClientData(
            id=self.id,
            code=self.code,
            purpose=self.purpose,
            verbs=frozenset(
                verb
                for verb in ("link", "update", "unlink", "resolve")
                if self[f"may_{verb}"]
            ),
            details=self.may_see_details,
            resolve_by_fa=self.may_resolve_by_fa,
            strict=self.profile == "strict",
            item_limit=self.item_limit,
            networks=self._parse_networks(),
            dialect=self.dialect,
            all_failed_rejects=self.all_failed_rejects,
            callback_url=self.callback_url or "",
            limits=Limits(),
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
        address = self._parse_address(call.remote_addr)
        callers = [
            client
            for client in self._callers()
            if (not sender_id or client.code == sender_id)
            and address
            and client.reaches_from(address)
        ]
        if len(callers) != 1:
            raise SparSecurityError(
                self.env._("The sender is not known here."), "err.sender_id.invalid"
            )
        return callers[0]

    @api.model
    def _parse_address(self, remote_addr):
        """An IPv4 address that came in through an IPv6 socket counts as IPv4."""
        try:
            address = ip_address(remote_addr or "")
        except ValueError:
            return None
        return getattr(address, "ipv4_mapped", None) or address
