# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Description of the API (OpenAPI 3.1), made from what serves it.

Shapes come from the message structures, addresses from the table of paths, reason codes
from the table of outcomes: it cannot say anything else than the server does.
"""

from typing import get_args

import msgspec
from msgspec import UnsetType, defstruct

from . import ack, checks, codes, messages, status
from .paths import ENDPOINTS, STATUS, STATUS_ACTION

PATH = "/mapper/openapi.json"
PAGE_PATH = "/mapper/docs"
TOKEN_PATH = "/oauth2/client/token"  # noqa: S105 an address

_REF = "#/components/schemas/"
_SUMMARIES = {
    messages.LINK: "Link IDs with the accounts that are to be paid",
    messages.UPDATE: "Give linked IDs another account",
    messages.UNLINK: "Take the account of IDs away",
    messages.RESOLVE: "Look up whether and where an ID is paid",
    STATUS: "Ask what became of an earlier message",
}
_REQUESTS = messages.REQUESTS | {STATUS: status.StatusRequest}
_ANSWERS = messages.ANSWERS | {STATUS: status.StatusAnswerMessage}
#: what a status query may name as its kind of message, or leave open
_KINDS = (*messages.OPERATIONS, "", None)
_ASYNC = """\
An Ack: ACK when the result will be called back, NACK when there is no address to call
back and the result waits to be asked for, ERR when the message was not taken."""
#: HTTP status -> what it means and the codes it comes with
ERRORS = {
    400: (
        "The message cannot be read; the sentence names the member at fault.",
        ["err.request.bad", "err.encryption.invalid"],
    ),
    401: (
        "The sender is not known, or its token or signature is missing or wrong.",
        [
            "err.request.unauthorized",
            "err.sender_id.invalid",
            "err.signature.missing",
            "err.signature.invalid",
        ],
    ),
    403: ("The client may not call this operation.", ["err.request.forbidden"]),
    405: ("Only POST is served here.", ["err.request.bad"]),
    413: ("The message is too long.", ["err.request.bad"]),
    415: ("The content type is not application/json.", ["err.request.bad"]),
    429: (
        "Too many messages or items of this client; Retry-After says when to go on.",
        ["err.request.too_many_requests"],
    ),
    500: ("The request could not be processed.", ["err.service.unavailable"]),
    503: (
        "Nothing was done; the same message may succeed after Retry-After seconds.",
        ["err.service.unavailable"],
    ),
}
_WITH_RETRY_AFTER = (429, 503)
#: structures that go out: a member is always there unless it can be unset
_OUTGOING = (
    messages.AnswerHeader,
    messages.ProviderInfo,
    ack.Ack,
    ack.AckBody,
    ack.AckError,
    ack.ErrorBody,
    status.StatusResult,
    status.StatusAnswerMessage,
    *messages.RESULTS.values(),
    *messages.ANSWERS.values(),
)

_INTRODUCTION = f"""\
Who is paid where: the registry of IDs and financial addresses, as G2P-Connect 1.0.0
defines it. Each message has a header and a list of items, and each item gets a result
of its own: look at its status, not only at the header's. Match results by reference_id.

Refusals of items, and of whole messages with a sound sender, come with HTTP 200. Other
faults come as a list of errors. Members that are not described are skipped, `null` is
as good as absent, and members of answers that have nothing to say are left out.

Every operation is served twice: synchronously, with the results as answer, and
asynchronously, with an Ack as answer and the results sent to the client's own address,
which is sender_uri or the one that was agreed. A message that comes again is answered
as it was the first time, and not done again.

