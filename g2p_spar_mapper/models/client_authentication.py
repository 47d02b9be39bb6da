# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging
import time

from odoo import api, models

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from .. import key_sets
from ..call import Call
from ..client_data import ClientData, parse_address
from ..g2p_connect import signature

_logger = logging.getLogger(__name__)

UNKNOWN_SENDER = "err.sender_id.invalid"
FORBIDDEN = "err.request.forbidden"
UNAUTHORIZED = "err.request.unauthorized"
MISSING = "err.signature.missing"
INVALID = "err.signature.invalid"


class G2pSparClient(models.Model):
    """Who is calling: by token, by signature, by name and network."""

    _inherit = "g2p.spar.client"

    @api.model
    def _authenticate(self, call: Call, sender_id, body_signature="") -> ClientData:
        """Who sent a message.

        A client is found by its token, else by the sender id, else by the key that the
        signature names, else by its network; what else the message says of its sender
        may not contradict that. Then the client has to show what is asked of it.

        :param call: the request as it came in
        :param str sender_id: from the message's header, may be empty
        :param body_signature: the body's member of that name; placeholders are ignored
        :raise SparSecurityError: with the code the caller gets; never says more
        """
        callers = self._callers()
        now = time.time()
        shown = Shown(call, body_signature, now)
        is_proved = bool(call.authorization)
        if is_proved:
            client = self.env["g2p.spar.token"]._verify(call.authorization, callers)
        else:
            client = self._find_named(callers, call, sender_id, shown, now)
        if not client or (sender_id and client.code != sender_id):
            raise self._unknown_sender()
        if not client.is_valid(now):
            raise self._unauthorized() if is_proved else self._unknown_sender()
        if not client.reaches_from(parse_address(call.remote_addr)):
            if not is_proved:
                raise self._unknown_sender()
            raise SparSecurityError(
                self.env._("The client may not call from this network."), FORBIDDEN
            )
        if client.needs_token and not is_proved:
            raise self._unauthorized()
        self._check_signatures(callers, client, call.body, shown, now)
        return client

    @api.model
    def _find_named(self, callers, call, sender_id, shown, now):
        """The client that a message without a token names; None if there is none."""
        if sender_id:
            return callers.by_code.get(sender_id)
        owners = shown.owners(callers)
        if owners is not None:
            return callers.by_id[min(owners)] if len(owners) == 1 else None
        address = parse_address(call.remote_addr)
        found = [
            client
            for client in callers.credentialless
            if client.reaches_from(address) and client.is_valid(now)
        ]
        return found[0] if len(found) == 1 else None

    @api.model
    def _unknown_sender(self):
        return SparSecurityError(
            self.env._("The sender is not known here."), UNKNOWN_SENDER
        )

    @api.model
    def _unauthorized(self):
        return SparSecurityError(self.env._("A valid token is needed."), UNAUTHORIZED)

    @api.model
    def _check_signatures(self, callers, client, body, shown, now):
        """Each signature that came along has to hold; one has to be there if the
        client signs. Those of clients that have no keys are not looked at.
        """
        keys = callers.keys.get(client.id, ())
        sets = callers.key_sets.get(client.id, ())
        if not client.needs_signature and not keys and not sets:
            return
        if not shown:
            if client.needs_signature:
                raise SparSecurityError(
                    self.env._("The message has to be signed."), MISSING
                )
            return
        owners = shown.owners(callers)
        # of a client that publishes its keys we may not know all
        if owners is not None and client.id not in owners and not sets:
            raise self._unknown_sender()
        try:
            if shown.fault:
                raise shown.fault
            for jws, payloads in shown.signatures:
                found = self._find_keys(keys, sets, jws.kid, now)
                signature.verify(jws, found, payloads(body), now)
        except signature.SignatureError as err:
            _logger.info("Signature of API client %s: %s", client.id, err)
            raise SparSecurityError(
                self.env._("The signature is not valid."), INVALID
            ) from None

    @api.model
    def _find_keys(self, keys, sets, kid, now):
        """Keys of a client: those it has handed over, and those it publishes."""
        if kid and any(key.kid == kid and key.is_valid(now) for key in keys):
            return keys
        for key_set in sets:
            keys += key_sets.find(self.env, key_set, kid)
        return keys


class Shown:
    """The signatures that came with a message, taken apart.

    :param Call call: has the header ``Signature``
    :param body_signature: the body's member ``signature``
    :param float now: seconds since 1970
    """

    def __init__(self, call, body_signature, now):
        self.signatures = []  #: (Jws, function that gives what it may cover)
        self.fault = None  #: SignatureError of one that is malformed or out of date
        if call.signature:
            self._add(call.signature, signature.header_payloads, now)
        if signature.is_jws(body_signature):
            self._add(body_signature, signature.member_payloads, now)

    def _add(self, text, payloads, now):
        try:
            self.signatures.append((signature.parse(text, now), payloads))
        except signature.SignatureError as err:
            self.fault = err

    def __bool__(self):
        return bool(self.signatures or self.fault)

    def owners(self, callers):
        """Ids of the clients that have all keys the signatures name; None when none of
        those keys is known.

        :rtype: frozenset | None
        """
        owners = None
        for jws, _payloads in self.signatures:
            of_key = callers.owners.get(jws.kid) if jws.kid else None
            if of_key is not None:
                owners = of_key if owners is None else owners & of_key
        return owners
