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
