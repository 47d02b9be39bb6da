# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import base64
import binascii
import hashlib
import hmac
import time
import uuid
from ipaddress import ip_network
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus

import jwt

from odoo import api, models

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparSecurityError,
)

from .. import parameters, rates
from ..call import Reply
from ..client_data import ClientData, parse_address
from ..faults import ApiError, too_many
from ..g2p_connect import messages, paths
from ..keyring import get_keyring
from .client_secret import digest

#: only for tokens that we make and read ourselves: no key has to be shared for them
ALGORITHM = "HS256"
AUDIENCE = "g2p.spar.mapper"
PURPOSE = "token"  #: of the key, in the key ring
LIFETIME = 15 * 60  #: seconds; the parameter ``token_seconds`` sets another
MAX_LIFETIME = 24 * 3600
MAX_TOKEN = 4096  #: characters
MAX_BODY = 16 * 1024
RATE = 60  #: requests a minute, of one client from one network
CLIENTS_OF_A_NETWORK = 10  #: so many times more from one network altogether
NETWORK_BITS = {4: 24, 6: 64}
GRANT = "client_credentials"
#: what the status of own transactions needs; every client has it
STATUS_SCOPE = f"mapper.{paths.STATUS}"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_NOBODY = digest("")
_REALM = 'realm="SPAR"'

_MOST_VERIFIED = 4096
_verified = {}  # hash of a token -> what it says; see _read()


class TokenFault(ApiError):
    """Why no token is given, in the words of RFC 6749, 5.2."""

    def __init__(self, error, description, status=400, headers=None):
        super().__init__(status, description, error, NO_STORE | (headers or {}))

    @property
    def body(self):
        (fault,) = self.errors
        return messages.encode(
            {"error": fault["code"], "error_description": fault["message"]}
        )


class Claims(NamedTuple):
    """What a token of ours says."""

    code: str  #: of the client
    secret_id: int
    verbs: frozenset
    until: float  #: seconds since 1970


