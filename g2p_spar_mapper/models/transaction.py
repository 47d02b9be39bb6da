# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import SparError

from .. import parameters, replay
from ..g2p_connect import messages, paths, status
from ..keyring import get_keyring
from ..lean_many2one import LeanMany2one
from ..rekeying import Chunk
from .gateway import DAYS_KEPT, HOURS_BACK

_logger = logging.getLogger(__name__)

#: how long the contents of a message are kept
CONTENT_DAYS_KEPT = 7
#: messages that one status query looks at
MOST_MESSAGES = 100
#: the same when single references are looked for, and the items of these messages
MOST_SEARCHED = 1000
MOST_SEARCHED_ITEMS = 100_000
#: rows that the clean-up takes at once
BATCH = 10_000
#: messages whose contents move to another key at once
REKEYED = 50

NEXT_CONTENTS = """
    SELECT id, client_id, replay_key, request, answer
      FROM g2p_spar_transaction
     WHERE id > %(after_id)s
       AND (NOT starts_with(request, %(prefix)s) OR NOT starts_with(answer, %(prefix)s))
     ORDER BY id
     LIMIT %(limit)s
       FOR NO KEY UPDATE
"""
WRITE_CONTENTS = """
    UPDATE g2p_spar_transaction t
       SET request = i.request, answer = i.answer
      FROM unnest(%s::int[], %s::text[], %s::text[]) AS i(id, request, answer)
     WHERE t.id = i.id
"""


