# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Where each operation is served: the one table for every server and for OpenAPI."""

from typing import NamedTuple

from .messages import OPERATIONS, RESOLVE

STATUS = "status"  #: asks what became of an earlier message
#: header action of a status request, of its answer and of its call-back
STATUS_ACTION = "txn-status"
ON_STATUS_ACTION = "txn-on-status"
_STATUS_ACTIONS = ("status", "txn_status", "txnstatus")

#: path beneath each root that serves an operation
_SUFFIXES = {operation: operation for operation in OPERATIONS} | {STATUS: "txn/status"}
_SYNC_ROOTS = ("/mapper/sync", "/sync")
_ASYNC_ROOTS = ("/mapper", "/mapper/async", "/async")
#: the specification's own place for it, under another registry's name
_SPEC_STATUS = "/registry/sync/txn/status"


class Endpoint(NamedTuple):
    """What is served at a path."""

    operation: str  #: link, update, unlink, resolve or status
    is_async: bool  #: the answer is an Ack, the result follows by call-back
    #: A replica may answer. Not so for status: it may be asked for just before the
    #: replica has heard of the message.
    readonly: bool


def _endpoints():
    for operation, suffix in _SUFFIXES.items():
        for root in _SYNC_ROOTS:
            yield f"{root}/{suffix}", Endpoint(operation, False, operation == RESOLVE)
        for root in _ASYNC_ROOTS:
            yield f"{root}/{suffix}", Endpoint(operation, True, False)
    yield _SPEC_STATUS, Endpoint(STATUS, False, False)


#: path -> what is served there; the method is always POST
ENDPOINTS = dict(_endpoints())


def action(operation: str, given: str, strict: bool) -> str:
    """What a message to an operation's address must have as action.

    :param str given: what it has; the names of a status request differ between programs
    """
    if operation != STATUS:
        return operation
    return given if not strict and given in _STATUS_ACTIONS else STATUS_ACTION


def callback(operation: str) -> str:
    """What is added to a receiver's address for the result of an operation."""
    return "txn/on-status" if operation == STATUS else f"on-{operation}"
