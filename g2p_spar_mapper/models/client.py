# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from ipaddress import ip_network

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import single_email_re

from ..g2p_connect import messages

DEFAULT_ITEM_LIMIT = 10_000
#: An empty list means all. So what is archived stays in the list, and what is in a list
#: is not deleted: a limit must not vanish with what it names.
_ARCHIVED_TOO = {"active_test": False}


class G2pSparClient(models.Model):
    """An organisation's system that may call the API, and what it may do there."""

    _name = "g2p.spar.client"
    _description = "SPAR API Client"
    _inherit = ["mail.thread", "g2p.spar.system.fields", "g2p.spar.cached"]
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
    contact_name = fields.Char("Contact", tracking=True)
    contact_email = fields.Char("E-mail", tracking=True)
    contact_phone = fields.Char("Phone", tracking=True)
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
        help="A test client may touch only IDs of types that are marked as being for "
        "tests, a live client never those. A suspended client is refused from the next "
        "request on.",
    )
    valid_from = fields.Datetime(
        tracking=True, help="Calls are refused before. Empty: no limit."
    )
    valid_until = fields.Datetime(
        tracking=True, help="Calls are refused from then on. Empty: no limit."
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
    id_type_ids = fields.Many2many(
        "g2p.spar.id.type",
        string="ID types",
        ondelete="restrict",
        context=_ARCHIVED_TOO,
        tracking=True,
        help="The kinds of ID the client may name. Empty: all. As long as the client "
        "is in test, it may name only those for tests.",
    )
    fsp_ids = fields.Many2many(
        "g2p.spar.fsp",
        string="Providers",
        ondelete="restrict",
        context=_ARCHIVED_TOO,
        tracking=True,
        help="The providers the client may link accounts of; a bank names itself. "
        "Empty: all.",
    )
    may_override = fields.Boolean(
        "Replace other providers",
        tracking=True,
        help="Update an ID whose account is at a provider that is not in the list. The "
        "message has to name the current provider and a reference of the person's "
        "consent. Without this right such an update is refused.",
    )
    credentials = fields.Selection(
        [
            ("token", "Token"),
            ("signature", "Signature"),
            ("both", "Token and signature"),
        ],
        required=True,
        default="token",
        tracking=True,
        help="What each call has to show. Tokens come from the token endpoint, for one "
        "of the client's secrets; signatures are made with one of its keys.",
    )
    credentialless = fields.Boolean(
        "No credentials",
        copy=False,  # of two that share a network, neither is known by it
        tracking=True,
        help="The client shows neither token nor signature. It is known by its network "
        "alone, so allow only networks that nobody else can send from.",
    )
    networks = fields.Text(
        tracking=True,
        help="The addresses the client calls from, one network per line, for example "
        "192.0.2.0/28 or 2001:db8::/64. Empty: from everywhere.",
    )
    profile = fields.Selection(
        [("compat", "Compatible"), ("strict", "Strict")],
        required=True,
        default="compat",
        tracking=True,
        help="Compatible takes what existing programs send: counts that are wrong, "
        "times in any form, references used twice, IDs that do not fit the pattern of "
        "their type, providers that the directory does not know, addresses of any "
        "form, account numbers that break the rule of their account type. Strict "
        "refuses these.",
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
    signed_answers = fields.Boolean(
        default=True,
        help="Answers and call-backs carry a signature when this registry has a "
        "signing key.",
    )
    callback_url = fields.Char(
        "Call-back address",
        tracking=True,
        help="Where results of asynchronous calls go when a message names no "
        "sender_uri.",
    )
    rendering_ids = fields.One2many(
        "g2p.spar.client.rendering",
        "client_id",
        "Address formats",
        copy=True,
        help="Addresses this client looks up are written in these formats. Account "
        "types that are not listed come as they are stored.",
    )
    item_limit = fields.Integer(
        "Items per message",
        required=True,
        default=DEFAULT_ITEM_LIMIT,
        tracking=True,
        help="A message with more items is refused as a whole.",
    )
    request_rate = fields.Integer(
        "Messages per minute",
        tracking=True,
        help="On average; as many may come at once. 0: no limit.",
    )
    item_rate = fields.Integer(
        "Items per minute",
        tracking=True,
        help="On average; as many may come at once. 0: no limit.",
    )

    summary = fields.Html("What this client can do", compute="_compute_summary")

    _code_uniq = models.Constraint(
        "UNIQUE (code)", "Another client uses this sender ID already."
    )
    _item_limit_positive = models.Constraint(
        "CHECK (item_limit > 0)", "A message must be allowed at least one item."
    )
    _rates_not_negative = models.Constraint(
        "CHECK (request_rate >= 0 AND item_rate >= 0)",
        "Rates are numbers per minute; 0 is no limit.",
    )
    _validity_order = models.Constraint(
        "CHECK (valid_from < valid_until)", "The validity ends before it begins."
    )

    @api.depends(
        *("state", "valid_from", "valid_until"),
        *(f"may_{verb}" for verb in messages.OPERATIONS),
        *("may_see_details", "may_override", "id_type_ids", "fsp_ids"),
        *("credentialless", "credentials", "networks"),
        *("item_limit", "request_rate", "item_rate"),
    )
    def _compute_summary(self):
        for client in self:
            client.summary = self._as_list(client._sum_up())

    @api.model
    def _as_list(self, lines):
        return Markup("<ul class='mb-0'>{}</ul>").format(
            Markup().join(Markup("<li>{}</li>").format(line) for line in lines)
        )

    def _sum_up(self):
        """Sentences that say what the client can do, for people.

        :rtype: list[str]
        """
        self.ensure_one()
        return [
            self._sum_up_state(),
            self._sum_up_verbs(),
            *self._sum_up_scope(),
            self._sum_up_credentials(),
            self._sum_up_rates(),
        ]

    def _sum_up_state(self):
        if self.state == "suspended":
            return self.env._("Suspended: every call is refused.")
        now = fields.Datetime.now()
        if self.valid_until and self.valid_until <= now:
            return self.env._("Its time is over: every call is refused.")
        if self.valid_from and self.valid_from > now:
            return self.env._("Its time has not begun: every call is refused.")
        if self.state == "test":
            return self.env._("In test: it can touch only IDs that are for tests.")
        return self.env._("Live: it works on real people's accounts.")

    def _sum_up_verbs(self):
        verbs = [
            self._fields[f"may_{verb}"]._description_string(self.env).lower()
            for verb in messages.OPERATIONS
            if self[f"may_{verb}"]
        ]
        if not verbs:
            return self.env._("It may call nothing.")
        if not self.may_resolve:
            return self.env._("It may %s.", ", ".join(verbs))
        if self.may_see_details:
            return self.env._("It may %s, and sees account numbers.", ", ".join(verbs))
        return self.env._(
            "It may %s, and learns only whether there is an account.", ", ".join(verbs)
        )

    def _sum_up_scope(self):
        lines = []
        if self.state != "test" and self.id_type_ids:
            names = ", ".join(self.id_type_ids.mapped("display_name"))
            lines.append(self.env._("It may name only these kinds of ID: %s.", names))
        if self.fsp_ids:
            names = ", ".join(self.fsp_ids.mapped("display_name"))
            lines.append(self.env._("It may link only accounts at: %s.", names))
        if self.may_override:
            lines.append(
                self.env._(
                    "It may replace an account at another provider if it names that "
                    "provider and the person's consent."
                )
            )
        return lines

    def _sum_up_credentials(self):
        if self.credentialless:
            return self.env._("It is known by its network alone.")
        selection = dict(self._fields["credentials"]._description_selection(self.env))
        shown = selection.get(self.credentials, "")
        if self.networks:
            return self.env._("It shows: %s; it calls from its networks only.", shown)
        return self.env._("It shows: %s; it may call from everywhere.", shown)

    def _sum_up_rates(self):
        if not (self.request_rate or self.item_rate):
            return self.env._(
                "Up to %s items a message, as often as it likes.", self.item_limit
            )
        return self.env._(
            "Up to %(limit)s items a message; %(requests)s messages and %(items)s "
            "items a minute.",
            limit=self.item_limit,
            requests=self.request_rate or "∞",
            items=self.item_rate or "∞",
        )

    def copy_data(self, default=None):
        """Override: a copy is another client, with another name and sender ID."""
        vals_list = super().copy_data(default)
        for client, vals in zip(self, vals_list, strict=True):
            vals.setdefault("code", f"{client.code}-copy")
            if not (default and "name" in default):
                vals["name"] = self.env._("%s (copy)", client.name)
        return vals_list

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

    @api.constrains("contact_email")
    def _check_contact_email(self):
        for client in self:
            if client.contact_email and not single_email_re.match(client.contact_email):
                raise ValidationError(
                    self.env._("“%s” is not an e-mail address.", client.contact_email)
                )

    @api.constrains("may_override", "fsp_ids")
    def _check_may_override(self):
        for client in self:
            if client.may_override and not client.fsp_ids:
                raise ValidationError(
                    self.env._(
                        "A client that may link to every provider replaces accounts "
                        "anyway; “Replace other providers” is for those with a list."
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