Get a token at `{TOKEN_PATH}`, or sign messages, whichever was agreed when the client
was registered. A signature is a JWS of the whole body in the header `Signature`.
"""


def build(version: str) -> dict:
    """The document.

    :param str version: of the software
    """
    calls = {name: _envelope(name, messages.RequestHeader) for name in _REQUESTS}
    replies = {name: _envelope(name, messages.AnswerHeader) for name in _ANSWERS}
    _schemas, components = msgspec.json.schema_components(
        [*calls.values(), *replies.values(), ack.AckBody, ack.ErrorBody],
        ref_template=_REF + "{name}",
    )
    outgoing = [*_OUTGOING, *replies.values()]
    for struct in outgoing:
        components[struct.__name__]["required"] = [
            field.encode_name
            for field in msgspec.structs.fields(struct)
            if UnsetType not in get_args(field.type)
        ]
    _name_codes(components)
    _limit_requests(components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SPAR mapper",
            "version": version,
            "description": _INTRODUCTION,
            "license": {"name": "LGPL-3.0-or-later", "identifier": "LGPL-3.0-or-later"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"signature": []}, {}],
        "paths": {
            path: {"post": _operation(path, endpoint)}
            for path, endpoint in _canonical().items()
        },
        "webhooks": {f"on-{operation}": _webhook(operation) for operation in _ANSWERS},
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {
                f"Error{number}": _error(number, text)
                for number, (text, _codes) in ERRORS.items()
            },
            "securitySchemes": {
                "token": {
                    "type": "oauth2",
                    "description": "A bearer token for one of the client's secrets.",
                    "flows": {
                        "clientCredentials": {"tokenUrl": TOKEN_PATH, "scopes": {}}
                    },
                },
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Signature",
                    "description": "A compact JWS of the body (RS256, PS256, ES256 or "
                    "EdDSA) made with a key that is registered for the client.",
                },
            },
        },
    }


def _canonical():
    """The first path of each endpoint; the others are its aliases."""
    first = {}
    for path, endpoint in ENDPOINTS.items():
        first.setdefault(endpoint, path)
    return {path: endpoint for endpoint, path in first.items()}


def _envelope(operation, header):
    """A whole message; the structures proper leave its inner part unread."""
    is_call = header is messages.RequestHeader
    name = operation.capitalize() + ("Call" if is_call else "Reply")
    message = (_REQUESTS if is_call else _ANSWERS)[operation]
    return defstruct(
        name, [("header", header), ("message", message), ("signature", str, "")]
    )


def _name_codes(components):
    """Reason codes are text to us and a closed list to whoever reads them."""

    def set_enum(name, member, values):
        components[name]["properties"][member]["enum"] = list(values)

    set_enum("AnswerHeader", "status_reason_code", codes.HEADER_CODES)
    for operation, struct in messages.RESULTS.items():
        set_enum(struct.__name__, "status_reason_code", codes.wire_codes(operation))
    errors = {code for _text, named in ERRORS.values() for code in named}
    set_enum("AckError", "code", sorted(errors | ack.codes_used()))
    any_answer = [{"$ref": _REF + one.__name__} for one in messages.ANSWERS.values()]
    components["StatusResult"]["properties"]["txn_status"] = {"anyOf": any_answer}


def _limit_requests(components):
    """What ``checks`` refuses a whole request for."""
    plain = f"^[^{checks.CONTROL}]*$"
    header = components["RequestHeader"]["properties"]
    header["message_id"] |= {"maxLength": checks.MAX_MESSAGE_ID, "pattern": plain}
    for name in ("is_msg_encrypted", "is_encrypted"):
        header[name]["enum"] = [False, None]
    query = components["StatusQuery"]
    kinds = {"attribute_type": status.ATTRIBUTES, "txn_type": _KINDS}
    for name, values in kinds.items():
        told = query["properties"][name]["description"]
        query["properties"][name] = {"description": told, "enum": list(values)}
    query["required"] = ["attribute_type"]
    for struct in _REQUESTS.values():
        components[struct.__name__]["properties"]["transaction_id"] |= {
            "minLength": 1,
            "maxLength": checks.MAX_TRANSACTION_ID,
            "pattern": plain,
        }


def _operation(path, endpoint):
    operation = endpoint.operation
    name = operation.capitalize()
    aliases = [
        other for other, e in ENDPOINTS.items() if e == endpoint and other != path
    ]
    summary = _SUMMARIES[operation]
    if endpoint.is_async:
        summary += ", the answer follows"
        answer = _content("AckBody", _ASYNC)
    else:
        answer = _content(f"{name}Reply", "What became of each item, in order.")
    answer["headers"] = {
        "Signature": {
            "description": "A JWS of the body, if answers are signed.",
            "schema": {"type": "string"},
        }
    }
    return {
        "operationId": f"{'async' if endpoint.is_async else 'sync'}_{operation}",
        "summary": summary,
        "description": f"Also served at {', '.join(aliases)}.",
        "requestBody": _body(operation),
        "responses": {"200": answer}
        | {
            str(number): {"$ref": f"#/components/responses/Error{number}"}
            for number in ERRORS
        },
    }


def _body(operation):
    example = {operation: {"value": _example(operation)}}
    schema = {"$ref": f"{_REF}{operation.capitalize()}Call"}
    return {
        "required": True,
        "content": {"application/json": {"schema": schema, "examples": example}},
    }


def _webhook(operation):
    """What we send to a client."""
    reply = _content(f"{operation.capitalize()}Reply", "")
    return {
        "post": {
            "operationId": f"on_{operation}",
            "summary": f"The result of an asynchronous {operation}",
            "description": "Sent to the client's address and tried again until a "
            "status from 200 to 299 comes back; an Ack NACK or ERR ends it, too.",
            "requestBody": {"required": True, "content": reply["content"]},
            "responses": {"200": _content("AckBody", "Taken.")},
        }
    }


def _content(name, text):
    schema = {"$ref": _REF + name}
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _error(number, text):
    response = _content("ErrorBody", text)
    if number in _WITH_RETRY_AFTER:
        response["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait.",
                "schema": {"type": "integer"},
            }
        }
    return response


def _example(operation):
    """A message of one item, made of the examples of its members."""
    header = _first_examples(messages.RequestHeader)
    if operation == STATUS:
        header["action"] = STATUS_ACTION
        query = _first_examples(status.StatusQuery)
        return {
            "header": header,
            "message": {"transaction_id": "t-2026-02", "txnstatus_request": query},
        }
    item = _first_examples(messages.REQUEST_ITEMS[operation])
    if operation not in (messages.LINK, messages.UPDATE):
        del item["fa"]
    return {
        "header": header | {"action": operation},
        "message": {"transaction_id": "t-2026-01", f"{operation}_request": [item]},
    }


def _first_examples(struct):
    """Members of a structure that have an example, with it."""
    _schemas, components = msgspec.json.schema_components([struct])
    members = components[struct.__name__]["properties"]
    return {
        name: member["examples"][0]
        for name, member in members.items()
        if "examples" in member
    }