class G2pSparTransaction(models.Model):
    """One API message that changes something, or is answered later.

    It keeps a copy from being processed again, and knows what became of the message.
    What was sent and answered is sealed and shown to nobody here.
    """

    _name = "g2p.spar.transaction"
    _description = "SPAR API Message"
    _inherit = ["g2p.spar.service.written"]
    _order = "id desc"
    _rec_name = "message_id"
    _log_access = False

    client_id = LeanMany2one(
        "g2p.spar.client", "API client", required=True, ondelete="restrict"
    )
    # auditors read messages and not the set-up of clients
    client_name = fields.Char("API client name", related="client_id.name")
    message_id = fields.Char("Message ID", required=True)
    replay_key = fields.Char(required=True, groups=fields.NO_ACCESS)
    key_id = fields.Char(required=True, groups=fields.NO_ACCESS)
    digest = fields.Char(required=True, groups=fields.NO_ACCESS)
    transaction_id = fields.Char("Transaction ID", required=True)
    operation = fields.Selection(
        [
            (messages.LINK, "Link"),
            (messages.UPDATE, "Update"),
            (messages.UNLINK, "Unlink"),
            (messages.RESOLVE, "Resolve"),
            (paths.STATUS, "Status"),
        ],
        required=True,
    )
    is_async = fields.Boolean("Asynchronous")
    state = fields.Selection(
        [
            ("rcvd", "Received"),
            ("pdng", "Being processed"),
            ("succ", "Processed"),
            ("rjct", "Refused"),
        ],
        "Status",
        required=True,
    )
    correlation_id = fields.Char(
        "Correlation ID", required=True, help="Our name of this message in answers."
    )
    item_count = fields.Integer("Items")
    done_count = fields.Integer("Items done")
    received_at = fields.Datetime("Received", required=True)
    done_at = fields.Datetime("Processed")
    request = fields.Text(groups=fields.NO_ACCESS, prefetch=False)
    answer = fields.Text(groups=fields.NO_ACCESS, prefetch=False)
    callback_url = fields.Char("Call-back address")
    callback_state = fields.Selection(
        [
            ("none", "None"),
            ("waiting", "Waiting"),
            ("delivered", "Delivered"),
            ("refused", "Refused by the receiver"),
            ("failed", "Given up"),
        ],
        "Call-back",
        required=True,
        default="none",
    )
    callback_attempts = fields.Integer("Attempts")
    callback_fault = fields.Char("Last fault")
    callback_at = fields.Datetime("Last attempt")
    callback_seconds = fields.Float("Seconds it took")

    _replay_key_uniq = models.UniqueIndex(
        "(client_id, replay_key)", "This message was received already."
    )
    _transaction_idx = models.Index("(client_id, transaction_id)")
    _correlation_idx = models.Index("(correlation_id)")
    _slow_receiver_idx = models.Index(
        "(split_part(callback_url, '/', 3), callback_at) WHERE callback_seconds >= 1"
    )
    _waiting_idx = models.Index("(callback_attempts) WHERE callback_state = 'waiting'")
    _unfinished_idx = models.Index(
        "(client_id, id) WHERE is_async AND state IN ('rcvd', 'pdng')"
    )
    _received_at_idx = models.Index("USING brin (received_at)")

    def init(self):
        """What is sealed does not pack any further: the database need not try."""
        for column in ("request", "answer"):
            self.env.cr.execute(
                SQL(
                    "ALTER TABLE %s ALTER COLUMN %s SET STORAGE EXTERNAL",
                    SQL.identifier(self._table),
                    SQL.identifier(column),
                )
            )

    # --- clean-up ---------------------------------------------------------------------

    @api.autovacuum
    def _gc_messages(self):
        """Forget old messages, and the contents of those that are not so old.

        A message may be forgotten only when it is too old to be accepted again.
        """
        now = fields.Datetime.now()
        window = timedelta(
            hours=parameters.number(self.env, "message_hours_back", HOURS_BACK), days=1
        )
        days = parameters.number(self.env, "days_kept", DAYS_KEPT)
        kept = timedelta(days=days + 1)  # a message may come a day before its time
        contents = timedelta(
            days=parameters.number(self.env, "content_days_kept", CONTENT_DAYS_KEPT)
        )
        finished = Domain("state", "in", ("succ", "rjct")) & Domain(
            "callback_state", "!=", "waiting"
        )
        look_ups = Domain("operation", "=", messages.RESOLVE) & Domain(
            "is_async", "=", False
        )
        old = finished & (
            Domain("received_at", "<", now - max(kept, window))
            | look_ups & Domain("received_at", "<", now - window)
        )
        removed = self._gc("DELETE FROM %(table)s WHERE id IN (%(rows)s)", old)
        emptied = self._gc(
            "UPDATE %(table)s SET request = NULL, answer = NULL WHERE id IN (%(rows)s)",
            finished
            & Domain("received_at", "<", now - contents)
            & (Domain("request", "!=", False) | Domain("answer", "!=", False)),
        )
        return removed + emptied, int(BATCH in (removed, emptied))

    def _gc(self, statement, domain):
        rows = self._search(domain, order="id", limit=BATCH).select()
        self.env.cr.execute(
            SQL(statement, table=SQL.identifier(self._table), rows=rows)
        )
        self.invalidate_model(flush=False)
        return self.env.cr.rowcount

    # --- status -----------------------------------------------------------------------

    @api.model
    def _asked_for(self, query, message, client):
        """The messages of a client that a status query is about, oldest first, and
        whether there are older ones.

        A transaction may span messages: it is those of one operation, as many of the
        latest as the client could have sent in one message. References are looked for
        in more of them, for only few of their results go out.

        :param StatusQuery query: what is asked; references are looked for in the
            transaction that the request itself names
        :param Message message: the status request
        :param ClientData client: who asks
        """
        name, values = query.attribute_type, query.values
        operations = [query.txn_type] if query.txn_type else messages.OPERATIONS
        most, most_items = MOST_MESSAGES, client.item_limit
        if name == status.REFERENCE_IDS:
            most, most_items = MOST_SEARCHED, MOST_SEARCHED_ITEMS
            name, values = "transaction_id", [message.transaction_id]
        # what a sync look-up found is not kept
        answered = Domain("operation", "!=", messages.RESOLVE) | Domain(
            "is_async", "=", True
        )
        found = self.search(
            Domain("client_id", "=", client.id)
            & Domain("operation", "in", operations)
            & Domain(name, "in", [value for value in values if "\x00" not in value])
            & answered,
            limit=most + 1,
        )
        items, chosen = 0, []
        for transaction in found[:most]:
            items += transaction.item_count
            if chosen and (
                items > most_items or transaction.operation != found[0].operation
            ):
                break
            chosen.append(transaction.id)
        return self.browse(chosen[::-1]), len(chosen) < len(found)

    def _is_open(self):
        """Whether this message is not processed yet."""
        self.ensure_one()
        return self.state in ("rcvd", "pdng")

    # --- contents ---------------------------------------------------------------------

    def _contents(self, name):
        """What was sent or answered.

        :param str name: ``request`` or ``answer``
        :return: bytes, or None when it is not there (any more)
        """
        self.ensure_one()
        transaction_sudo = self.sudo()
        sealed = transaction_sudo[name]
        context = replay.context_of(self.client_id.id, transaction_sudo.replay_key)
        return replay.unseal(context, sealed)

    @api.model
    def _rekey_contents(self, after_id, limit):
        """Move what is kept of the next messages to the current key of the key ring.

        A repeated message is known by a digest under the key of its time: while that
        key is in the ring.

        :param int after_id: the last id of the chunk before
        :param int limit: most rows; contents are long, so it is fewer
        :rtype: Chunk
        """
        values = {
            "after_id": after_id,
            "prefix": f"{get_keyring().current}:",
            "limit": min(limit, REKEYED),
        }
        self.env.cr.execute(NEXT_CONTENTS, values)
        rows = self.env.cr.fetchall()
        moved = []
        for id_, client_id, replay_key, request, answer in rows:
            context = replay.context_of(client_id, replay_key)
            try:
                kept = [replay.reseal(context, one) for one in (request, answer)]
            except SparError:
                _logger.error("What is kept of API message %s does not open", id_)
                continue
            moved.append((id_, *kept))
        if moved:
            ids, requests, answers = map(list, zip(*moved, strict=True))
            self.env.cr.execute(WRITE_CONTENTS, [ids, requests, answers])
            self.invalidate_model(flush=False)
        last_id = rows[-1][0] if rows else 0
        return Chunk(last_id, len(moved), len(rows) - len(moved))
