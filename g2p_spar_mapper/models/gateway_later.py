# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import uuid

from odoo import api, models

from .. import callbacks, reads, replay
from ..g2p_connect import ack, checks, messages, paths, status
from ..g2p_connect.nesting import is_too_deep
from ..outcomes import ResolveItem
from .gateway import Work


class G2pSparGateway(models.AbstractModel):
    """What is answered later: asynchronous messages, and the status of messages."""

    _inherit = "g2p.spar.gateway"

    # --- asynchronous messages --------------------------------------------------------

    @api.model
    def _accept(self, message, client) -> bytes:
        """Take a message to be processed by a job, and say so.

        It is stored, with its job, in this transaction: what got an ACK is not lost.

        :return: JSON of the Ack
        :raise messages.MessageError: it could not be read again
        """
        if is_too_deep(message.body):
            raise messages.MessageError("body: nested too deeply")
        if fault := self._header_fault(message, client):
            return ack.build_error(ack.error_code(fault.code), fault.message)
        url = message.header.sender_uri or client.callback_url
        if url and not callbacks.is_within(url, client.callback_allowed):
            return ack.build_error(
                ack.SENDER_URI, "sender_uri is not among the addresses agreed upon"
            )
        if message.operation == paths.STATUS and not any(self._find(message, client)):
            return ack.build_error(ack.NOT_FOUND, status.UNKNOWN)
        claimed = replay.claim(
            self.env, client, message, request=True, callback_url=url
        )
        if isinstance(claimed, checks.HeaderFault):
            return ack.build_error(ack.BAD_REQUEST, claimed.message)
        if isinstance(claimed, replay.Claim):
            self.env["g2p.spar.transaction"].browse(claimed.id)._enqueue("process")
            is_called_back = bool(url)
        else:
            is_called_back = bool(claimed.callback_url)
        return ack.build_ack(
            claimed.correlation_id, claimed.received_at, is_called_back
        )

    @api.model
    def _finish(self, call, client, correlation_id) -> Work:
        """Process a message that was accepted earlier.

        :param Call call: the message as it came in
        :param ClientData client: who sent it
        :param str correlation_id: as in the Ack
        :raise SparSecurityError: the client may not call this operation any more
        """
        message = self._read(call, messages.decode_request(call.body), client)
        # the result is a message of ours, and the same one however often it is sent
        message.header.message_id = str(uuid.uuid4())
        return self._work(message, client, correlation_id)

    @api.model
    def _refuse_later(self, call, correlation_id, fault) -> bytes:
        """The answer to a message that was accepted and could not be processed."""
        request = messages.decode_request(call.body)
        request.header.message_id = str(uuid.uuid4())
        message = self._take_apart(call, request)
        return self._refuse(message, fault, correlation_id)

    # --- status -----------------------------------------------------------------------

    @api.model
    def _work(self, message, client, correlation_id=""):
        """Override: a status is looked up, not processed by the mapper."""
        if message.operation != paths.STATUS:
            return super()._work(message, client, correlation_id)
        found = self._find(message, client)
        if not message.is_async:
            correlation_id = ""  # no Ack named one: that of what is asked about
        body = self._answer_status(message, found, correlation_id)
        return Work(body, sum(one is not None for one in found))

    @api.model
    def _refuse(self, message, fault, correlation_id=""):
        """Override: a status has an answer of its own form."""
        if message.operation != paths.STATUS:
            return super()._refuse(message, fault, correlation_id)
        found = [None] * len(message.items)
        return self._answer_status(message, found, correlation_id, fault)

    @api.model
    def _answer_status(self, message, found, correlation_id="", fault=None):
        return status.build_answer(
            message.header,
            message.transaction_id,
            correlation_id,
            message.items,
            found,
            message.as_list,
            fault,
        )

    @api.model
    def _find(self, message, client):
        """What is known about each query of a status message; None where nothing is.

        :raise messages.MessageError: several queries have more results than the client
            could have sent items in one message
        :rtype: list[status.Found | None]
        """
        transactions = self.env["g2p.spar.transaction"]
        found, count = [], 0
        for query in message.items:
            asked_for, is_cut_off = transactions._asked_for(query, message, client)
            found.append(self._prepare_found(asked_for, is_cut_off, query, client))
            count += len(found[-1].results) if found[-1] else 0
            if count > client.item_limit and len(found) > 1:
                raise messages.MessageError(status.TOO_MUCH)
        return found

    @api.model
    def _prepare_found(self, transactions, is_cut_off, query, client):
        """Put the results of all messages of one transaction together."""
        if not transactions:
            return None
        results, completed, text = [], 0, ""
        by_reference = query.attribute_type == status.REFERENCE_IDS
        for transaction in transactions:
            is_open = transaction.state in ("rcvd", "pdng")
            found = self._results(transaction, is_open)
            if found is None:
                text = status.NOT_KEPT
                continue
            if by_reference:
                found = status.pick(found, query.values)
            if transaction.operation == messages.RESOLVE and not is_open:
                found = self._tell_accounts(found, transaction, client)
            results += found
            completed += 0 if is_open else len(found)
        if by_reference and is_cut_off and len(results) < len(set(query.values)):
            text = text or status.CUT_OFF
        if by_reference and not results and not text:
            return None
        latest = transactions[-1]
        return status.Found(
            latest.operation,
            latest.transaction_id,
            latest.correlation_id,
            results,
            completed,
            text,
        )

    @api.model
    def _results(self, transaction, is_open):
        """All results of a message; None when they are not kept any more."""
        operation = transaction.operation
        if answer := transaction._contents("answer"):
            return status.kept_results(operation, answer)
        if is_open:
            return status.open_results(
                operation, transaction._items(), transaction.state
            )
        return None

    @api.model
    def _tell_accounts(self, results, transaction, client):
        """Results of a look-up with no more accounts than the client may see now; those
        that it gets to see are accounted for as of a look-up."""
        id_types = self.env["g2p.spar.id.type"]
        named = [status.read_named(result) for result in results]
        parsed = id_types._parse_ids([one.id or "" for one in named], strict=False)
        may_see = client.details and messages.RESOLVE in client.verbs
        allowed = client.limits.id_types
        told, seen = [], []
        for result, one, parsed_id in zip(results, named, parsed, strict=True):
            if one.fa and not (
                may_see
                and (allowed is None or parsed_id and parsed_id.id_type_id in allowed)
            ):
                result = status.without_account(result)
            elif one.fa:
                seen.append(parsed_id)
            told.append(result)
        if seen:
            actor = {
                "channel": "api",
                "client_id": client.id,
                "user_id": None,
                "purpose": client.purpose,
                "transaction": transaction.transaction_id,
            }
            keys = id_types._keys([parsed_id for parsed_id in seen if parsed_id])
            items = [ResolveItem()] * len(seen)
            reads.note(self.env.cr.dbname, actor, items, keys, len(seen))
        return told
