# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import uuid

from odoo import api, models

from .. import callbacks, reads, replay
from ..batch import actor_values
from ..g2p_connect import ack, checks, messages, paths, status
from ..g2p_connect.nesting import is_too_deep
from ..kept_results import KeptResults
from ..outcomes import Actor, ResolveItem
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
        self._note_told(message, client, found)
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
        kept = KeptResults()
        found, count = [], 0
        for query in message.items:
            asked_for, is_cut_off = transactions._asked_for(query, message, client)
            found.append(
                self._prepare_found(asked_for, is_cut_off, query, client, kept)
            )
            count += len(found[-1].results) if found[-1] else 0
            if count > client.item_limit and len(found) > 1:
                raise messages.MessageError(status.TOO_MUCH)
        return found

    @api.model
    def _prepare_found(self, transactions, is_cut_off, query, client, kept):
        """Put the results of all messages of one transaction together."""
        if not transactions:
            return None
        results, told, completed, text = [], [], 0, ""
        by_reference = query.attribute_type == status.REFERENCE_IDS
        references = set(query.values) if by_reference else None
        for transaction in transactions:
            found = kept.find(transaction, references)
            if found is None:
                text = status.NOT_KEPT
                continue
            is_look_up = transaction.operation == messages.RESOLVE
            found, told_now = self._tell_accounts(found, client, is_look_up)
            told += told_now
            results += found
            completed += 0 if transaction._is_open() else len(found)
        if by_reference and is_cut_off and len(results) < len(references):
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
            told,
        )

    @api.model
    def _tell_accounts(self, results, client, is_look_up=True):
        """Results of a message with no more accounts than the client may see now.

        :param bool is_look_up: whether the accounts were found; else the client has
            sent them itself
        :return: the results, and the IDs of those whose account was found and is told;
            None for an ID that the client does not know, for it asked by the address
        """
        named = [status.read_named(result) for result in results]
        parsed = self.env["g2p.spar.id.type"]._parse_ids(
            [one.id or "" for one in named], strict=False
        )
        told, ids = [], []
        for result, one, parsed_id in zip(results, named, parsed, strict=True):
            if not one.fa:
                told.append(result)
            elif self._may_see_account(client, one, parsed_id, is_look_up):
                told.append(result)
                ids.append(parsed_id)
            else:
                told.append(status.without_account(result))
        return told, ids if is_look_up else []

    @staticmethod
    def _may_see_account(client, named, parsed_id, is_look_up):
        if is_look_up and not (client.details and messages.RESOLVE in client.verbs):
            return False
        if not named.id:
            return client.resolve_by_fa
        id_types = client.limits.id_types
        return id_types is None or bool(parsed_id and parsed_id.id_type_id in id_types)

    @api.model
    def _note_told(self, message, client, found):
        """Account for what a status tells of accounts, as one look-up."""
        told = [parsed_id for one in found if one for parsed_id in one.told]
        if not told:
            return
        actor = Actor(
            "api",
            client_id=client.id,
            purpose=client.purpose,
            transaction=message.transaction_id,
        )
        known = [parsed_id for parsed_id in told if parsed_id]
        keys = self.env["g2p.spar.id.type"]._keys(known)
        items = [ResolveItem()] * len(told)
        reads.note(self.env.cr.dbname, actor_values(actor), items, keys, len(told))
