# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A programme's system that calls the G2P-Connect API."""

import uuid
from datetime import UTC, datetime

import requests


def message(operation, items, sender_id, **header):
    """One message, as a dictionary.

    :param str operation: link, update, unlink or resolve
    :param list[dict] items: items without reference_id and timestamp
    :param header: other members of the header
    """
    now = datetime.now(UTC).isoformat()
    return {
        "header": {
            "version": "1.0.0",
            "message_id": str(uuid.uuid4()),
            "message_ts": now,
            "action": operation,
            "sender_id": sender_id,
            "total_count": len(items),
            **header,
        },
        "message": {
            "transaction_id": str(uuid.uuid4()),
            f"{operation}_request": [
                {"reference_id": str(position), "timestamp": now, **item}
                for position, item in enumerate(items)
            ],
        },
    }


def call(base_url, operation, items, sender_id="demo-client", root="/mapper/sync"):
    """POST one message; returns the HTTP response. For the others see message().

    :param str root: path before the operation
    """
    return requests.post(
        f"{base_url}{root}/{operation}",
        json=message(operation, items, sender_id),
        timeout=60,
    )


def resolve(base_url, wire_id):
    """What the registry says of one ID, with details: the result of its item."""
    response = call(base_url, "resolve", [{"id": wire_id, "scope": "details"}])
    assert response.status_code == 200, response.text
    (result,) = response.json()["message"]["resolve_response"]
    return result
