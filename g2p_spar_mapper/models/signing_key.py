# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError, UserError

from ..g2p_connect import keys, messages, signature
from ..sealed_field import SealedText

RSA_BITS = 3072
_MAKE = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "PS256": lambda: rsa.generate_private_key(65537, RSA_BITS),
    "RS256": lambda: rsa.generate_private_key(65537, RSA_BITS),
}


class Signer(NamedTuple):
    """The key that signs now; kept in memory by each worker."""

    kid: str
    alg: str
    private: object  #: of ``cryptography``


class G2pSparSigningKey(models.Model):
    """A key with which this registry signs its answers and call-backs.

    The private half is made here and never shown; it is kept sealed under the server's
    key ring, so a copy of the database cannot sign. The public halves are published.
    """

    _name = "g2p.spar.signing.key"
    _description = "SPAR Signing Key"
    _inherit = ["mail.thread", "g2p.spar.cached"]
    _order = "id desc"
    _rec_name = "kid"

    algorithm = fields.Selection(
        [(name, name) for name in _MAKE],
        required=True,
        default="EdDSA",
        help="EdDSA is modern and short; RS256 is what old libraries can verify.",
    )
    kid = fields.Char("Key ID", readonly=True, copy=False)
    fingerprint = fields.Char("Fingerprint (SHA-256)", readonly=True, copy=False)
    public_pem = fields.Text("Public key", readonly=True, copy=False)
    private_pem = SealedText("Private key")
    state = fields.Selection(
        [("next", "Next"), ("current", "Signing"), ("retired", "Retired")],
        required=True,
        readonly=True,
        default="next",
        copy=False,
        tracking=True,
        help="The next key is published, so that others know it before it signs. A "
        "retired one stays published for what it has signed, until it is deleted.",
    )

    _kid_uniq = models.Constraint("UNIQUE (kid)", "There is such a key already.")
    _one_current = models.UniqueIndex(
        "(state) WHERE state = 'current'", "Only one key can sign."
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Override: make the keys."""
        private_pems = []
        for vals in vals_list:
            private_pem, public = self._make_key(vals.get("algorithm") or "EdDSA")
            private_pems.append(private_pem)
            vals.update(
                kid=public.kid,
                fingerprint=public.fingerprint,
                public_pem=public.pem,
                state="next",
            )
            vals.pop("private_pem", None)
        signing_keys = super().create(vals_list)
        # sudo: nobody has a right on the private half, also not who has it made
        for key_sudo, private_pem in zip(
            signing_keys.sudo(), private_pems, strict=True
        ):
            key_sudo.private_pem = private_pem
        return signing_keys

    @api.model
    def _make_key(self, algorithm):
        private = _MAKE[algorithm]()
        private_pem = private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        return private_pem.decode(), keys.describe(private.public_key(), alg=algorithm)

    def write(self, vals):
        """Override: a key does not become another one, nor sign as somebody wants."""
        if "state" in vals and not self.env.su:
            raise AccessError(
                self.env._("Use the buttons to let a key sign or to retire it.")
            )
        if {"algorithm", "kid", "public_pem", "fingerprint"} & vals.keys():
            raise UserError(
                self.env._("A signing key does not change; make a new one.")
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_current(self):
        if "current" in self.mapped("state"):
            raise UserError(self.env._("The key that signs cannot be deleted."))

    def action_use(self):
        """Sign with this key from now on."""
        self.ensure_one()
        self.check_access("write")
        if self.state == "retired":
            raise UserError(self.env._("A retired key does not sign again."))
        # sudo: nobody has the right to write what a key does, see write()
        key_sudo = self.sudo()
        key_sudo.search([("state", "=", "current")]).state = "retired"
        key_sudo.flush_model()
        key_sudo.state = "current"
        return True

    def action_retire(self):
        """Sign no more with this key; without another one nothing is signed."""
        self.ensure_one()
        self.check_access("write")
        self.sudo().state = "retired"  # sudo: see action_use()
        return True

    # --- signing ----------------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _signer(self) -> Signer | None:
        key_sudo = self.sudo().search([("state", "=", "current")])
        if not key_sudo:
            return None
        private = load_pem_private_key(key_sudo.private_pem.encode(), password=None)
        return Signer(key_sudo.kid, key_sudo.algorithm, private)

    @api.model
    def _sign(self, body):
        """Sign a message of ours.

        :param bytes body: exactly what is sent
        :return: detached JWS for the header ``Signature``; empty without a key
        :rtype: str
        """
        signer = self._signer()
        if not signer:
            return ""
        return signature.sign(signer.private, signer.alg, signer.kid, body)

    @api.model
    def _prepare_signed(self, body):
        """A message of ours as it is sent: body and further HTTP headers.

        A body that is signed has its members sorted, so that the signature holds for
        those who verify the bytes and for those who sort first.

        :param bytes body: JSON
        :rtype: tuple[bytes, dict]
        """
        if not self._signer():
            return body, {}
        body = signature.canonical(body)
        return body, {"Signature": self._sign(body)}

    @api.model
    @tools.ormcache()
    def _jwks(self) -> bytes:
        """The public keys as a JSON web key set (RFC 7517)."""
        published = [
            keys.to_jwk(keys.read_public_key(key_sudo.public_pem).public)
            | {"kid": key_sudo.kid, "alg": key_sudo.algorithm, "use": "sig"}
            for key_sudo in self.sudo().search([])
        ]
        return messages.encode({"keys": published})
