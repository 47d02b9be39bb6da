# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime

#: what a client may do more when it is set
SWITCHES = (
    "may_link",
    "may_update",
    "may_unlink",
    "may_resolve",
    "may_see_details",
    "may_resolve_by_fa",
    "may_override",
    "credentialless",
)
#: empty: all
LISTS = ("id_type_ids", "fsp_ids")
#: more is more; 0: no limit
RATES = ("request_rate", "item_rate")
#: where results go, one address per line
ADDRESSES = ("callback_url", "callback_allowed")
RIGHTS = (
    *SWITCHES,
    *LISTS,
    *RATES,
    *ADDRESSES,
    "item_limit",
    "networks",
    "credentials",
    "profile",
    "valid_from",
    "valid_until",
)
TIME = "d MMMM y, HH:mm ZZZZ"
#: the request itself; only the methods here set it
REQUEST = {"requested", "requested_by_id", "requested_at"}


class G2pSparClient(models.Model):
    """Four eyes: a client goes live, and a live client gets more rights, only when a
    second administrator agrees. What takes rights away works at once.
    """

    _inherit = "g2p.spar.client"

    requested = fields.Json(readonly=True, copy=False)
    requested_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    requested_at = fields.Datetime(readonly=True, copy=False)
    request_number = fields.Integer(
        readonly=True,
        copy=False,
        help="Of the last request. The same words asked for once more are another one: "
        "the client may have been changed in between.",
    )
    requested_text = fields.Html("Asked for", compute="_compute_requested_text")
    is_own_request = fields.Boolean(compute="_compute_is_own_request")

    @api.depends("requested")
    def _compute_requested_text(self):
        for client in self:
            lines = [
                f"{client._fields[name]._description_string(self.env)}: {shown}"
                for name, shown in client._show_requested()
            ]
            client.requested_text = client._as_list(lines) if lines else False

    def _show_requested(self):
        """Names and values of what is asked for, as people read them."""
        for name, value in (self.requested or {}).items():
            field = self._fields[name]
            if name in LISTS:
                records, gone = self._get_requested_list(name)
                shown = records.mapped("display_name") + [self.env._("deleted")] * gone
                shown = ", ".join(shown) or self.env._("all")
            elif field.type == "selection":
                shown = dict(field._description_selection(self.env)).get(value, value)
            elif field.type == "boolean":
                shown = self.env._("yes")
            elif field.type == "datetime" and value:
                # with its zone: the chatter has it, too, for readers in other zones
                shown = format_datetime(self.env, value, dt_format=TIME)
            else:
                shown = value or self.env._("no limit")
            yield name, shown

    def _get_requested_list(self, name):
        """Entries of a list that is asked for, and how many were deleted since."""
        entries = self.env[self._fields[name].comodel_name].browse(self.requested[name])
        known = entries.exists()
        return known, len(entries) - len(known)

    @api.depends_context("uid")
    @api.depends("requested_by_id")
    def _compute_is_own_request(self):
        for client in self:
            client.is_own_request = client.requested_by_id == self.env.user

    # --- asking -----------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Override: a new client begins in test, and going live is asked for."""
        if self.env.su:
            return super().create(vals_list)
        live = []
        for vals in vals_list:
            live.append(vals.get("state") == "live")
            if live[-1]:
                vals["state"] = "test"
        clients = super().create(vals_list)
        for client, is_live in zip(clients, live, strict=True):
            if is_live:
                client._ask({"state": "live"})
        return clients

    def write(self, vals):
        """Override: hold back what needs a second administrator."""
        if self.env.su:
            return super().write(vals)
        if not (vals.keys() & {"state", *RIGHTS}):
            return super().write(vals)
        for client in self:
            held = client._hold_back(vals)
            allowed = {name: vals[name] for name in vals.keys() - held.keys()}
            if client._is_overtaken(allowed, vals):
                client._drop_request(
                    self.env._("The client was changed: ask for it again.")
                )
            super(G2pSparClient, client).write(allowed)
            if held:
                client._ask(held)
        return True

    def _is_overtaken(self, allowed, vals):
        """Whether a change is newer than what is asked for and has to do with it: the
        approval would give back what was just taken away, or be for a client that
        nobody has looked at.

        :param dict allowed: the part of ``vals`` that works at once
        """
        asked = (self.requested or {}).keys()
        return bool(
            asked & allowed.keys() or "state" in asked and vals.keys() & {*RIGHTS}
        )

    def _hold_back(self, vals):
        """The part of ``vals`` that waits for a second administrator.

        :rtype: dict
        """
        self.ensure_one()
        if vals.get("state", self.state) != "live":
            return {}
        if self.state != "live":
            return {"state": "live"}
        held = {}
        for name in vals.keys() & {*RIGHTS}:
            value = vals[name]
            if name in LISTS:
                value = self._linked(name, value)
            if not self._is_wider(name, value):
                continue
            if value and self._fields[name].type == "datetime":
                value = fields.Datetime.to_string(fields.Datetime.to_datetime(value))
            held[name] = value
        return held

    def _linked(self, name, commands):
        """Ids that a many2many has after ``commands``."""
        ids = set(self[name].ids)
        for command, *operands in commands:
            match command:
                case fields.Command.LINK:
                    ids.add(operands[0])
                case fields.Command.UNLINK:
                    ids.discard(operands[0])
                case fields.Command.CLEAR:
                    ids = set()
                case fields.Command.SET:
                    ids = set(operands[1])
                case _:
                    raise UserError(
                        self.env._("Make and change providers and ID types elsewhere.")
                    )
        return sorted(ids)

    def _is_wider(self, name, value):
        """Whether a client could do more with ``value`` than now."""
        now = self[name]
        if name in SWITCHES:
            return bool(value) and not now
        if name in LISTS:
            return bool(now) and (not value or not set(value) <= set(now.ids))
        if name in RATES:
            return bool(now) and (not value or value > now)
        if name in ADDRESSES:
            return not set((value or "").split()) <= set((now or "").split())
        if name == "item_limit":
            return value > now
        if name == "networks":
            return self._is_wider_network(value)
        if name == "credentials":
            return value not in (now, "both")
        if name == "profile":
            return value == "compat" and now == "strict"
        value = fields.Datetime.to_datetime(value)
        if name == "valid_from":
            return bool(now) and (not value or value < now)
        return bool(now) and (not value or value > now)

    def _is_wider_network(self, text):
        now = self._parse_networks()
        if not now:
            return False
        after = self.new({"networks": text})._parse_networks()
        return not after or not all(
            any(
                network.version == own.version and network.subnet_of(own) for own in now
            )
            for network in after
        )

    def _ask(self, held):
        """Keep what is asked for until another administrator decides."""
        self.ensure_one()
        requested = self.requested or {}
        if requested and self.requested_by_id != self.env.user:
            raise UserError(
                self.env._(
                    "%s has asked for a change of this client already. Approve or "
                    "refuse that first.",
                    self.requested_by_id.name,
                )
            )
        # sudo: nobody has the right to write a request, or could approve the own one
        self.sudo().write(
            {
                "requested": requested | held,
                "requested_by_id": self.env.uid,
                "requested_at": fields.Datetime.now(),
                "request_number": self.request_number + 1,
            }
        )
        self.message_post(
            body=self.env._("Waits for another administrator:") + self.requested_text
        )

    # --- deciding ---------------------------------------------------------------------

    def action_approve(self):
        """Do what another administrator has asked for.

        :raise UserError: it is another request than the second one has looked at, or
            names what there is no more
        """
        self.ensure_one()
        self.check_access("write")
        if not self.requested:
            raise UserError(self.env._("Nothing is asked for."))
        if self.requested_by_id == self.env.user:
            raise UserError(
                self.env._("You have asked for this: another administrator approves.")
            )
        seen = self.env.context.get("seen_request", self.request_number)
        if seen != self.request_number:
            raise UserError(
                self.env._(
                    "The request was changed after you had opened it. Look at it again."
                )
            )
        if any(
            self._get_requested_list(name)[1] for name in {*LISTS} & {*self.requested}
        ):
            raise UserError(
                self.env._("An entry of the list was deleted: ask for it again.")
            )
        values = {
            name: [fields.Command.set(value)] if name in LISTS else value
            for name, value in self.requested.items()
        }
        # sudo: the second administrator has agreed
        self.sudo().write(values | dict.fromkeys(REQUEST, False))
        self.message_post(body=self.env._("Approved."))
        return True

    def action_refuse(self):
        """Drop what was asked for; who asked may take it back."""
        self.ensure_one()
        self.check_access("write")
        self._drop_request(self.env._("Not approved."))
        return True

    def _drop_request(self, reason):
        # sudo: see _ask()
        self.sudo().write(dict.fromkeys(REQUEST, False))
        self.message_post(body=reason)
