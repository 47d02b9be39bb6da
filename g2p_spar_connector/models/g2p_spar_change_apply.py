# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from odoo import api, fields, models
from odoo.exceptions import LockError
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparError,
    SparRejectedError,
    SparTransientError,
)
from odoo.addons.g2p_spar_mapper.outcomes import (
    ALREADY_LINKED,
    INACTIVE,
    INVALID_FA,
    INVALID_ID,
    INVALID_NAME,
    INVALID_PHONE,
    NOT_LINKED,
    OK,
    TRANSIENT_OUTCOMES,
    Actor,
    LinkItem,
    Outcome,
    ResolveItem,
    UnlinkItem,
)
from odoo.addons.g2p_spar_mapper.passing_faults import BROKEN, putting_off
from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

from .g2p_spar_change import OPEN_STATES, OVERTAKEN

#: first key of the advisory lock that is held while one ID's change is applied
APPLY_LOCK = 741902
#: seconds until a change looks again whether it is its turn
TURN_SECONDS = 5
#: attempts with the back-off of data/queue_job_data.xml: about a day and a half
MAX_ATTEMPTS = 40
#: what a look-up says of an ID that has a mapping; an account that is not fit for use
#: can be replaced and removed as any other
LINKED = (OK, INACTIVE, INVALID_FA)


