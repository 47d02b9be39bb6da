# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models, tools
from odoo.tools import SQL

from ..isolation import read_committed
from ..keyring import WrongKeyError, get_keyring
from ..rekeying import refuse_older

_FINGERPRINT = "fingerprint"  # purpose of the derived key

# Servers that begin with new keys at once do so one after the other, or each would be
# the newest. Waits for no one who reads or locks rows.
LOCK_KEYS = "LOCK TABLE g2p_spar_key IN SHARE UPDATE EXCLUSIVE MODE"

# The last statement tells the other processes to look again.
NOTE_KEY = """
    INSERT INTO g2p_spar_key (key_id, fingerprint, is_older, is_retired, create_date)
    VALUES (%(key_id)s, %(fingerprint)s, FALSE, FALSE, now() AT TIME ZONE 'UTC')
        ON CONFLICT DO NOTHING;
    UPDATE g2p_spar_key SET is_older = TRUE
     WHERE key_id <> %(key_id)s AND is_older IS NOT TRUE;
    INSERT INTO orm_signaling_default DEFAULT VALUES
"""

# A server that begins with a newer key waits until this transaction has ended. If one
# has begun since this transaction did, PostgreSQL refuses: it has to be done again.
HOLD_KEY = """
    SELECT FROM g2p_spar_key WHERE key_id = %(key_id)s AND is_older IS NOT TRUE
       FOR SHARE
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
    is_older = fields.Boolean(
        "Older",
        readonly=True,
        help="A server has begun with a newer key: no new mapping is kept under it.",
    )
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

    @api.depends("is_older", "is_retired")
    def _compute_state(self):
        ring = get_keyring()
        for key in self:
            if not key.is_older:
                key.state = "current"
            elif not key.is_retired:
                key.state = "older"
            else:
                key.state = "retired" if key.key_id in ring.keys else "gone"

    def init(self):
        """Demo data is kept under a key before any server begins."""
        self._check_ring(get_keyring())

    def _register_hook(self):
        """Refuse to serve with a key file that does not belong to the database."""
        super()._register_hook()
        # a transaction of its own: servers that start together wait for each other
        with self.env.registry.cursor() as cr:
            read_committed(cr)
            self.with_env(self.env(cr=cr))._check_ring(get_keyring())

    @api.model
    def _check_ring(self, ring):
        """Compare the key ring with what was seen before, and note a new current key.

        That waits for all who are keeping mappings under another key. Whoever wants to
        later finds out that it is an older one: see ``store.NEXT_IDS``.

        :param KeyRing ring:
        :raise WrongKeyError: a key differs from the one of the same name that data was
            kept under, or is missing
        """
        self.flush_model()
        if ring.current in self._compare(ring):
            return
        self.env.cr.execute(LOCK_KEYS)
        if ring.current in self._compare(ring):  # another server was quicker
            return
        self.env.cr.execute(
            SQL(
                NOTE_KEY,
                key_id=ring.current,
                fingerprint=self._fingerprint(ring, ring.current),
            )
        )
        self.invalidate_model(flush=False)

    @api.model
    def _compare(self, ring):
        """The ids of the keys that were seen before.

        :raise WrongKeyError: see :meth:`_check_ring`
        :rtype: set[str]
        """
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
        return {key_id for key_id, _seen, _is_retired in known}

    @staticmethod
    def _fingerprint(ring, key_id):
        return ring.derive(_FINGERPRINT, key_id)[:16].hex()

    @api.model
    @tools.ormcache()
    def _lookup_key_ids(self):
        """The keys of the ring under which rows may stand: the one of this server, then
        others as long as rows are kept under them.

        :raise WrongKeyError: another server keeps rows under a key that is not in the
            key file of this one
        :rtype: tuple[str]
        """
        ring = get_keyring()
        keys_sudo = self.sudo().search([("is_retired", "=", False)])
        others = set(keys_sudo.mapped("key_id")) - {ring.current}
        if unknown := sorted(others - ring.keys.keys()):
            raise WrongKeyError(
                f"The key {unknown[0]} is not in the key file of this server: copy the "
                "file from the others and restart."
            )
        return (ring.current, *sorted(others))

    @api.model
    def _hold(self, key_id):
        """Whether no newer key has begun than this one. If so, none will before the
        transaction ends.

        :param str key_id:
        :raise psycopg2.errors.SerializationFailure: one has begun meanwhile
        :rtype: bool
        """
        return bool(self.env.execute_query(SQL(HOLD_KEY, key_id=key_id)))

    @api.model
    def _retire_older(self):
        """Nothing is kept under older keys any more: see :meth:`_hold`, and look."""
        self._set_retired([("is_older", "=", True)], True)

    @api.model
    def _take_back(self, key_ids):
        """Rows are kept under these keys: look-ups have to try them.

        :param key_ids: also those that are in use
        """
        self._set_retired([("key_id", "in", list(key_ids))], False)

    def _set_retired(self, domain, is_retired):
        # sudo: nobody has a right to write keys; a change of keys says what is moved
        domain = [*domain, ("is_retired", "!=", is_retired)]
        self.sudo().search(domain).is_retired = is_retired
        self.env.registry.clear_cache()


class Base(models.AbstractModel):
    """Nothing is sealed under an older key, in whatever model."""

    _inherit = "base"

    def _auto_init(self):
        result = super()._auto_init()
        refuse_older(self)
        return result
