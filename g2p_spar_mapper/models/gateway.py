# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, models

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from ..call import Reply
from ..faults import ApiError
from ..g2p_connect import checks, envelope, messages
from ..outcomes import Actor
from ..rendering import render


class G2pSparGateway(models.AbstractModel):
    """Answers one G2P-Connect message of a client that is known already."""

    _name = "g2p.spar.gateway"
    _description = "SPAR G2P-Connect Gateway"

    @api.model
    def _serve(self, call) -> Reply:
        """Answer one request.

        :param Call call: the request as it came in
        :raise messages.MessageError: the message cannot be read
        :raise SparSecurityError: the client is not known or may not do this
        """
        if call.is_async or call.operation not in messages.OPERATIONS:
            raise ApiError(404, "Not served yet")
        request = messages.decode_request(call.body)
        client = self.env["g2p.spar.client"]._authenticate(
            call, request.header.sender_id or ""
        )
        answer = self._answer(call.operation, request, client)
        if not client.signed_answers:
            return Reply(answer)
        return Reply(*self.env["g2p.spar.signing.key"]._prepare_signed(answer))

    @api.model
    def _answer(self, operation, request, client) -> bytes:
        """Check the message, have the mapper do it, write the answer.

        :param str operation: link, update, unlink or resolve
        :param messages.Request request: header and the message, not yet read
        :param ClientData client: who is calling
        :return: JSON of the answer
        :raise messages.MessageError: the message cannot be read
        :raise SparSecurityError: the client may not call this operation
        """
        if operation not in client.verbs:
            raise SparSecurityError(
                f"This client may not call {operation}", "err.request.forbidden"
            )
        header = request.header
        if header.encrypted:
            raise messages.MessageError(
                "Encrypted messages are not supported", "err.encryption.invalid"
            )
        transaction_id, items = messages.decode_request_message(
            operation, request.message
        )
        checks.check_transaction_id(transaction_id)
        fault = checks.header_fault(
            operation,
            header,
            len(items),
            client.strict,
            client.item_limit,
            client.dialect,
        )
        if fault:
            return envelope.build_refusal(
                operation, header, transaction_id, items, fault
            )
        outcomes = self._process(operation, transaction_id, items, client)
        return envelope.build_answer(
            operation,
            header,
            transaction_id,
            items,
            outcomes,
            dialect=client.dialect,
            all_failed_rejects=client.all_failed_rejects,
        )

    @api.model
    def _process(self, operation, transaction_id, items, client):
        """One outcome per item: those with a fault of form never reach the mapper."""
        rights = checks.Rights(client.strict, client.details, client.resolve_by_fa)
        faults = checks.item_faults(operation, items, rights)
        sound = [item for position, item in enumerate(items) if position not in faults]
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
            outcomes = render(outcomes, client.renderings)
        done = iter(outcomes)
        return [faults.get(position) or next(done) for position in range(len(items))]
