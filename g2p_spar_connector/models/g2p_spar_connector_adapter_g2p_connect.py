# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging
import time
import uuid
from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    AddressError,
    SparConfigurationError,
    SparTransientError,
)
from odoo.addons.g2p_spar_mapper.g2p_connect.codes import foreign_code
from odoo.addons.g2p_spar_mapper.g2p_connect.envelope import build_request, read_answer
from odoo.addons.g2p_spar_mapper.g2p_connect.messages import (
    MessageError,
    decode_foreign_answer,
)
from odoo.addons.g2p_spar_mapper.http_client import post_json
from odoo.addons.g2p_spar_mapper.outcomes import (
    DETAILS,
    INVALID_FA,
    OK,
    REJECTED,
    YES_NO,
    Actor,
    Outcome,
    ResolveItem,
)
from odoo.addons.g2p_spar_mapper.validation import clean_text

from ..capabilities import OPERATIONS, SECONDS, Capabilities

_logger = logging.getLogger(__name__)

ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"
URL_FIELDS = {verb: f"g2p_connect_{verb}_url" for verb in OPERATIONS}
MAX_SECONDS = 300
#: header codes after which the items' own answers still count
NOT_A_REFUSAL = (None, "", "rjct.errors.too_many")
BASE_ANSWER_BYTES = 1 << 20
ITEM_ANSWER_BYTES = 1 << 14


def _url_field(label):
    """The full address of one verb: made from the base address, and editable."""
    return fields.Char(
        label,
        compute="_compute_g2p_connect_urls",
        store=True,
        readonly=False,
        groups=ADMINISTRATOR,
    )


class SparConnector(models.Model):
    _inherit = "g2p.spar.connector"

    adapter = fields.Selection(
        selection_add=[("g2p_connect", "G2P-Connect mapper over HTTP")],
        ondelete={"g2p_connect": "set default"},
    )
    g2p_connect_base_url = fields.Char(
        "Base Address",
        groups=ADMINISTRATOR,
        help="The four addresses below are made from it by adding /link, /update, "
        "/unlink and /resolve. OpenG2P mappers: https://…/mapper/sync",
    )
    g2p_connect_link_url = _url_field("Link")
    g2p_connect_update_url = _url_field("Update")
    g2p_connect_unlink_url = _url_field("Unlink")
    g2p_connect_resolve_url = _url_field("Resolve")
    g2p_connect_sender_id = fields.Char(
        "Sender ID",
        groups=ADMINISTRATOR,
        help="The name under which the mapper knows this registry.",
    )
    g2p_connect_timeout = fields.Integer(
        "Time-out (s)",
        default=30,
        groups=ADMINISTRATOR,
        help="Most seconds to wait for a whole answer.",
    )
    g2p_connect_chunk_size = fields.Integer(
        "IDs per Message",
        default=1000,
        groups=ADMINISTRATOR,
        help="Longer lists are sent in several messages.",
    )

    @api.depends("g2p_connect_base_url")
    def _compute_g2p_connect_urls(self):
        for connector in self:
            base = (connector.g2p_connect_base_url or "").strip().rstrip("/")
            for verb, name in URL_FIELDS.items():
                connector[name] = f"{base}/{verb}" if base else connector[name]

    @api.constrains("adapter", *URL_FIELDS.values())
    def _check_g2p_connect_urls(self):
        for connector in self.filtered(lambda c: c.adapter == "g2p_connect"):
            for name in URL_FIELDS.values():
                if not connector[name] or not _is_address(connector[name]):
                    raise ValidationError(
                        self.env._(
                            "%(field)s: enter a full address such as "
                            "https://mapper.example.org/mapper/sync/resolve, without "
                            "user name or password.",
                            field=self._fields[name]._description_string(self.env),
                        )
                    )

    @api.constrains("g2p_connect_timeout", "g2p_connect_chunk_size")
    def _check_g2p_connect_limits(self):
        for connector in self:
            if not 1 <= connector.g2p_connect_timeout <= MAX_SECONDS:
                raise ValidationError(
                    self.env._("Time-out: enter 1 to %s seconds.", MAX_SECONDS)
                )
            if not 1 <= connector.g2p_connect_chunk_size <= 10000:
                raise ValidationError(
                    self.env._("IDs per Message: enter a number from 1 to 10000.")
                )

    @api.model
    def _connection_fields(self):
        return super()._connection_fields() | {
            "g2p_connect_base_url",
            *URL_FIELDS.values(),
            "g2p_connect_sender_id",
        }


