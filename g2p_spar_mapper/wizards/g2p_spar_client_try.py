# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import json
import time
import uuid
from datetime import UTC

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..call import Call
from ..faults import translate
from ..g2p_connect import messages
from ..outcomes import DETAILS, YES_NO


class G2pSparClientTry(models.TransientModel):
    """A call of the API, made in the backend in the name of a test client.

    Only test clients can be tried: they reach only IDs that belong to nobody, so this
    is no way to look up people's accounts.
    """

    _name = "g2p.spar.client.try"
    _description = "SPAR Try the API"

    client_id = fields.Many2one(
        "g2p.spar.client",
        required=True,
        default=lambda self: self.env.context.get("active_id"),
    )
    operation = fields.Selection(
        [(verb, verb) for verb in messages.OPERATIONS],
        required=True,
        default=messages.RESOLVE,
    )
    wire_id = fields.Char(
        "Beneficiary ID",
        default=lambda self: self._default_wire_id(),
        help="An ID of a type that is for tests.",
    )
    fa = fields.Char("Address", default=lambda self: self._default_fa())
    scope = fields.Selection(
        [(YES_NO, "Whether there is an account"), (DETAILS, "The account")],
        default=DETAILS,
    )
    message_id = fields.Char(default=lambda self: str(uuid.uuid4()))
    sent_at = fields.Datetime(default=fields.Datetime.now)
    request = fields.Text(compute="_compute_request")
    curl = fields.Text("The same with curl", compute="_compute_request")
    status = fields.Char("HTTP status", readonly=True)
    answer = fields.Text(readonly=True)
    milliseconds = fields.Float("Time in ms", readonly=True, digits=(16, 1))

    @api.model
    def _default_wire_id(self):
        id_type = self.env["g2p.spar.id.type"].search(
            [("is_test", "=", True), ("example", "!=", False)], limit=1
        )
        return id_type.example

    @api.model
    def _default_fa(self):
        strategies = self.env["g2p.spar.strategy"].search(
            [("kind", "=", "fa"), ("state", "=", "active")]
        )
        return next(filter(None, strategies.mapped("sample_text")), False)

    @api.constrains("wire_id")
    def _check_wire_id(self):
        """Real people's IDs are not even kept here."""
        id_types = self.env["g2p.spar.id.type"]
        for attempt in self.filtered("wire_id"):
            (parsed,) = id_types._parse_ids([attempt.wire_id])
            if not parsed or not id_types.browse(parsed.id_type_id).is_test:
                raise ValidationError(
                    self.env._("This ID is of no type that is for tests.")
                )

    @api.depends("client_id", "operation", "wire_id", "fa", "scope", "message_id")
    def _compute_request(self):
        for attempt in self:
            content = attempt._prepare_message()
            attempt.request = json.dumps(content, indent=2, ensure_ascii=False)
            attempt.curl = attempt._prepare_curl()

    def _prepare_message(self):
        """The request as a dictionary."""
        now = self.sent_at.replace(tzinfo=UTC).isoformat()
        item = {"reference_id": "r-1", "timestamp": now, "id": self.wire_id or ""}
        if self.operation == messages.RESOLVE:
            item["scope"] = self.scope or YES_NO
        elif self.operation != messages.UNLINK:
            item["fa"] = self.fa or ""
        return {
            "header": {
                "version": messages.VERSION,
                "message_id": self.message_id,
                "message_ts": now,
                "action": self.operation,
                "sender_id": self.client_id.code,
                "total_count": 1,
            },
            "message": {
                "transaction_id": f"try-{self.message_id}",
                f"{self.operation}_request": [item],
            },
        }

    def _prepare_curl(self):
        """How the client itself would send it; what only it has stands as variables."""
        client = self.client_id
        url = f"{client.get_base_url()}/mapper/sync/{self.operation}"
        lines = [f"curl -s {url}", "-H 'Content-Type: application/json'"]
        if not client.credentialless:
            if client.credentials in ("token", "both"):
                lines.append('-H "Authorization: Bearer $TOKEN"')
            if client.credentials in ("signature", "both"):
                lines.append('-H "Signature: $SIGNATURE"')
        body = self.request.replace("'", "'\\''")
        return " \\\n  ".join([*lines, f"--data-binary '{body}'"])

    def action_send(self):
        """Send the request and show the answer."""
        self.ensure_one()
        client = self.client_id
        client.check_access("write")
        if client.state != "test":
            raise UserError(
                self.env._(
                    "Only a client in test can be tried here. A live one reaches "
                    "people's accounts, and nobody looks at those through this page."
                )
            )
        if self.answer:  # a message is sent once
            self.write(
                {"message_id": str(uuid.uuid4()), "sent_at": fields.Datetime.now()}
            )
        started = time.perf_counter()
        status, body = self._send(self.request.encode())
        self.write(
            {
                "status": status,
                "milliseconds": (time.perf_counter() - started) * 1000,
                "answer": json.dumps(json.loads(body), indent=2, ensure_ascii=False),
            }
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "name": self.env._("Try the API"),
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }

    def _send(self, body):
        """What the API answers, faults included.

        :return: HTTP status and JSON
        """
        call = Call(self.operation, body, "")
        # the API's own user and language; the client has been checked to be a test one
        gateway = (
            self.env["g2p.spar.gateway"]
            .with_user(SUPERUSER_ID)
            .with_context(lang="en_US")
        )
        client = self.env["g2p.spar.client"]._callers().by_id[self.client_id.id]
        try:
            with self.env.cr.savepoint():
                request = messages.decode_request(body)
                return "200", gateway._serve_known(call, request, client).body
        except Exception as exc:  # noqa: BLE001 - shown as the API shows it
            fault = translate(exc)
            return str(fault.status), fault.body
