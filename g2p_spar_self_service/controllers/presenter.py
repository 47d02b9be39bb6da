# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Records and outcomes in the words of the pages. Reads only, and masked forms."""

from datetime import datetime, timezone

from odoo import fields
from odoo.tools import format_date, format_datetime

from odoo.addons.g2p_spar_bank_directory.exceptions import SparError
from odoo.addons.g2p_spar_connector.capabilities import SECONDS
from odoo.addons.g2p_spar_connector.models.g2p_spar_change import (
    OPEN_STATES,
    OVERTAKEN,
)
from odoo.addons.g2p_spar_mapper.outcomes import (
    INACTIVE,
    NOT_LINKED,
    OK,
    RETRY,
    Outcome,
)

from .. import mapper_rest
from ..const import PURPOSE, SCREEN_SECONDS

#: account types the pages have a drawing for
DRAWN = ("bank", "mobile_wallet", "email_wallet")
HOME = "/my/payment-account"
#: tone (colours) and drawing of each state of a change
LOOKS = {
    "queued": ("wait", "clock"),
    "applying": ("wait", "clock"),
    "done": ("good", "check"),
    "refused": ("bad", "cross"),
    "failed": ("bad", "alert"),
    "cancelled": ("calm", "cross"),
}


class Presenter:
    """:param env: full rights, in the language of the person"""

    def __init__(self, env):
        self.env = env

    # ------------------------------------------------------------- the account

    def situation(self, wire_id):
        """Ask the registry about one ID.

        :return: ``(situation, account)``: ``linked``, ``none``, ``frozen``,
            ``unreachable`` or ``unknown``; the account only when ``linked``
        """
        outcome = self._ask(wire_id)
        if not outcome:
            return "unreachable", None
        if outcome.code == OK:
            return "linked", self.resolved(outcome)
        situations = {
            NOT_LINKED: "none",
            INACTIVE: "frozen",
            RETRY: "unreachable",
        }
        return situations.get(outcome.code, "unknown"), None

    def _ask(self, wire_id):
        """The registry's outcome for one ID, or None when it cannot be asked.

        A page does not wait long, and not again for a mapper that has just hung: the
        worker that waits is missing to everybody else.
        """
        connectors = self.env["g2p.spar.connector"].with_context(
            **{SECONDS: SCREEN_SECONDS}
        )
        try:
            (connector,) = connectors._route([wire_id])
            if mapper_rest.is_resting(connector):
                return None
            (outcome,) = connectors._resolve([wire_id], PURPOSE)
        except SparError as err:
            # Whether a mapper is down or set up wrongly is staff's business.
            if err.code == "timeout":
                mapper_rest.rest(connector)
            return None
        return outcome

    def resolved(self, outcome):
        """An account as a resolve gave it."""
        kind = self.env["g2p.spar.account.type"].search(
            [("code", "=", outcome.account_type)], limit=1
        )
        return {
            **self._kind(kind),
            "provider": outcome.fsp_name or outcome.fsp_code,
            "branch": outcome.branch_name or outcome.branch_code,
            "number": outcome.masked,
            "since": self._since(outcome.since),
        }

    def chosen(self, draft):
        """The account being chosen, with its full number: only for its owner, once."""
        address = draft._address()
        return {
            **self._kind(draft.account_type_id),
            "provider": draft.fsp_id.name,
            "branch": draft.branch_id.display_name if draft.branch_id else "",
            "number": address.number,
            "number_parts": _in_fours(address.number),
        }

    def entry(self, record, step):
        """A provider or a branch to choose, with what tells those of one name apart."""
        if step == "provider":
            parts = [record.country_id.name, record.bic or record.national_code]
        else:
            parts = [record.city, record.code]
        return {
            "id": record.id,
            "code": record.code,
            "name": record.name,
            "detail": " · ".join(part for part in parts if part),
        }

    def _since(self, when):
        day = self.day(when)
        return self.env._("Since %s", day) if day else ""

    def _kind(self, kind):
        """Name and drawing of an account type; an unknown type is just an account."""
        question = kind.field_ids.filtered("is_number")[:1]
        return {
            "kind": kind.name or self.env._("Account"),
            "icon": self.icon(kind),
            "number_label": question.name,
        }

    def icon(self, kind):
        return kind.code if kind.code in DRAWN else "wallet"

    # ------------------------------------------------------------- the changes

    def change(self, change):
        """One change for a list, a notice or a receipt."""
        words = self._words(change)
        is_open = change.state in OPEN_STATES
        url = f"{HOME}/receipt/{change.reference}"
        return {
            **words,
            "reference": change.reference,
            "state": change.state,
            "is_open": is_open,
            "title": self._title(change),
            "account": self._changed_account(change),
            "message": self._reason(change),
            "requested_at": self.moment(change.requested_at),
            "url": url,
            "state_url": f"{url}/state",
            "cancel_url": f"{url}/cancel",
            "may_cancel": change.state == "queued",
            "retry_url": self._retry_url(change),
        }

    def _reason(self, change):
        """Why a change ended as it did, in the language of the reader: what is stored
        is in that of whoever worked on it last."""
        if change.state not in ("refused", "failed"):
            return ""
        if not change.outcome:
            return change.message
        return change._message(change.state, Outcome(change.outcome))

    def _retry_url(self, change):
        """Where the person can ask again; empty when asking again would not help."""
        remove = change.operation == "remove"
        if self._is_overtaken(change):
            return f"{HOME}/remove" if remove else f"{HOME}/change"
        return f"{HOME}/change" if change.state == "refused" and not remove else ""

    @staticmethod
    def _is_overtaken(change):
        """Whether a change is never carried out, because of something newer."""
        return change.state == "failed" and change.outcome == OVERTAKEN

    def history(self, wire_id, changes):
        """Changes newest first, each done one with the time its account was in use."""
        rows = []
        until = None
        for change in changes:
            row = self.change(change)
            row["period"] = ""
            if change.state == "done":
                row["period"] = self._period(wire_id, change, until)
                until = change.applied_at
            rows.append(row)
        return rows

    def _is_live(self, wire_id, change):
        """Whether the account of a change is the one that the registry has now."""
        outcome = self._ask(wire_id)
        return bool(outcome and outcome.code == OK and outcome.fa == change.fa)

    def _period(self, wire_id, change, until):
        """When the account of a done change was in use; empty when nobody can say."""
        if change.operation == "remove":
            return ""
        since = self.day(change.applied_at)
        if until:
            return self.env._(
                "In use from %(since)s to %(until)s",
                since=since,
                until=self.day(until),
            )
        # Another door may have changed the last account since.
        if not self._is_live(wire_id, change):
            return ""
        return self.env._("In use since %s", since)

    def _title(self, change):
        if change.operation == "remove":
            return self.env._("Remove my account")
        if change.state in OPEN_STATES:
            return self.env._("A new account is being set")
        return self.env._("Set my account")

    def _changed_account(self, change):
        if change.operation == "remove":
            return None
        return {
            **self._kind(change.account_type_id),
            "provider": change.fsp_id.name,
            "branch": change.branch_id.display_name if change.branch_id else "",
            "number": change.fa_masked,
        }

    def _words(self, change):
        """What the state of a change means for the person, and how it looks."""
        remove = change.operation == "remove"
        labels = {
            "queued": self.env._("Received"),
            "applying": self.env._("Being recorded"),
            "done": self.env._("Done"),
            "refused": self.env._("Not accepted"),
            "cancelled": self.env._("Cancelled"),
        }
        tone, icon = LOOKS[change.state]
        label = labels.get(change.state)
        next_steps = []
        if change.state in OPEN_STATES:
            headline = self.env._("We have received your request")
            explanation = self.env._(
                "We are recording it now. You may close this page."
            )
            next_steps = [
                self.env._(
                    "We pass your request to the register. Mostly this takes a minute."
                ),
                self.env._("It may be done already: we wait for the answer.")
                if change.is_sent
                else self.env._("Until then, nothing changes for your payments."),
                self.env._(
                    "Come back to this page at any time to see what became of it."
                ),
            ]
        elif change.state == "done" and remove:
            headline = self.env._("Your account was removed")
            explanation = self.env._("No money is sent to it any more.")
            next_steps = [self.env._("Add an account when you want to be paid again.")]
        elif change.state == "done":
            headline = self.env._("Your new account is set")
            explanation = self.env._("From the next payment on, your money goes there.")
            next_steps = [
                self.env._(
                    "Programmes ask where to pay you each time they send money."
                ),
                self.env._(
                    "A payment already on its way may still reach the account before."
                ),
            ]
        elif change.state == "cancelled":
            headline = self.env._("This request was cancelled")
            explanation = self.env._("Nothing has changed.")
        elif change.state == "refused":
            headline = self.env._("Your request was not accepted")
            explanation = self.env._("Nothing has changed. This is the reason:")
        else:
            label, headline, explanation = self._words_of_failure(change)
        return {
            "tone": tone,
            "icon": icon,
            "state_label": label,
            "headline": headline,
            "explanation": explanation,
            "next_steps": next_steps,
        }

    def _words_of_failure(self, change):
        """Label, headline and explanation of a failed change; its message follows."""
        if self._is_overtaken(change):
            return (
                self.env._("Not carried out"),
                self.env._("Your request is not carried out any more"),
                self.env._("If you still want it, ask again. This is the reason:"),
            )
        kept = self.env._(
            "Something went wrong on our side. Your request is kept: you need not send "
            "it again."
        )
        if change.is_sent:
            return (
                self.env._("Not known yet"),
                self.env._("We do not know yet whether your request is done"),
                kept,
            )
        return (
            self.env._("Not done yet"),
            self.env._("Your request is not done yet"),
            kept,
        )

    # --------------------------------------------------------------- time

    def day(self, when):
        """A date in the person's words; ``when``: ISO 8601 or naive UTC datetime."""
        if not when:
            return ""
        if isinstance(when, str):
            try:
                when = datetime.fromisoformat(when)
            except ValueError:
                return ""  # another mapper's clock may speak otherwise
        if when.tzinfo:
            when = when.astimezone(timezone.utc).replace(tzinfo=None)
        local = fields.Datetime.context_timestamp(self.env.user, when)
        return format_date(self.env, local.date(), date_format="d MMMM y")

    def moment(self, when):
        """Date and time in the person's words; ``when`` is a naive UTC datetime."""
        return format_datetime(self.env, when, dt_format="d MMMM y, HH:mm")


def _in_fours(number):
    """A long account number cut for the eye; other numbers stay in one piece."""
    if not (number.isalnum() and len(number) > 6):
        return [number]
    return [number[start : start + 4] for start in range(0, len(number), 4)]
