# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""One request to the API, whichever server carried it."""

from typing import NamedTuple


class Call(NamedTuple):
    """What came in."""

    operation: str  #: link, update, unlink, resolve or status: the path's
    body: bytes  #: as received
    remote_addr: str
    is_async: bool = False  #: whether the answer is an Ack
    authorization: str = ""  #: the header of that name
    signature: str = ""  #: the header of that name


class Reply(NamedTuple):
    """What goes out with status 200; faults are raised."""

    body: bytes
    headers: dict = {}


class Message(NamedTuple):
    """A message of a client that is known, taken apart."""

    operation: str
    header: object  #: ``messages.RequestHeader``
    transaction_id: str
    items: list  #: request items of the operation
    body: bytes  #: as received
    is_async: bool = False
    as_list: bool = False  #: the queries of a status request came as a list
