# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from odoo import api, models

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from .. import isolation, parameters, rates, replay
from ..call import Message, Reply
from ..carriage import too_long
from ..faults import too_many
from ..g2p_connect import checks, envelope, messages, paths, status
from ..outcomes import OK, Actor
from ..rendering import render

MAX_BODY = 10 * 1024 * 1024  #: bytes
#: A message with more items than its client may send is refused item by item, and one
#: of some megabytes could ask for hundreds so; one with more than these is too long.
MOST_ITEMS = 100_000
#: what changes the registry
WRITES = (messages.LINK, messages.UPDATE, messages.UNLINK)
#: how long the row of a message is kept
DAYS_KEPT = 30
#: how old a message of a strict client may be, and how far ahead of our clock
HOURS_BACK = 24
MINUTES_AHEAD = 5


class Work(NamedTuple):
    """What came of a message."""

    body: bytes  #: JSON of the answer
    done_count: int  #: items that were done


class G2pSparGateway(models.AbstractModel):
    """Answers one G2P-Connect message of a client that is known already."""

    _name = "g2p.spar.gateway"
    _description = "SPAR G2P-Connect Gateway"

    @api.model
    def _max_body(self):
        """Bytes that are read of a request at most; more is refused before parsing."""
        return parameters.number(self.env, "max_body_bytes", MAX_BODY)

    @api.model
    def _serve(self, call) -> Reply:
        """Answer one request.

        :param Call call: the request as it came in
        :raise messages.MessageError: the message cannot be read
        :raise SparSecurityError: the client is not known or may not do this
        """
        if call.is_async or call.operation != messages.RESOLVE:
            isolation.read_committed(self.env.cr)  # before the first statement
        request = messages.decode_request(call.body)
        client = self.env["g2p.spar.client"]._authenticate(
            call, request.header.sender_id or "", request.signature
        )
        return self._serve_known(call, request, client)

    @api.model
    def _serve_known(self, call, request, client) -> Reply:
        """Answer a request whose sender is known.

        :param Call call: the request as it came in
        :param messages.Request request: header and the message, not yet read
        :param ClientData client: who is calling
        """
        self._check_rate("requests", client.id, 1, client.request_rate)
        message = self._read(call, request, client)
        self._check_rate("items", client.id, len(message.items), client.item_rate)
        answer = self._answer(message, client)
        if not client.signed_answers:
            return Reply(answer)
        return Reply(*self.env["g2p.spar.signing.key"]._prepare_signed(answer))

    @api.model
    def _check_rate(self, kind, client_id, cost, per_minute):
        """:raise ApiError: 429, the client asks for more than it may"""
        if not per_minute:
            return
        count = rates.rates(self.env.cr.dbname, kind)
        if wait := count.take(client_id, cost, per_minute):
            raise too_many(wait)

    @api.model
    def _read(self, call, request, client) -> Message:
        """Read the inner part of a message.

        :param Call call: the request as it came in
        :param messages.Request request: header and the message, not yet read
        :param ClientData client: who is calling
        :raise messages.MessageError: the message cannot be read
        :raise SparSecurityError: the client may not call this operation
        :raise ApiError: 413, it has items without number
        """
        self._check_right(call.operation, client)
        if request.header.encrypted:
            raise messages.MessageError(
                "Encrypted messages are not supported", "err.encryption.invalid"
            )
        message = self._take_apart(call, request)
        if len(message.items) > max(MOST_ITEMS, client.item_limit):
            raise too_long()
        checks.check_message_id(message.header.message_id)
        checks.check_transaction_id(message.transaction_id)
        return message

    @api.model
    def _take_apart(self, call, request) -> Message:
        """:raise messages.MessageError: the message cannot be read"""
        as_list = False
        if call.operation == paths.STATUS:
            transaction_id, items, as_list = status.decode(request.message)
        else:
            transaction_id, items = messages.decode_request_message(
                call.operation, request.message
            )
        return Message(
            call.operation,
            request.header,
            transaction_id,
            items,
            call.body,
            call.is_async,
            as_list,
        )

    @api.model
    def _check_right(self, operation, client):
        """Every client may ask what became of its own messages, unless its token is for
        something else.

        :raise SparSecurityError: the client may not call this operation
        """
        may_ask = operation == paths.STATUS and client.may_ask_status
        if operation not in client.verbs and not may_ask:
            raise SparSecurityError(
                f"This client may not call {operation}", "err.request.forbidden"
            )

    @api.model
    def _answer(self, message, client) -> bytes:
        """Check the header, have the mapper do it, write the answer.

        :return: JSON of the answer, or of the Ack when it comes later
        """
        if message.is_async:
            return self._accept(message, client)
        if fault := self._header_fault(message, client):
            return self._refuse(message, fault)
        if message.operation in WRITES:
            return self._answer_once(message, client)
        correlation_id = ""
        if client.strict:
            # compatible clients use message ids again, and look-ups change nothing
            correlation_id = replay.register(self.env, client, message)
            if isinstance(correlation_id, checks.HeaderFault):
                return self._refuse(message, correlation_id)
        return self._work(message, client, correlation_id).body

    @api.model
    def _answer_once(self, message, client):
        """Answer a message that changes something, or give its earlier answer again."""
        claimed = replay.claim(self.env, client, message)
        if isinstance(claimed, checks.HeaderFault):
            return self._refuse(message, claimed)
        if isinstance(claimed, replay.Claim):
            work = self._work(message, client, claimed.correlation_id)
            replay.settle(self.env, claimed, "succ", work.done_count, work.body)
            return work.body
        if claimed.answer is None:
            return self._refuse(message, replay.FORGOTTEN)
        return claimed.answer

    @api.model
    def _header_fault(self, message, client):
        fault = checks.header_fault(
            paths.action(message.operation, message.header.action, client.strict),
            message.header,
            len(message.items),
            client.strict,
            client.item_limit,
            client.dialect,
            message.is_async,
        )
        if fault or not (client.strict or client.needs_signature):
            return fault
        now, window = datetime.now(UTC), self._window(client)
        return checks.age_fault(message.header.message_ts, now, window)

    @api.model
    def _window(self, client) -> checks.Window:
        """How old messages may be, and how far ahead of our clock.

        A compatible client that signs is forgiven much, but its signatures hold for
        ever: so its messages must not get older than they are remembered.
        """
        if not client.strict:
            days = parameters.number(self.env, "days_kept", DAYS_KEPT)
            return checks.Window(timedelta(days=days), timedelta(days=1))
        hours = parameters.number(self.env, "message_hours_back", HOURS_BACK)
        minutes = parameters.number(self.env, "message_minutes_ahead", MINUTES_AHEAD)
        return checks.Window(timedelta(hours=hours), timedelta(minutes=minutes))

    @api.model
    def _refuse(self, message, fault, correlation_id=""):
        return envelope.build_refusal(
            message.operation,
            message.header,
            message.transaction_id,
            message.items,
            fault,
            correlation_id=correlation_id,
        )

    @api.model
    def _work(self, message, client, correlation_id="") -> Work:
        """Process a message whose header is sound.

        :param str correlation_id: a new one when empty
        """
        outcomes = self._process(
            message.operation, message.transaction_id, message.items, client
        )
        body = envelope.build_answer(
            message.operation,
            message.header,
            message.transaction_id,
            message.items,
            outcomes,
            dialect=client.dialect,
            all_failed_rejects=client.all_failed_rejects,
            correlation_id=correlation_id,
        )
        return Work(body, [outcome.code for outcome in outcomes].count(OK))

    @api.model
    def _process(self, operation, transaction_id, items, client):
        """One outcome per item: those with a fault of form never reach the mapper."""
        rights = checks.Rights(client.strict, client.details, client.resolve_by_fa)
        faults = checks.item_faults(operation, items, rights)
        sound = items
        if faults:
            sound = [item for place, item in enumerate(items) if place not in faults]
        actor = Actor(
            channel="api",
            client_id=client.id,
            purpose=client.purpose,
            transaction=transaction_id,
            strict=client.strict,
            limits=client.limits,
        )
        verb = getattr(self.env["g2p.spar.mapper"], f"_{operation}")
        outcomes = verb(envelope.service_items(operation, sound), actor)
        if operation == messages.RESOLVE and client.renderings:
            outcomes = render(self.env, outcomes, client.renderings)
        if not faults:
            return outcomes
        done = iter(outcomes)
        return [faults.get(place) or next(done) for place in range(len(items))]