class G2pSparToken(models.AbstractModel):
    """OAuth 2.0 client credentials (RFC 6749, 4.4): secrets become short-lived tokens.

    A token is a JWT that only this registry reads, made with a key derived from the key
    ring; nothing is stored of it. It names the secret it was given for, so it ends with
    the secret, and with the client's right to call.
    """

    _name = "g2p.spar.token"
    _description = "SPAR API Token"

    # --- the endpoint -----------------------------------------------------------------

    @api.model
    def _serve(self, call) -> Reply:
        """Answer a request for a token, whichever server carried it.

        :param Call call: its body is a form
        :raise TokenFault: no token is given
        """
        form = self._read_form(call.body)
        client, secret_id = self._authenticate(form, call)
        answer = self._issue(client, secret_id, form)
        return Reply(messages.encode(answer), NO_STORE)

    @api.model
    def _read_form(self, body):
        if len(body) > MAX_BODY:
            raise TokenFault("invalid_request", "The request is too long", 413)
        try:
            pairs = parse_qsl(
                body.decode(),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=50,
            )
        except ValueError:
            raise TokenFault("invalid_request", "The form cannot be read") from None
        form = dict(pairs)
        if len(form) != len(pairs):
            raise TokenFault("invalid_request", "A field stands twice")
        return form

    @api.model
    def _authenticate(self, form, call):
        """The client whose secret is shown.

        An unknown client, a wrong secret and a client that may not call now get the
        same answer after the same work.

        :return: :class:`ClientData` and the id of the secret
        """
        code, shown = self._read_credentials(form, call.authorization)
        self._check_rate(code, call.remote_addr)
        shown = digest(shown)
        now = time.time()
        callers = self.env["g2p.spar.client"]._callers()
        client = callers.by_code.get(code)
        found = None
        candidates = [
            secret
            for secret in callers.secrets.values()
            if client and secret.client.id == client.id
        ]
        for secret in candidates:
            if hmac.compare_digest(secret.digest, shown) and now < secret.valid_until:
                found = secret
        if not candidates:
            hmac.compare_digest(_NOBODY, shown)
        if (
            not found
            or not client.is_valid(now)
            or not client.reaches_from(parse_address(call.remote_addr))
        ):
            raise self._unknown_client()
        if not client.needs_token:
            raise TokenFault("unauthorized_client", "This client needs no token")
        return client, found.id

    @api.model
    def _check_rate(self, code, remote_addr):
        """Secrets cannot be guessed, but trying costs time.

        :raise ApiError: 429
        """
        address = parse_address(remote_addr)
        if address:
            prefix = NETWORK_BITS[address.version]
            network = str(ip_network((address, prefix), strict=False))
        else:
            network = ""
        per_minute = parameters.number(self.env, "token_requests_per_minute", RATE)
        count = rates.rates(self.env.cr.dbname, "tokens")
        for cell, most in (
            (rates.cell_of(network, code), per_minute),
            (rates.cell_of(network), per_minute * CLIENTS_OF_A_NETWORK),
        ):
            if wait := count.take(cell, 1, most):
                raise too_many(wait)

    @api.model
    def _unknown_client(self):
        return TokenFault(
            "invalid_client",
            "The client is not known, or its secret is wrong",
            401,
            {"WWW-Authenticate": f"Basic {_REALM}"},
        )

    @api.model
    def _read_credentials(self, form, authorization):
        """Id and secret from the header or from the form; not from both."""
        if not authorization:
            return form.get("client_id", ""), form.get("client_secret", "")
        scheme, _blank, content = authorization.strip().partition(" ")
        if scheme.lower() != "basic":
            raise self._unknown_client()
        if "client_secret" in form:
            raise TokenFault(
                "invalid_request", "Show the secret in the header or in the form"
            )
        try:
            shown = base64.b64decode(content.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise self._unknown_client() from None
        code, colon, secret = shown.partition(":")
        code, secret = unquote_plus(code), unquote_plus(secret)
        if not colon or form.get("client_id", code) != code:
            raise self._unknown_client()
        return code, secret

    # --- making -----------------------------------------------------------------------

    @api.model
    def _issue(self, client, secret_id, form):
        if "grant_type" not in form:
            raise TokenFault("invalid_request", "grant_type is missing")
        if form["grant_type"] != GRANT:
            raise TokenFault("unsupported_grant_type", f"Only {GRANT} is served")
        granted = self._granted(client)
        wanted = form.get("scope", "").split() or granted
        if not set(wanted) <= set(granted):
            raise TokenFault("invalid_scope", "The client has not all of these rights")
        scope = " ".join(name for name in granted if name in wanted)
        seconds = parameters.number(self.env, "token_seconds", LIFETIME)
        seconds = min(seconds, MAX_LIFETIME)
        # The specification has a string here, RFC 6749 a number; each to its own.
        is_text = client.dialect == "spec"
        return {
            "access_token": self._make(client, secret_id, scope, seconds),
            "token_type": "Bearer",
            "expires_in": str(seconds) if is_text else seconds,
            "scope": scope,
        }

    @api.model
    def _granted(self, client: ClientData):
        """Scopes of a client, in a fixed order."""
        return [
            f"mapper.{verb}" for verb in messages.OPERATIONS if verb in client.verbs
        ] + [STATUS_SCOPE]

    @api.model
    def _issuer(self):
        """Names this database, so that another one with the same key ring is another
        issuer."""
        # sudo: names the database, everybody who gets a token is told
        uid = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        return f"urn:uuid:{uid}"

    @api.model
    def _make(self, client, secret_id, scope, seconds):
        keyring = get_keyring()
        now = int(time.time())
        claims = {
            "iss": self._issuer(),
            "aud": AUDIENCE,
            "sub": client.code,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + seconds,
            "scope": scope,
            "sid": secret_id,
        }
        key = keyring.derive(PURPOSE)
        headers = {"kid": keyring.current}
        return jwt.encode(claims, key, algorithm=ALGORITHM, headers=headers)

    # --- reading ----------------------------------------------------------------------

    @api.model
    def _verify(self, authorization, callers):
        """The client a token was given to, with no more verbs than the token has.

        :param str authorization: the header; the word Bearer may be missing
        :param Callers callers: who may call now
        :raise SparSecurityError: ``err.request.unauthorized``, no word more
        :rtype: ClientData
        """
        token = authorization.strip()
        if token[:7].lower() == "bearer ":
            token = token[7:].strip()
        claims = self._read(token)
        now = time.time()
        secret = claims and callers.secrets.get(claims.secret_id)
        if (
            not secret
            or now >= claims.until
            or now >= secret.valid_until
            or secret.client.code != claims.code
        ):
            raise SparSecurityError(
                "The token is not valid here, or not any more",
                "err.request.unauthorized",
            )
        client = secret.client
        may_ask_status = paths.STATUS in claims.verbs
        if may_ask_status and client.verbs <= claims.verbs:
            return client
        return client._replace(
            verbs=client.verbs & claims.verbs, may_ask_status=may_ask_status
        )

    @api.model
    def _read(self, token):
        """What a token of ours says; None if it is none.

        What was read once is remembered by each worker, by the token's hash: verifying
        costs some hundred microseconds. That the client may still call is asked anew
        each time.
        """
        if not token or len(token) > MAX_TOKEN:
            return None
        issuer = self._issuer()
        name = hashlib.sha256(f"{issuer} {token}".encode("utf-8", "replace")).digest()
        claims = _verified.get(name)
        if claims:
            return claims
        claims = self._decode(token, issuer)
        if claims:
            if len(_verified) >= _MOST_VERIFIED:
                _verified.clear()
            _verified[name] = claims
        return claims

    @api.model
    def _decode(self, token, issuer):
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            claims = jwt.decode(
                token,
                get_keyring().derive(PURPOSE, kid),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=issuer,
                options={"require": ["exp", "iat", "sub", "sid", "scope"]},
            )
        except (jwt.PyJWTError, SparConfigurationError, ValueError, TypeError):
            return None
        verbs = {name.removeprefix("mapper.") for name in claims["scope"].split()}
        return Claims(
            claims["sub"],
            claims["sid"],
            frozenset(verbs.intersection((*messages.OPERATIONS, paths.STATUS))),
            claims["exp"],
        )
