# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import psycopg2

from odoo import api, fields, models, tools
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import SparConfigurationError

from ..keyring import get_keyring

_FINGERPRINT = "fingerprint"  # purpose of the derived key


class WrongKeyError(SparConfigurationError, psycopg2.OperationalError):
    """The key file does not fit the database.

    Also an operational fault of the database, for that is how the server knows that a
    database cannot be served: the API answers 503, and nothing is read or written.
    """


class G2pSparKey(models.Model):
    """One key of the key ring that this database has seen. The key itself is never
    here, only what tells it from another one."""

    _name = "g2p.spar.key"
    _description = "SPAR Key"
    _order = "id desc"
    _rec_name = "key_id"

    key_id = fields.Char(required=True, readonly=True)
    fingerprint = fields.Char(required=True, readonly=True)
    is_retired = fields.Boolean(
        "Retired",
        readonly=True,
        help="No mapping is kept under it any more. It is still needed to verify what "
        "the ledger recorded in its time.",
    )
    state = fields.Selection(
        [
            ("current", "Current"),
            ("older", "Older, in use"),
            ("retired", "Retired"),
            ("gone", "Retired, not in the key file"),
        ],
        compute="_compute_state",
    )
    create_date = fields.Datetime("First Used")

    _key_id_uniq = models.Constraint("UNIQUE(key_id)", "There is such a key already.")

    def _compute_state(self):
        ring = get_keyring()
        for key in self:
            if key.key_id == ring.current:
                key.state = "current"
            elif not key.is_retired:
                key.state = "older"
            else:
                key.state = "retired" if key.key_id in ring.keys else "gone"

    def _register_hook(self):
        """Refuse to serve with a key file that does not belong to the database."""
        super()._register_hook()
        self._check_ring(get_keyring())

    @api.model
    def _check_ring(self, ring):
        """Compare the key ring with what was seen before, and note a new current key.

        :param KeyRing ring:
        :raise WrongKeyError: a key differs from the one of the same name that data was
            kept under, or is missing
        """
        self.flush_model()
        known = self.env.execute_query(
            SQL("SELECT key_id, fingerprint, is_retired FROM g2p_spar_key ORDER BY id")
        )
        for key_id, seen, is_retired in known:
            if key_id not in ring.keys:
                if not is_retired:
                    raise WrongKeyError(
                        f"The key {key_id} is not in the key file, but this database "
                        "was filled under it: put it back."
                    )
            elif self._fingerprint(ring, key_id) != seen:
                raise WrongKeyError(
                    f"The key {key_id} in the key file is not the one that this "
                    "database was filled under: use its own key file."
                )
        if ring.current not in {key_id for key_id, _seen, _is_retired in known}:
            self.env.execute_query(
                SQL(
                    """
                    INSERT INTO g2p_spar_key (
                           key_id, fingerprint, is_retired, create_date)
                    VALUES (%s, %s, FALSE, now() AT TIME ZONE 'UTC')
                        ON CONFLICT DO NOTHING
                 RETURNING id
                    """,
                    ring.current,
                    self._fingerprint(ring, ring.current),
                )
            )

    @staticmethod
    def _fingerprint(ring, key_id):
        return ring.derive(_FINGERPRINT, key_id)[:16].hex()

    @api.model
    @tools.ormcache()
    def _lookup_key_ids(self):
        """The keys of the ring under which rows may stand: the current one, then older
        ones as long as rows are kept under them.

        :rtype: tuple[str]
        """
        ring = get_keyring()
        keys_sudo = self.sudo().search([("is_retired", "=", False)])
        older = set(keys_sudo.mapped("key_id")) & set(ring.keys) - {ring.current}
        return (ring.current, *sorted(older))

    @api.model
    def _retire_older(self):
        """Nothing is kept under keys before the current one any more."""
        self.sudo().search(
            [("key_id", "!=", get_keyring().current), ("is_retired", "=", False)]
        ).is_retired = True
        self.env.registry.clear_cache()
