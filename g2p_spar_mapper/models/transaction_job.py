# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging
import math
import time
from contextlib import contextmanager
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparError,
    SparSecurityError,
    SparTransientError,
)
from odoo.addons.queue_job.exception import RetryableJobError

from .. import callbacks, http_client, isolation, parameters, replay
from ..call import Call
from ..g2p_connect import ack, messages, paths, status
from ..g2p_connect.checks import HeaderFault
from ..passing_faults import BROKEN, putting_off
from .gateway import WRITES

_logger = logging.getLogger(__name__)

ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"
#: attempts with the back-off of data/queue_job.xml: about a day for a message, and more
#: than two days for its call-back
MAX_ATTEMPTS = {"process": 40, "call_back": 70}
CALLBACK_SECONDS = 20
CALLBACK_BYTES = 1 << 16
#: seconds from which on an attempt counts as slow, and how many times as long its
#: receiver is left alone when others wait
SLOW_SECONDS = 1
PAUSE_FACTOR = 9
#: results that are looked at again in one second when the pause is over
AGAIN_EACH_SECOND = 20
IDENTITY = "g2p.spar.transaction:%s:%s"  #: of the job of a message and its step
STRANDED = timedelta(minutes=30)
STRANDED_MOST = 1000  #: messages that are given a job at once

# The changes of a client wait for its oldest one: until then they need no job.
UNPROCESSED = """
    SELECT min(id) AS id FROM g2p_spar_transaction
     WHERE is_async AND state IN ('rcvd', 'pdng') AND received_at < %s
     GROUP BY CASE WHEN operation = ANY(%s) THEN -client_id ELSE id END
"""
UNSENT = """
    SELECT id FROM g2p_spar_transaction
     WHERE callback_state = 'waiting' AND received_at < %s
"""
WITHOUT_JOB = """
    SELECT id FROM (%s) stranded
     WHERE NOT EXISTS (
           SELECT FROM queue_job
            WHERE identity_key = format(%s, stranded.id, %s)
              AND state IN ('wait_dependencies', 'pending', 'enqueued'))
     ORDER BY id LIMIT %s
"""
OLDEST = """
    SELECT id FROM g2p_spar_transaction
     WHERE client_id = %s AND is_async AND state IN ('rcvd', 'pdng')
       AND operation = ANY(%s)
     ORDER BY id LIMIT 1
"""
#: first key of the advisory lock under which a client's next change is told its turn
TURN_LOCK = 0x5370_5475
TURN = "SELECT pg_advisory_xact_lock(%s, %s)"
START = """
    UPDATE g2p_spar_transaction SET state = 'pdng'
     WHERE id = %s AND state = 'rcvd'
"""
LOCK = "SELECT state FROM g2p_spar_transaction WHERE id = %s FOR NO KEY UPDATE"
PROMISE = "UPDATE g2p_spar_transaction SET callback_state = 'waiting' WHERE id = %s"
NOTE = """
    UPDATE g2p_spar_transaction
       SET callback_state = %s, callback_fault = %s,
           callback_attempts = callback_attempts + 1, callback_seconds = %s,
           callback_at = clock_timestamp() AT TIME ZONE 'UTC'
     WHERE id = %s
"""
# Slow attempts of the last minutes at one receiver, when others wait for their first.
SLOW = """
    SELECT max(%(factor)s * callback_seconds
               - EXTRACT(EPOCH FROM moment.now - callback_at))::float,
           (SELECT count(*) FROM g2p_spar_transaction
             WHERE callback_state = 'waiting' AND callback_attempts > 0)
      FROM g2p_spar_transaction,
           (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now) moment
     WHERE callback_seconds >= %(slow)s
       AND callback_at > moment.now - interval '10 minutes'
       AND split_part(callback_url, '/', 3) = %(receiver)s
       AND EXISTS (
           SELECT FROM g2p_spar_transaction other
            WHERE other.callback_state = 'waiting' AND other.callback_attempts = 0
              AND split_part(other.callback_url, '/', 3) != %(receiver)s)
"""
LOSE = """
    UPDATE g2p_spar_transaction
       SET state = 'rjct', done_at = clock_timestamp() AT TIME ZONE 'UTC'
     WHERE id = %s
"""
GIVE_UP = """
    UPDATE g2p_spar_transaction SET callback_state = 'failed'
     WHERE id = %s AND callback_state = 'waiting'
"""


