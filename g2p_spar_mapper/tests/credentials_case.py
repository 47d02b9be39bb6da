# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import base64
import json
import tempfile
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from odoo.tests import TransactionCase, new_test_user

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from .. import rates
from ..call import Call
from ..faults import ApiError
from ..g2p_connect import keys, signature
from ..models import token as token_module

ADDRESS = "10.1.2.3"
#: one key pair of each kind, made once: making RSA keys takes long
PRIVATE = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
PRIVATE["PS256"] = PRIVATE["RS256"]


def public(alg):
    """The public half, as :class:`keys.PublicKey`."""
    return keys.describe(PRIVATE[alg].public_key())


def key_set(*algorithms, **members):
    """What a client publishes."""
    return json.dumps(
        {
            "keys": [
                keys.to_jwk(public(alg).public) | {"kid": f"k-{alg}"} | members
                for alg in algorithms
            ]
        }
    ).encode()


def jws(header, payload, sign, *, detached=True):
    """A JWS made by hand, so that it may be wrong.

    :param sign: function from the signed bytes to the signature
    """
    protected = keys.encode_base64(json.dumps(header).encode())
    encoded = keys.encode_base64(payload)
    made = keys.encode_base64(sign(protected + b"." + encoded))
    middle = b"" if detached else encoded
    return b".".join((protected, middle, made)).decode()


def own_rates(case):
    """Have a test count for itself, not with the tests before it."""
    folder = tempfile.TemporaryDirectory()
    case.addCleanup(folder.cleanup)
    opened = {}

    def open_rates(_dbname, kind):
        return opened.setdefault(kind, rates.Rates(Path(folder.name) / kind))

    case.startPatcher(patch.object(rates, "rates", open_rates))


class CredentialsCase(TransactionCase):
    """Clients that show tokens and signatures, and short calls of the services."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clients = cls.env["g2p.spar.client"]
        cls.clients.search([]).state = "suspended"
        cls.tokens = cls.env["g2p.spar.token"]
        token_module._verified.clear()

    def setUp(self):
        super().setUp()
        own_rates(self)

    @classmethod
    def new_client(cls, code, **values):
        return cls.clients.create(
            {
                "name": code,
                "code": code,
                "organisation": "Ministry",
                "purpose": "Child grant",
                "state": "live",
                "may_resolve": True,
                "may_link": True,
            }
            | values
        )

    @classmethod
    def new_administrator(cls):
        return new_test_user(
            cls.env,
            "credentials_admin",
            "g2p_spar_bank_directory.group_spar_administrator",
        )

    def new_secret(self, client):
        return client.action_new_secret()["context"]["default_secret"]

    # --- tokens -----------------------------------------------------------------------

    def ask(self, form, authorization="", address=ADDRESS):
        """Ask for a token; give status, the JSON and the headers."""
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        call = Call("token", body, address, authorization=authorization)
        try:
            reply = self.tokens._serve(call)
        except ApiError as fault:
            return fault.status, json.loads(fault.body), fault.headers
        return 200, json.loads(reply.body), reply.headers

    def form(self, code, secret, **fields):
        return {
            "grant_type": "client_credentials",
            "client_id": code,
            "client_secret": secret,
        } | fields

    def new_token(self, client, secret=None, **fields):
        secret = secret or self.new_secret(client)
        status, answer, _headers = self.ask(self.form(client.code, secret, **fields))
        self.assertEqual(status, 200, answer)
        return answer["access_token"]

    def basic(self, code, secret):
        shown = base64.b64encode(f"{code}:{secret}".encode()).decode()
        return f"Basic {shown}"

    # --- calls ------------------------------------------------------------------------

    def authenticate(
        self,
        sender_id="",
        body=b"{}",
        authorization="",
        header="",
        member="",
        address=ADDRESS,
    ):
        call = Call(
            "resolve", body, address, authorization=authorization, signature=header
        )
        return self.clients._authenticate(call, sender_id, member)

    def assertRefused(self, code, *args, **kwargs):
        with self.assertRaises(SparSecurityError) as caught:
            self.authenticate(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)

    def sign(self, alg, body, kid=None, **kwargs):
        kid = public(alg).kid if kid is None else kid
        return signature.sign(PRIVATE[alg], alg, kid, body, **kwargs)