class SparChange(models.Model):
    """How a change reaches the mapper.

    The job runs in a transaction whose writes are lost when it asks for a retry. With a
    mapper in this database that is wanted: mapping and change stand or fall together.
    With a mapper elsewhere it is not: that the change is being sent, and what came
    back, is written in short transactions of their own before and after the call, so
    the knowledge survives a crash and no row is locked while the network is waited for.

    Decisions about the order: changes of one ID are applied one after the other, each
    waits for the earlier open ones. A change that failed does not hold up newer ones;
    it may be started again as long as no newer one was submitted after it. What is
    newer than a change is never undone by it, be it another change or an account that
    somebody else has set in the mapper, so far as the mapper tells since when. An
    account that an earlier change of the ID asked for is nobody else's.
    """

    _inherit = "g2p.spar.change"

    def _enqueue(self):
        """Make the job that applies this change; harmless when there is one."""
        for change in self:
            change.with_delay(
                description=self.env._("Apply account change %s", change.reference),
                identity_key=f"g2p.spar.change:{change.id}",
                max_retries=MAX_ATTEMPTS,
            )._job_apply()

    def _job_apply(self):
        """Apply this change: the job's body, safe to run any number of times.

        :return: a line for the job's record
        :raises RetryableJobError: not its turn, or a passing fault
        :raises FailedJobError: an operator has to act
        """
        self.ensure_one()
        self._take_turn()
        try:
            with putting_off():
                connector = self.env["g2p.spar.connector"]._for_id(self.wire_id)
                can = connector._get_adapter()._capabilities(connector)
                if can.in_transaction:
                    return self._apply_here(connector)
                return self._apply_elsewhere(connector)
        except SparError as err:
            raise FailedJobError(err.message) from err

    def _job_apply_failed(self, exc_name="", exc_message="", **kwargs):
        """The job gave up: say so on the change; called in a transaction of its own.

        Only the words of the suite's own errors are shown to people.
        """
        if exc_name in BROKEN:
            return  # nothing speaks against it, and the clean-up goes on with it
        if exc_name.endswith(".FailedJobError"):
            # queue_job puts "Max. retries (n) reached: " before the last reason
            self.fault = re.sub(r"^Max\. retries \(\d+\) reached: ", "", exc_message)
        else:
            self.fault = self.env._("A fault of the program; see the job queue.")
        self._finish("failed", Outcome("failed"))

    @api.model
    def _cron_enqueue_stranded(self):
        """Give open changes whose job was deleted or cancelled a new one."""
        stranded = self.search(
            [
                ("state", "in", OPEN_STATES),
                ("requested_at", "<", fields.Datetime.now() - timedelta(minutes=30)),
            ],
            order="id",
            limit=1000,
        )
        stranded._enqueue()

    # -- order ---------------------------------------------------------------------

    def _take_turn(self):
        """Hold this ID until the transaction ends, and see that nothing is before us.

        The lock is advisory: no row is locked by it.

        :raises RetryableJobError: it is not this change's turn; does not count
        """
        [[free]] = self.env.execute_query(
            SQL(
                "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))",
                APPLY_LOCK,
                self._id_keys()[0],
            )
        )
        if not free or self._earlier_open():
            raise RetryableJobError(
                "An earlier change of this ID comes first.",
                seconds=TURN_SECONDS,
                ignore_retry=True,
            )

    def _may_have_been_overtaken(self):
        """Whether a later change of this ID was applied, or may have been."""
        return bool(
            self._later().filtered(
                lambda c: c.state == "done" or (c.is_sent and c.state != "refused")
            )
        )

    def _is_older_than(self, now):
        """Whether somebody else has set the live account after this change was made.

        :param Outcome now: what the mapper has
        """
        since = _utc(now.since)
        if not since or now.fa == self.fa:
            return False
        ours = self._for_id(self.wire_id)
        # by the account itself: of a lost answer there is no time, and the clock of the
        # mapper need not be ours
        earlier = ours.filtered(
            lambda c: c.id < self.id and (c.is_sent or c.state == "done")
        )
        if now.fa in earlier.mapped("fa"):
            return False
        applied = ours.filtered("applied_at").mapped("applied_at")
        return since > max([self.requested_at, *applied])

    # -- two ways to apply ---------------------------------------------------------

    def _apply_here(self, connector):
        """Apply with a mapper that shares this transaction."""
        if not self._start(connector):
            return self.state
        return self._finish(*self._carry_out(connector))

    def _apply_elsewhere(self, connector):
        """Apply with a mapper that knows nothing of this transaction."""
        with self._own_transaction() as change:
            if not change._start(connector):
                return change.state
            sent_before = change.is_sent
        try:
            result = self._carry_out(connector, sent_before)
        except SparError as err:
            with self._own_transaction() as change:
                change._note_fault(err)
            raise
        with self._own_transaction() as change:
            return change._finish(*result)

    def _start(self, connector):
        """Lock this change for an attempt.

        :return: False when there is nothing to do any more
        :raises SparTransientError: somebody else has it
        """
        if not self._lock_open():
            return False
        if self._may_have_been_overtaken():
            text = self.env._(
                "A newer change of this ID was applied, or may have been."
            )
            self._finish("failed", Outcome(OVERTAKEN, message=text))
            return False
        self.write({"connector_id": connector.id, "attempts": self.attempts + 1})
        return True

    def _lock_open(self):
        """Lock this change.

        :return: False when it is over
        :raises SparTransientError: somebody else has it
        """
        try:
            # Fails when the row was changed after this transaction began, and queue_job
            # then tries again: a cancelled change cannot slip through.
            self.lock_for_update()
        except LockError as err:
            raise SparTransientError(self.env._("The change is in use.")) from err
        return self.state in OPEN_STATES

    def _note_fault(self, err):
        """Keep why an attempt failed, unless the change is over."""
        if self._lock_open():
            self.write(
                {
                    "fault": err.message,
                    "message": self.env._(
                        "The registry gives no answer just now. This is tried again by "
                        "itself."
                    ),
                }
            )

    @contextmanager
    def _own_transaction(self):
        """This change in a transaction of its own, committed after the block."""
        self.env.flush_all()
        with self.env.registry.cursor() as cr:
            yield self.with_env(self.env(cr=cr))
        self.env.invalidate_all()

    # -- what is asked of the mapper -----------------------------------------------

    def _carry_out(self, connector, sent_before=False):
        """Look what the mapper has, then ask for what is missing.

        :param bool sent_before: an earlier attempt may have been carried out although
            no answer came; then finding the wish fulfilled is success
        :return: the state this change ends in, and the mapper's outcome
        :raises SparTransientError: it has to be tried again
        """
        actor = self._actor()
        try:
            now = self._ask(
                connector,
                "resolve",
                ResolveItem(id=self.wire_id, reference=self.reference),
                actor,
            )
            if self._is_older_than(now):
                text = self.env._(
                    "The account was set by somebody else after this change was made."
                )
                return "failed", Outcome(OVERTAKEN, message=text)
            if self.operation == "remove":
                outcome = self._carry_out_remove(connector, actor, now, sent_before)
            else:
                outcome = self._carry_out_set(connector, actor, now, sent_before)
        except SparRejectedError as err:
            outcome = Outcome(err.code, message=err.message)
        return ("done" if outcome.code == OK else "refused"), outcome

    def _carry_out_set(self, connector, actor, now, sent_before):
        if sent_before and now.code == OK and now.fa == self.fa:
            return now
        item = LinkItem(
            id=self.wire_id,
            fa=self.fa,
            name=self.holder_name or "",
            phone=self.phone or "",
            additional_info=self._additional_info(),
            reference=self.reference,
        )
        if now.code == NOT_LINKED:
            operation, raced = "link", ALREADY_LINKED
        elif now.code in LINKED:
            operation, raced = "update", NOT_LINKED
        else:
            return now
        outcome = self._send(connector, operation, item, actor)
        if outcome.code == raced:
            raise SparTransientError(
                self.env._("The mapping was changed by somebody else just now.")
            )
        return outcome

    def _carry_out_remove(self, connector, actor, now, sent_before):
        if now.code == NOT_LINKED and sent_before:
            return now._replace(code=OK)
        if now.code not in LINKED:
            return now
        item = UnlinkItem(id=self.wire_id, reference=self.reference)
        return self._send(connector, "unlink", item, actor)

    def _send(self, connector, operation, item, actor):
        """Ask for a change. With a mapper elsewhere it is known before that it is sent,
        and from then on that it may have been applied."""
        if not connector._get_adapter()._capabilities(connector).in_transaction:
            with self._own_transaction() as change:
                if not change._lock_open():
                    return Outcome(change.state)  # cancelled during the look-up
                change.write({"state": "applying", "is_sent": True})
        return self._ask(connector, operation, item, actor)

    def _ask(self, connector, operation, item, actor):
        """Ask for one item; a passing fault becomes an exception."""
        (outcome,) = connector._call(operation, [item], actor)
        if outcome.code in TRANSIENT_OUTCOMES:
            raise SparTransientError(
                self.env._("The mapper could not answer just now."), "retry"
            )
        return outcome

    def _actor(self):
        return Actor(
            self.channel,
            user_id=self.user_id.id,
            purpose=self.purpose or "",
            transaction=self.reference,
        )

    def _additional_info(self):
        """The strategy as OpenG2P's clients look for it (entry 0, by this name)."""
        number = self.strategy_id.number
        if not number:
            return []
        return [
            {"name": "strategy_id", "value": str(number), "strategy_id": number},
        ]

    # -- the end -------------------------------------------------------------------

    def _finish(self, state, outcome):
        """The one gate to an end state; the first one stays.

        :param Outcome outcome: its message is for staff, when the change failed
        :return: the state the change is in now
        """
        self.ensure_one()
        if self.state in OPEN_STATES:
            fault = (outcome.message or self.fault) if state == "failed" else False
            self.write(
                {
                    "state": state,
                    "outcome": outcome.code,
                    "message": self._message(state, outcome),
                    "fault": fault,
                    "applied_at": fields.Datetime.now() if state == "done" else False,
                }
            )
            if state == "done":
                self._overtake_failed()
        return self.state

    def _overtake_failed(self):
        """End what failed before this change for good: nobody may start it again."""
        failed = self.search(
            [
                ("id_key", "in", self._id_keys()),
                ("id", "<", self.id),
                ("state", "=", "failed"),
            ]
        )
        message = self._message("failed", Outcome(OVERTAKEN))
        failed.write({"outcome": OVERTAKEN, "message": message})

    def _message(self, state, outcome):
        """What the person reads about the end of this change."""
        if outcome.code == OVERTAKEN:
            return self.env._(
                "The account was changed again after this request was made, so it is "
                "not carried out any more."
            )
        if state == "failed" and self.is_sent:
            return self.env._(
                "It is not known whether this change was applied: it was sent, and no "
                "clear answer came. It is kept, and staff can start it again."
            )
        if state == "failed":
            return self.env._(
                "This change could not be applied. It is kept, and staff can start it "
                "again."
            )
        if state == "done":
            if self.operation == "remove":
                return self.env._("The account was removed.")
            return self.env._("Payments go to this account from now on.")
        by_code = {
            NOT_LINKED: self.env._("There is no account to remove."),
            INACTIVE: self.env._("This record is frozen. Please ask an officer."),
            INVALID_ID: self.env._("The registry does not accept this ID."),
            INVALID_FA: self.env._(
                "The registry does not accept this account. Please check the provider "
                "and the number."
            ),
            INVALID_NAME: self.env._(
                "The registry does not accept this account holder."
            ),
            INVALID_PHONE: self.env._(
                "The registry does not accept this phone number."
            ),
        }
        return by_code.get(outcome.code) or self.env._(
            "The registry refused this change."
        )


def _utc(when):
    """A naive UTC datetime of what a mapper says; None of what is no time."""
    try:
        when = datetime.fromisoformat(when)
    except ValueError:
        return None
    return when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when