class G2pSparTransaction(models.Model):
    """How asynchronous messages are processed and their results sent.

    A job's transaction is lost when the job is put off, and must not be committed
    before its end. So what a job does here is done in transactions of its own: that it
    began; what it did, with the answer and the promise of a call-back; what a receiver
    said. Each looks at the state first: a job that runs again, after a crash or
    because somebody started it twice, does nothing twice. Only a call-back may arrive
    again when the process dies just after it was sent; it has the same message id.
    """

    _inherit = "g2p.spar.transaction"

    def _enqueue(self, step, is_again=False):
        """Make the job of a step; harmless when there is one.

        :param str step: ``process`` or ``call_back``
        :param bool is_again: make another one, whether there is one or not
        """
        descriptions = {
            "process": self.env._("Process an API message"),
            "call_back": self.env._("Send the result of an API message"),
        }
        for transaction in self:
            identity_key = IDENTITY % (transaction.id, step)
            delayed = transaction.with_delay(
                description=descriptions[step],
                identity_key=None if is_again else identity_key,
                max_retries=MAX_ATTEMPTS[step],
            )
            getattr(delayed, f"_job_{step}")()

    @api.model
    def _cron_enqueue_stranded(self):
        """Give unfinished messages whose job was deleted or cancelled a new one."""
        until = fields.Datetime.now() - STRANDED
        for step, stranded in (
            ("process", SQL(UNPROCESSED, until, list(WRITES))),
            ("call_back", SQL(UNSENT, until)),
        ):
            query = SQL(WITHOUT_JOB, stranded, IDENTITY, step, STRANDED_MOST)
            found = self.env.execute_query(query)
            self.browse(id_ for (id_,) in found)._enqueue(step)

    @contextmanager
    def _in_own_transaction(self):
        """The record in a transaction that ends with the ``with`` block."""
        try:
            with self.env.registry.cursor() as cr:
                isolation.read_committed(cr)
                yield self.with_env(self.env(cr=cr))
        finally:
            self.invalidate_recordset(flush=False)

    # --- processing -------------------------------------------------------------------

    def _job_process(self):
        """Process the message and keep the answer: the job's body.

        A change that has to wait for an older one of its client is left as it is: the
        older one gives it another job when it is done.

        :raises RetryableJobError: a passing fault
        """
        self.ensure_one()
        with putting_off():
            with self._in_own_transaction() as transaction:
                if not transaction._is_its_turn():
                    return  # whoever is before it has it done when its turn comes
                transaction.env.cr.execute(START, [self.id])
            with self._in_own_transaction() as transaction:
                transaction._process()

    def _oldest(self):
        """The change of this client that is to be made next: they are made in the order
        in which they came in, or the account that a person had before could win."""
        self.env.cr.execute(OLDEST, [self.client_id.id, list(WRITES)])
        return self.browse(self.env.cr.fetchone())

    def _is_its_turn(self):
        """Whether no older change is open. One that is just ending may have looked for
        the next before this one was there: then it is waited for."""
        if self.operation not in WRITES or self._oldest() == self:
            return True
        self._lock_turn()
        return self._oldest() == self

    def _lock_turn(self):
        self.env.cr.execute(TURN, [TURN_LOCK, self.client_id.id])

    def _wake_next(self):
        """Give the change whose turn it is a job. Not one with an identity: the job
        that the message has may just be finding out that it has to wait."""
        if self.operation in WRITES:
            self._lock_turn()
            self._oldest()._enqueue("process", is_again=True)

    def _process(self):
        self.env.cr.execute(LOCK, [self.id])
        if self.env.cr.fetchone() != ("pdng",):
            return
        gateway = self.env["g2p.spar.gateway"].with_context(lang="en_US")
        call = self._call()
        try:
            self._check_client()
            work = gateway._finish(
                call, self.client_id.sudo()._prepare_data(), self.correlation_id
            )
        except SparSecurityError as err:
            self._refuse(call, err.message)
        else:
            self._keep("succ", work.done_count, work.body)

    def _job_process_failed(self, exc_name="", **_kwargs):
        """The job gave up: say so to the client.

        :param str exc_name: class of the fault
        """
        self.ensure_one()
        if exc_name in BROKEN:
            return  # the message is as good as before, and the clean-up goes on with it
        # the transaction that it is called in may not see the change to be woken
        with self._in_own_transaction() as transaction:
            transaction._give_up()

    def _give_up(self):
        self.env.cr.execute(LOCK, [self.id])
        if self.env.cr.fetchone()[0] not in ("rcvd", "pdng"):
            return
        try:
            self._refuse(self._call(), "The message could not be processed")
        except SparConfigurationError as err:
            # its key can be put back, so the next clean-up tries again
            _logger.error("API message %s cannot be read: %s", self.id, err.message)
        except (SparError, messages.MessageError) as err:
            # nothing can be told, and the next ones must not wait for ever
            _logger.error("API message %s is damaged: %s", self.id, err.message)
            self.env.cr.execute(LOSE, [self.id])
            self._wake_next()

    def _refuse(self, call, text):
        fault = HeaderFault("rjct.errors.too_many", text)
        gateway = self.env["g2p.spar.gateway"].with_context(lang="en_US")
        body = gateway._refuse_later(call, self.correlation_id, fault)
        self._keep("rjct", 0, body)

    def _keep(self, state, done_count, body):
        """Keep the answer and promise the call-back."""
        context = replay.context_of(self.client_id.id, self.sudo().replay_key)
        claimed = replay.Claim(self.id, self.received_at, self.correlation_id, context)
        replay.settle(self.env, claimed, state, done_count, body)
        if self.callback_url:
            self.env.cr.execute(PROMISE, [self.id])
            self._enqueue("call_back")
        self._wake_next()
        self.invalidate_recordset(flush=False)

    def _call(self):
        """The message as it came in.

        :raise SparConfigurationError: its key is not in the key ring
        """
        body = self._contents("request")
        if body is None:
            raise SparConfigurationError("The message cannot be opened.")
        return Call(self.operation, body, "", is_async=True)

    def _items(self):
        """The items of a message that is not finished."""
        try:
            call = self._call()
        except SparConfigurationError:
            return []
        request = messages.decode_request(call.body)
        return self.env["g2p.spar.gateway"]._take_apart(call, request).items

    def _check_client(self):
        """:raise SparSecurityError: the client may not use the registry now"""
        client_sudo = self.client_id.sudo()
        if client_sudo.state == "suspended":
            raise SparSecurityError("The client is suspended")
        if not client_sudo._prepare_data().is_valid(time.time()):
            raise SparSecurityError("The client is not valid now")

    # --- call-backs -------------------------------------------------------------------

    def _job_call_back(self):
        """Send the result: the job's body.

        :raises RetryableJobError: it did not arrive
        """
        self.ensure_one()
        with putting_off():
            if self.callback_state == "waiting":
                self._let_others_go_first()
                self._call_back()

    def _call_back(self):
        fault, state, start = "", "waiting", time.monotonic()
        try:
            self._check_client()
            state = self._send_result()
        except SparError as err:
            fault = err.message
        with self._in_own_transaction() as transaction:
            seconds = time.monotonic() - start
            transaction.env.cr.execute(NOTE, [state, fault or None, seconds, self.id])
        _logger.info("API message %s: call-back %s %s", self.id, state, fault)
        if state == "waiting":
            raise RetryableJobError(fault)

    def _let_others_go_first(self):
        """Leave a slow receiver alone for a while when results for others wait.

        Each attempt keeps a worker busy, at a receiver that is away until the time is
        over. So none gets more than a tenth of the time that others need.

        :raises RetryableJobError: not yet; this is no attempt
        """
        values = {
            "factor": PAUSE_FACTOR,
            "slow": SLOW_SECONDS,
            "receiver": self.callback_url.split("/")[2],
        }
        self.env.cr.execute(SLOW, values)
        left, waiting = self.env.cr.fetchone()
        if left and left > 0:
            turn = self.id % (waiting // AGAIN_EACH_SECOND + 1)
            raise RetryableJobError(
                "The receiver is slow: others go first",
                seconds=math.ceil(left) + turn,
                ignore_retry=True,
            )

    def _send_result(self):
        """:return: the state of the call-back
        :raise SparError: it did not arrive
        """
        answer = self._contents("answer")
        if answer is None:
            raise SparConfigurationError("The result is not kept any more.")
        client_sudo = self.client_id.sudo()
        if not callbacks.is_within(self.callback_url, client_sudo._allowed_callbacks()):
            raise SparConfigurationError(
                "The address is not among those agreed upon any more."
            )
        if not (
            callbacks.parse(self.callback_url)[0] == "https"
            or client_sudo._is_http_allowed()
        ):
            raise SparConfigurationError("The address has to begin with https://.")
        answer = self._hide_accounts(answer, client_sudo)
        headers = {}
        if client_sudo.signed_answers:
            keys = self.env["g2p.spar.signing.key"]
            answer, headers = keys._prepare_signed(answer)
        reply = http_client.post(
            callbacks.endpoint(self.callback_url, paths.callback(self.operation)),
            answer,
            seconds=parameters.number(self.env, "callback_seconds", CALLBACK_SECONDS),
            max_bytes=CALLBACK_BYTES,
            headers=headers,
            guard=callbacks.configured_guard(self.env),
        )
        if not 200 <= reply.status < 300:
            raise SparTransientError(f"The receiver answered HTTP {reply.status}.")
        is_refused = ack.read_ack(reply.body) in (ack.NACK, ack.ERR)
        return "refused" if is_refused else "delivered"

    def _hide_accounts(self, answer, client_sudo):
        """The answer with no more accounts than the client may see now."""
        client = client_sudo._prepare_data()

        def hide(operation, results):
            is_look_up = operation == messages.RESOLVE
            gateway = self.env["g2p.spar.gateway"]
            return gateway._tell_accounts(results, client, is_look_up)[0]

        return status.change_results(self.operation, answer, hide)

    def _job_call_back_failed(self, exc_name="", **_kwargs):
        """The job gave up; called in a transaction of its own.

        :param str exc_name: class of the fault
        """
        if exc_name not in BROKEN:
            self.env.cr.execute(GIVE_UP, [self.id])
            self.invalidate_recordset(flush=False)

    def action_call_back(self):
        """Send the results again that did not arrive.

        :raise AccessError: not an administrator
        :raise UserError: there is nothing to send
        """
        if not self.env.user.has_group(ADMINISTRATOR):
            raise AccessError(self.env._("Only administrators send results again."))
        for transaction_sudo in self.sudo():
            if transaction_sudo.callback_state not in ("refused", "failed"):
                raise UserError(self.env._("This result needs not be sent again."))
            if not transaction_sudo.answer:
                raise UserError(self.env._("The result is not kept any more."))
            self.env.cr.execute(PROMISE, [transaction_sudo.id])
            transaction_sudo.with_user(api.SUPERUSER_ID)._enqueue("call_back")
        self.invalidate_recordset(flush=False)
