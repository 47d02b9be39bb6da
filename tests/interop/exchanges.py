# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Messages of all kinds, and what a running server answers to them."""

import uuid
from datetime import UTC, datetime
from typing import NamedTuple

import requests

OPERATIONS = ("link", "update", "unlink", "resolve")
WALLET = (
    "mobile_number:+254{number}.wallet_provider_name:M-PESA (Safaricom)"
    ".wallet_provider_code:MPESA-KE.fa_type:mobile_wallet_provider"
)


class Exchange(NamedTuple):
    """One answer, and what was asked."""

    #: an operation, ``error``, ``ack``, ``callback``, ``status``, ``on-status``, or
    #: ``status-list``, which only OpenG2P's libraries know
    kind: str
    operation: str
    dialect: str
    status: int
    answer: dict

    @property
    def results(self):
        return self.answer["message"][f"{self.operation}_response"]


class Caller:
    """Sends messages as one client and keeps the answers."""

    def __init__(self, base_url, sender_id, dialect):
        self.base_url = base_url
        self.sender_id = sender_id
        self.dialect = dialect
        self.kept = []

    def call(self, operation, *items, root="/mapper/sync", **header):
        body = message(operation, items, sender_id=self.sender_id, **header)
        return self.post(operation, f"{root}/{operation}", body)

    def call_later(self, receiver, operation, *items, **header):
        """Send items to be done later; wait for what is called back."""
        header |= {"sender_uri": f"{receiver.url}/spar"}
        body = message(operation, items, sender_id=self.sender_id, **header)
        self.post_later(receiver, "callback", operation, f"/mapper/{operation}", body)

    def post_later(self, receiver, kind, operation, path, body):
        ack = self.post(operation, path, body, kind="ack")["message"]
        if ack["ack_status"] == "ACK":
            _path, answer = receiver.wait_for(ack["correlation_id"])
            self.kept.append(Exchange(kind, operation, self.dialect, 200, answer))

    def ask(self, form, value, **header):
        """A status request; the specification's has one query and no list."""
        now = datetime.now(UTC).isoformat()
        query = {
            "reference_id": "r1",
            "timestamp": now,
            "txn_type": "link",
            "attribute_type": "transaction_id",
            "attribute_value": value,
        }
        body = message("status", [], sender_id=self.sender_id, **header)
        body["header"] |= {"action": "txn-status", "total_count": 1}
        body["message"] = {
            "transaction_id": str(uuid.uuid4()),
            "txnstatus_request": query if form == "status" else [query],
        }
        return body

    def post(self, operation, path, body, kind=None):
        response = requests.post(self.base_url + path, json=body, timeout=60)
        kind = kind or (operation if response.ok else "error")
        answer = response.json()
        self.kept.append(
            Exchange(kind, operation, self.dialect, response.status_code, answer)
        )
        return answer


def message(operation, items, **header):
    now = datetime.now(UTC).isoformat()
    return {
        "signature": "",
        "header": {
            "version": "1.0.0",
            "message_id": str(uuid.uuid4()),
            "message_ts": now,
            "action": operation,
            "total_count": len(items),
        }
        | header,
        "message": {
            "transaction_id": str(uuid.uuid4()),
            f"{operation}_request": [
                {"reference_id": f"r{place}", "timestamp": now, **item}
                for place, item in enumerate(items)
            ],
        },
    }


def talk(caller, receiver):
    """Have answers with every outcome and every kind of refusal.

    :param Caller caller: keeps them
    :param Receiver receiver: gets those that come later
    """
    _talk_now(caller)
    _talk_later(caller, receiver)


def _talk_now(caller):
    one, two, unknown = (f"token:{uuid.uuid4().hex}@nationalId" for _ in range(3))
    first, other = (WALLET.format(number=number) for number in (712345678, 733333333))
    info = [{"strategy_id": 4}, {"name": "note", "value": 1, "more": None}]
    caller.call(
        "link",
        {"id": one, "fa": first, "additional_info": info, "name": "Ann"},
        {"id": two, "fa": first, "locale": "en"},
        {"id": one, "fa": other},
        {"id": "", "fa": other},
        {"id": unknown, "fa": ""},
        {"id": unknown, "fa": first, "name": "A\0"},
        {"id": unknown, "fa": first, "phone_number": "call me"},
        {"id": unknown, "fa": first, "additional_info": [{"a": "\0"}]},
        {"id": unknown, "fa": first, "reference_id": "x" * 256},
    )
    caller.call(
        "resolve",
        {"id": one, "scope": "details"},
        {"id": two, "scope": "details"},
        {"id": one},
        {"id": unknown, "scope": "details"},
        {"id": one, "fa": other},
        {"fa": first, "scope": "details"},
        {"fa": WALLET.format(number=799999999)},
        {"id": ""},
        {"id": one, "scope": "everything"},
    )
    caller.call(
        "update",
        {"id": one, "fa": other},
        {"id": unknown, "fa": other},
        {"id": "", "fa": other},
        {"id": one, "fa": ""},
        {"id": one, "fa": other, "name": "A\0"},
    )
    caller.call(
        "unlink",
        {"id": one, "fa": first},
        {"id": one},
        {"id": one},
        {"id": ""},
    )
    for operation in OPERATIONS:
        item = {"id": unknown, "fa": first}
        caller.call(operation, item, action="dance")
        caller.call(operation, item, version="9")
        caller.call(operation)
        path = f"/mapper/sync/{operation}"
        caller.post(operation, path, [], kind="error")
        nobody = message(operation, [item], sender_id="nobody")
        caller.post(operation, path, nobody, kind="error")


def _talk_later(caller, receiver):
    one, two = (f"token:{uuid.uuid4().hex}@nationalId" for _ in range(2))
    account = {"id": one, "fa": WALLET.format(number=712345678)}
    for operation in ("link", "link", "update", "resolve", "unlink", "unlink"):
        caller.call_later(
            receiver,
            operation,
            account | {"scope": "details"},
            {"id": two, "fa": ""},
        )
    caller.call_later(receiver, "link", account, action="dance")
    caller.call_later(receiver, "link")
    # without an address to call back there is nothing to wait for
    body = message("link", [account], sender_id=caller.sender_id)
    caller.post("link", "/mapper/link", body, kind="ack")
    for value in (body["message"]["transaction_id"], "never heard of"):
        for form in ("status", "status-list"):
            asked = caller.ask(form, value)
            caller.post("txn-status", "/mapper/sync/txn/status", asked, kind=form)
        asked = caller.ask("status", value, sender_uri=f"{receiver.url}/spar")
        caller.post_later(
            receiver, "on-status", "txn-status", "/mapper/txn/status", asked
        )
