# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Writes the requests of one run, each with a message id of its own; signed if asked.

Run it with the Python of the suite: ``bodies.py FILE``, what to write as JSON on
standard input: ``{"operation", "sender_id", "numbers": [[...], ...], "wire_id", "fa",
"shift", "key"}``. Each list of numbers is a message, each number an item.
"""

import json
import sys
import uuid
from datetime import UTC, datetime

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

TIME = datetime.now(UTC).isoformat(timespec="milliseconds")


def item(job, position, number):
    """One item, as the OpenG2P connector writes it."""
    operation = job["operation"]
    content = {
        "reference_id": f"r-{position}",
        "timestamp": TIME,
        "id": job["wire_id"] % number,
    }
    if operation == "resolve":
        content["scope"] = "details"
    elif operation in ("link", "update"):
        account = number + job["shift"]
        content |= {
            "fa": job["fa"] % account,
            "name": f"Person {number}",
            "phone_number": f"+2547{account % 100_000_000:08}",
            "additional_info": [{"strategy_id": 1}],
        }
    return content


def message(job, numbers):
    """One message as JSON bytes."""
    operation = job["operation"]
    content = {
        "signature": "",
        "header": {
            "version": "1.0.0",
            "message_id": str(uuid.uuid4()),
            "message_ts": TIME,
            "action": operation,
            "sender_id": job["sender_id"],
            "sender_uri": "",
            "receiver_id": "",
            "total_count": len(numbers),
            "is_msg_encrypted": False,
            "meta": {},
        },
        "message": {
            "transaction_id": str(uuid.uuid4()),
            f"{operation}_request": [
                item(job, position, number) for position, number in enumerate(numbers)
            ],
        },
    }
    return json.dumps(content, separators=(",", ":")).encode()


def main(path):
    job = json.load(sys.stdin)
    # once: to read and check a key takes longer than to sign
    key = job["key"] and load_pem_private_key(job["key"].encode(), None)
    with open(path, "wb") as file:
        for numbers in job["numbers"]:
            body = message(job, numbers)
            signature = ""
            if key:
                whole = jwt.api_jws.encode(body, key, "RS256", headers={"kid": "bench"})
                # without the payload, which is too long for a header
                protected, _payload, signed = whole.split(".")
                signature = f"{protected}..{signed}"
            file.write(f"{len(body)} {signature}\n".encode() + body + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
