# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What Schemathesis has to know about us, beyond the description of the API."""

import schemathesis

CLIENT = "demo-client"


@schemathesis.hook
def map_body(_context, body):
    """Sign messages with the name of a client, or hardly one would get further than
    the question who is calling. A sender of a wrong type stays wrong."""
    if isinstance(body, dict) and isinstance(body.get("header"), dict):
        sender = body["header"].get("sender_id")
        if sender is None or isinstance(sender, str):
            body["header"]["sender_id"] = CLIENT
    return body
