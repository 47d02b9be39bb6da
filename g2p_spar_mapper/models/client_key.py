# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from datetime import UTC
from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from odoo.addons.g2p_spar_bank_directory.exceptions import SparError

from ..client_data import NEVER
from ..g2p_connect import keys
from ..g2p_connect.signature import Key
from ..key_sets import KeySet, fetch


class G2pSparClientKey(models.Model):
    """A public key of a client, or the address where it publishes its keys.

    Several may be valid at a time: a client rotates its key by handing over the new
    one before it signs with it.
    """

    _name = "g2p.spar.client.key"
    _description = "SPAR API Client Key"
    _inherit = ["g2p.spar.system.fields", "g2p.spar.cached"]
    _order = "id desc"

    client_id = fields.Many2one(
        "g2p.spar.client", required=True, index=True, ondelete="cascade"
    )
    source = fields.Selection(
        [("upload", "Handed over"), ("url", "Published by the client")],
        required=True,
        default="upload",
    )
    material = fields.Text(
        "Key",
        help="A public key or certificate (PEM), or a JWK. Never a private key.",
    )
    url = fields.Char(
        "Address of the key set",
        help="Where the client publishes its keys as a JSON web key set (JWKS), for "
        "example https://example.org/.well-known/jwks.json.",
    )
    key_set = fields.Text(
        "Published keys",
        readonly=True,
        copy=False,
        help="As last fetched. Kept until they can be fetched anew.",
    )
    fetched_at = fields.Datetime("Fetched", readonly=True, copy=False)
    kid = fields.Char(
        "Key ID",
        help="What signatures of this key name in their member kid. Empty: the key's "
        "thumbprint (RFC 7638).",
    )
    algorithm = fields.Selection(
        [(name, name) for name in keys.KEY_TYPES],
        help="The one algorithm the key is for. Empty: each that fits.",
    )
    kind = fields.Char(readonly=True, compute="_compute_public", store=True)
    fingerprint = fields.Char(
        "Fingerprint (SHA-256)", readonly=True, compute="_compute_public", store=True
    )
    valid_from = fields.Datetime()
    valid_until = fields.Datetime()

    _validity_order = models.Constraint(
        "CHECK (valid_from < valid_until)", "The validity ends before it begins."
    )
    _kid_uniq = models.UniqueIndex(
        "(client_id, kid) WHERE kid IS NOT NULL",
        "The client has a key with this key ID already.",
    )

    @api.depends("source", "material", "key_set")
    def _compute_public(self):
        for key in self:
            found = key._read_keys() if key.id else []
            key.kind = ", ".join(public.kind for public in found)
            key.fingerprint = " ".join(public.fingerprint for public in found)

    @api.model_create_multi
    def create(self, vals_list):
        """Override: read what is handed over before anything of it is kept."""
        for vals in vals_list:
            self._prepare_material(vals)
        keys_ = super().create(vals_list)
        for key in keys_:
            key._tell(self.env._("A key was added: %s", key._label()))
        return keys_

    def write(self, vals):
        """Override: as for create, and a key stays with its client."""
        if "client_id" in vals:
            raise UserError(self.env._("A key stays with its client."))
        if vals.get("material"):
            self._prepare_material(vals)
        result = super().write(vals)
        if "url" in vals:
            # sudo: nobody has the right to write what was fetched
            self.sudo().write({"key_set": False, "fetched_at": False})
        if vals.keys() - {"key_set", "fetched_at"}:
            for key in self:
                key._tell(self.env._("A key was changed: %s", key._label()))
        return result

    def unlink(self):
        """Override: as for create."""
        for key in self:
            key._tell(self.env._("A key was removed: %s", key._label()))
        return super().unlink()

    def _label(self):
        """What people know the key by."""
        return self.url if self.source == "url" else self.kid

    def _tell(self, text):
        """Who has added a key can speak for the client, so the client's history says
        so."""
        self.client_id.message_post(body=text)

    def _prepare_material(self, vals):
        """Keep the public key as PEM and nothing else, and name it.

        :raise ValidationError: it is no key that can be used; nothing of it is quoted
        """
        if not vals.get("material"):
            return
        try:
            public = keys.read_public_key(vals["material"])
            if vals.get("algorithm"):
                keys.describe(public.public, alg=vals["algorithm"])
        except keys.KeyRefused as err:
            raise ValidationError(self._refusal(err.reason)) from None
        vals["material"] = public.pem
        vals["kid"] = vals.get("kid") or public.kid
        if public.alg:
            vals["algorithm"] = vals.get("algorithm") or public.alg
        if public.validity:  # of the certificate, of which only the key is kept
            for name, moment in zip(
                ("valid_from", "valid_until"), public.validity, strict=True
            ):
                vals[name] = vals.get(name) or moment.replace(tzinfo=None)

    @api.model
    def _refusal(self, reason):
        return {
            "private": self.env._(
                "This is a private key. It was not kept; but whoever sent it to you "
                "has to make a new pair, and hand over the public half only."
            ),
            "kind": self.env._(
                "This kind of key is not accepted: use RSA, EC P-256 or Ed25519, for "
                "signing."
            ),
            "short": self.env._("The RSA key is too short: 2048 bits at least."),
            "long": self.env._("The RSA key is too long: 8192 bits at most."),
            "algorithm": self.env._("The key does not fit its algorithm."),
        }.get(
            reason,
            self.env._(
                "This is no public key. Paste PEM text (BEGIN PUBLIC KEY or BEGIN "
                "CERTIFICATE) or a JWK."
            ),
        )

    @api.constrains("source", "material", "url", "algorithm")
    def _check_source(self):
        for key in self:
            if key.source == "url":
                parts = urlsplit(key.url or "")
                if parts.scheme != "https" or not parts.hostname or parts.username:
                    raise ValidationError(
                        self.env._("The address of a key set begins with https://.")
                    )
            elif not key.material:
                raise ValidationError(self.env._("Hand over the key."))
            elif key.algorithm:
                try:
                    key._read_keys()
                except keys.KeyRefused as err:
                    raise ValidationError(self._refusal(err.reason)) from None

    def _read_keys(self):
        """The public keys of this row.

        :rtype: list[keys.PublicKey]
        """
        self.ensure_one()
        if self.source == "url":
            return keys.read_jwks(self.key_set) if self.key_set else []
        public = keys.read_public_key(self.material)
        return [keys.describe(public.public, self.kid, self.algorithm or "")]

    def _prepare_keys(self):
        """The keys as the request path has them.

        :return: keys that were handed over, and key sets, both by id of the client
        """
        by_client, key_sets = {}, {}
        for row in self:
            begin = row.valid_from and row.valid_from.replace(tzinfo=UTC).timestamp()
            end = row.valid_until and row.valid_until.replace(tzinfo=UTC).timestamp()
            found = tuple(
                Key(key.kid, key.alg, key.public, begin or 0.0, end or NEVER)
                for key in row._read_keys()
            )
            of_client = by_client
            if row.source == "url":
                at = row.fetched_at and row.fetched_at.replace(tzinfo=UTC).timestamp()
                found = (KeySet(row.url, begin or 0.0, end or NEVER, found, at or 0.0),)
                of_client = key_sets
            of_client[row.client_id.id] = of_client.get(row.client_id.id, ()) + found
        return by_client, key_sets

    def action_fetch(self):
        """Fetch the published keys now; those there are stay if that fails."""
        self.check_access("write")
        for key in self.filtered(lambda key: key.source == "url"):
            try:
                content = fetch(self.env, key.url)
            except SparError as err:
                raise UserError(err.message) from err
            # sudo: see write()
            key.sudo().write(
                {
                    "key_set": content.decode(),
                    "fetched_at": fields.Datetime.now(),
                }
            )
        return True


class G2pSparClient(models.Model):
    _inherit = "g2p.spar.client"

    key_ids = fields.One2many("g2p.spar.client.key", "client_id", "Keys")