class SparConnectorAdapterG2pConnect(models.AbstractModel):
    """A mapper elsewhere that speaks G2P-Connect 1.0.0, synchronously.

    Made for what real servers answer (OpenG2P mapper 1.1.0 among them): the message
    shapes and the meaning of codes are those of ``g2p_spar_mapper.g2p_connect``.
    """

    _name = "g2p.spar.connector.adapter.g2p_connect"
    _inherit = "g2p.spar.connector.adapter"
    _description = "SPAR Adapter: G2P-Connect over HTTP"

    def _capabilities(self, connector):
        return Capabilities(
            batch_size=connector.g2p_connect_chunk_size, one_item_per_id=True
        )

    def _link(self, connector, items, actor):
        return self._exchange(connector, "link", items, actor)

    def _update(self, connector, items, actor):
        return self._exchange(connector, "update", items, actor)

    def _unlink(self, connector, items, actor):
        return self._exchange(connector, "unlink", items, actor)

    def _resolve(self, connector, items, actor):
        outcomes = self._exchange(connector, "resolve", items, actor)
        for number, (item, outcome) in enumerate(zip(items, outcomes, strict=True)):
            asks_where = item.scope == DETAILS and not item.fa
            if asks_where and outcome.code == OK and not outcome.fa:
                text = self.env._("The mapper gave no address for this ID.")
                outcomes[number] = _not_usable(outcome, text)
        return self._with_directory(outcomes)

    def _check(self, connector):
        """Resolve an ID that nobody has, asking only yes or no."""
        started = time.monotonic()
        item = ResolveItem(id=f"spar-connection-test-{uuid.uuid4()}", scope=YES_NO)
        self._exchange(connector, "resolve", [item], Actor("staff"))
        return self.env._(
            "The mapper answered a look-up after %s ms.",
            round((time.monotonic() - started) * 1000),
        )

    def _exchange(self, connector, operation, items, actor):
        """Send one message and read what became of its items.

        The log gets numbers only: no ID, no address, nothing of the answer.
        """
        request = build_request(
            operation,
            items,
            transaction_id=actor.transaction,
            sender_id=connector.g2p_connect_sender_id or "",
        )
        started = time.monotonic()
        body = post_json(
            self._get_url(connector, operation),
            request.body,
            seconds=self._get_seconds(connector, operation),
            max_bytes=BASE_ANSWER_BYTES + ITEM_ANSWER_BYTES * len(items),
        )
        _logger.info(
            "connector %s: %s of %s items answered with %s bytes in %.0f ms",
            connector.id,
            operation,
            len(items),
            len(body),
            (time.monotonic() - started) * 1000,
        )
        try:
            outcomes = read_answer(
                operation,
                items,
                request.references,
                body,
                transaction_id=request.transaction_id,
            )
            if all(outcome.code == REJECTED for outcome in outcomes):
                self._check_header(operation, body)
        except MessageError as err:
            _logger.warning(
                "connector %s: unreadable answer to %s: %s",
                connector.id,
                operation,
                err.message,
            )
            raise SparTransientError(
                self.env._("The mapper gave an answer that cannot be read."), "answer"
            ) from err
        return outcomes

    def _check_header(self, operation, body):
        """A message refused as a whole is a matter for operators, not for people."""
        header, _answers = decode_foreign_answer(operation, body)
        code = header.status_reason_code
        if header.status != "rjct" or code in NOT_A_REFUSAL:
            return
        if code == "rjct.message_id.duplicate":
            raise SparTransientError(
                self.env._("The mapper is still busy with an earlier message."), code
            )
        code = foreign_code(code) or "rjct"
        raise SparConfigurationError(
            self.env._("The mapper refused the whole message (%s).", code), code
        )

    def _get_seconds(self, connector, operation):
        """Most time for one message; only a look-up is harmless to give up early."""
        seconds = connector.g2p_connect_timeout
        if operation != "resolve":
            return seconds
        return min(seconds, self.env.context.get(SECONDS, seconds))

    def _get_url(self, connector, operation):
        url = connector[URL_FIELDS[operation]]
        if not url:
            raise SparConfigurationError(
                self.env._("The connector “%s” has no address.", connector.name), "url"
            )
        return url

    def _with_directory(self, outcomes):
        """Add what the directory of this database knows of each address.

        The provider's own words in the answer serve where the directory knows nothing.
        """
        found = [number for number, one in enumerate(outcomes) if one.fa]
        addresses = self.env["g2p.spar.account.type"]._parse_addresses(
            [outcomes[number].fa for number in found], strict=False
        )
        for number, address in zip(found, addresses, strict=True):
            outcome = outcomes[number]
            if isinstance(address, AddressError):
                text = self.env._("The address kept for this ID is not usable.")
                outcomes[number] = _not_usable(outcome, text)
                continue
            outcomes[number] = outcome._replace(
                number=address.number,
                masked=address.masked,
                account_type=address.account_type,
                fsp_code=address.fsp_code or clean_text(outcome.fsp_code),
                fsp_name=address.fsp_name or clean_text(outcome.fsp_name),
                branch_code=address.branch_code or clean_text(outcome.branch_code),
                branch_name=address.branch_name or clean_text(outcome.branch_name),
            )
        return outcomes


def _not_usable(outcome, text):
    """What a look-up says of an ID whose account nobody can be paid to."""
    return Outcome(INVALID_FA, outcome.id, outcome.reference, text)


def _is_address(url):
    try:
        parts = urlsplit(url)
        port_is_a_number = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return bool(
        parts.scheme in ("http", "https")
        and parts.hostname
        and "@" not in parts.netloc
        and port_is_a_number
        and url.isprintable()
        and " " not in url
    )
