# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import hashlib
import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

SECRET_BYTES = 32
MOST_VALID = 2  #: the one in use and the one that takes over
VALID_DAYS = 365


def digest(secret):
    """What is kept of a secret. A plain hash is enough: a secret is 256 random bits,
    so there is nothing to guess that a slow hash would have to protect.

    :rtype: str
    """
    return hashlib.sha256(secret.encode()).hexdigest()


class G2pSparClientSecret(models.Model):
    """What a client shows at the token endpoint. Shown once, kept as a hash."""

    _name = "g2p.spar.client.secret"
    _description = "SPAR API Client Secret"
    _inherit = ["g2p.spar.system.fields", "g2p.spar.cached"]
    _order = "id desc"

    client_id = fields.Many2one(
        "g2p.spar.client", required=True, readonly=True, index=True, ondelete="cascade"
    )
    name = fields.Char("Begins with", required=True, readonly=True)
    digest = fields.Char(required=True, groups=fields.NO_ACCESS, copy=False)
    valid_until = fields.Datetime(required=True)
    revoked_at = fields.Datetime("Revoked", readonly=True)
    state = fields.Selection(
        [("valid", "Valid"), ("expired", "Expired"), ("revoked", "Revoked")],
        compute="_compute_state",
    )

    @api.depends("valid_until", "revoked_at")
    def _compute_state(self):
        now = fields.Datetime.now()
        for secret in self:
            if secret.revoked_at:
                secret.state = "revoked"
            else:
                secret.state = "valid" if secret.valid_until > now else "expired"

    @api.constrains("valid_until", "revoked_at", "client_id")
    def _check_most_valid(self):
        for client in self.client_id:
            if len(client.secret_ids.filtered(lambda s: s.state == "valid")) > (
                MOST_VALID
            ):
                raise ValidationError(
                    self.env._(
                        "A client has at most two valid secrets: the one in use and "
                        "the one that takes over. Revoke one first."
                    )
                )

    def write(self, vals):
        """Override: what is revoked stays so, and the client tells how long the rest
        is good for."""
        if self.filtered("revoked_at") and vals.keys() & {"valid_until", "revoked_at"}:
            raise UserError(self.env._("A revoked secret stays revoked."))
        result = super().write(vals)
        if "valid_until" in vals:
            for secret in self:
                secret._tell(
                    self.env._(
                        "A secret was changed: %(name)s…, valid until %(moment)s UTC.",
                        name=secret.name,
                        moment=secret.valid_until,
                    )
                )
        return result

    def unlink(self):
        """Override: the client tells of it."""
        for secret in self:
            secret._tell(self.env._("A secret was removed: %s…", secret.name))
        return super().unlink()

    def action_revoke(self):
        """Refuse the secret, and the tokens it was exchanged for, from now on."""
        self.check_access("write")
        revoked = self.filtered(lambda secret: not secret.revoked_at)
        # sudo: nobody has the right to write when
        revoked.sudo().write({"revoked_at": fields.Datetime.now()})
        for secret in revoked:
            secret._tell(self.env._("A secret was revoked: %s…", secret.name))
        return True

    def _tell(self, text):
        """Who has a secret can speak for the client, so the client's history says
        so."""
        self.client_id.message_post(body=text)

    @api.model
    def _generate(self, client):
        """Make a secret for a client.

        :return: the secret, which nobody can read again
        :rtype: str
        """
        self.check_access("create")
        secret = secrets.token_urlsafe(SECRET_BYTES)
        # sudo: nobody has a right on the hash
        self.sudo().create(
            {
                "client_id": client.id,
                "name": secret[:4],
                "digest": digest(secret),
                "valid_until": fields.Datetime.now() + timedelta(days=VALID_DAYS),
            }
        )
        return secret


class G2pSparClientSecretShow(models.AbstractModel):
    """The dialog that shows a new secret; abstract, so that it is kept nowhere."""

    _name = "g2p.spar.client.secret.show"
    _description = "SPAR New API Client Secret"

    # the field "id" is needed by the web client
    id = fields.Id()
    client_code = fields.Char("Client ID", readonly=True)
    secret = fields.Char(readonly=True)


class G2pSparClient(models.Model):
    _inherit = "g2p.spar.client"

    secret_ids = fields.One2many("g2p.spar.client.secret", "client_id", "Secrets")

    def action_new_secret(self):
        """Make a secret and show it, once."""
        self.ensure_one()
        self.check_access("write")
        secret = self.env["g2p.spar.client.secret"]._generate(self)
        self.message_post(body=self.env._("A new secret was made."))
        return {
            "type": "ir.actions.act_window",
            "res_model": "g2p.spar.client.secret.show",
            "name": self.env._("New secret"),
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_client_code": self.code,
                "default_secret": secret,
            },
        }
