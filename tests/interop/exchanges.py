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

    kind: str  #: operation, ``error``, ``ack``, ``callback`` or ``status``
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


def talk(caller):
    """Have answers with every outcome and every kind of refusal."""
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
