# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Description of the API (OpenAPI 3.1), made from what serves it.

Shapes come from the message structures, addresses from the table of paths, reason codes
from the table of outcomes: it cannot say anything else than the server does.
"""

from typing import get_args

import msgspec
from msgspec import UnsetType, defstruct

from . import checks, codes, messages
from .paths import ENDPOINTS

PATH = "/mapper/openapi.json"
PAGE_PATH = "/mapper/docs"
TOKEN_PATH = "/oauth2/client/token"  # noqa: S105 an address

_REF = "#/components/schemas/"
_SUMMARIES = {
    messages.LINK: "Link IDs with the accounts that are to be paid",
    messages.UPDATE: "Give linked IDs another account",
    messages.UNLINK: "Take the account of IDs away",
    messages.RESOLVE: "Look up whether and where an ID is paid",
}
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
    messages.ErrorBody,
    messages.ErrorEntry,
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

Get a token at `{TOKEN_PATH}`, or sign messages, whichever was agreed when the client
was registered. A signature is a JWS of the whole body in the header `Signature`.
"""


def build(version: str) -> dict:
    """The document.

    :param str version: of the software
    """
    envelopes = {}
    for operation in messages.OPERATIONS:
        envelopes |= _envelopes(operation)
    structs = [*envelopes.values(), messages.ErrorBody]
    outgoing = {*_OUTGOING, *(e for name, e in envelopes.items() if "Answer" in name)}
    _schemas, components = msgspec.json.schema_components(
        structs, ref_template=_REF + "{name}"
    )
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
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {
                f"Error{status}": _error(status, text)
                for status, (text, _codes) in ERRORS.items()
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
        if endpoint.operation in messages.OPERATIONS and not endpoint.is_async:
            first.setdefault(endpoint, path)
    return {path: endpoint for endpoint, path in first.items()}


def _envelopes(operation):
    """Whole messages by name; the structures proper leave the inner part unread."""
    name = operation.capitalize()
    parts = {
        f"{name}Message": (messages.RequestHeader, messages.REQUESTS[operation]),
        f"{name}AnswerMessage": (messages.AnswerHeader, messages.ANSWERS[operation]),
    }
    return {
        title: defstruct(
            title, [("header", header), ("message", message), ("signature", str, "")]
        )
        for title, (header, message) in parts.items()
    }


def _name_codes(components):
    """Reason codes are text to us and a closed list to whoever reads them."""

    def set_enum(name, member, values):
        components[name]["properties"][member]["enum"] = list(values)

    set_enum("AnswerHeader", "status_reason_code", codes.HEADER_CODES)
    for operation, struct in messages.RESULTS.items():
        set_enum(struct.__name__, "status_reason_code", codes.wire_codes(operation))
    all_errors = {code for _text, named in ERRORS.values() for code in named}
    set_enum("ErrorEntry", "code", sorted(all_errors))


def _limit_requests(components):
    """What ``checks`` refuses a whole request for."""
    plain = f"^[^{checks.CONTROL}]*$"
    header = components["RequestHeader"]["properties"]
    header["message_id"] |= {"maxLength": checks.MAX_MESSAGE_ID, "pattern": plain}
    for name in ("is_msg_encrypted", "is_encrypted"):
        header[name]["enum"] = [False, None]
    for struct in messages.REQUESTS.values():
        components[struct.__name__]["properties"]["transaction_id"] |= {
            "minLength": 1,
            "maxLength": checks.MAX_TRANSACTION_ID,
            "pattern": plain,
        }


def _operation(path, endpoint):
    operation = endpoint.operation
    name = operation.capitalize()
    aliases = [other for other, e in ENDPOINTS.items() if e == endpoint][1:]
    return {
        "operationId": f"sync_{operation}",
        "summary": _SUMMARIES[operation],
        "description": f"Also served at {', '.join(aliases)}.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"{_REF}{name}Message"},
                    "examples": {operation: {"value": _example(operation)}},
                }
            },
        },
        "responses": {
            "200": {
                "description": "A result for each item, in the order of the request.",
                "headers": {
                    "Signature": {
                        "description": "A JWS of the body, if answers are signed.",
                        "schema": {"type": "string"},
                    }
                },
                "content": {
                    "application/json": {
                        "schema": {"$ref": f"{_REF}{name}AnswerMessage"}
                    }
                },
            },
        }
        | {
            str(status): {"$ref": f"#/components/responses/Error{status}"}
            for status in ERRORS
        },
    }


def _error(status, text):
    response = {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": f"{_REF}ErrorBody"}}},
    }
    if status in _WITH_RETRY_AFTER:
        response["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait.",
                "schema": {"type": "integer"},
            }
        }
    return response


def _example(operation):
    """A message of one item, made of the examples of its members."""
    item = {
        name: examples[0]
        for name, examples in _examples(messages.REQUEST_ITEMS[operation])
        if not (operation == messages.UNLINK and name == "fa")
        and not (operation == messages.RESOLVE and name == "fa")
    }
    header = {name: found[0] for name, found in _examples(messages.RequestHeader)}
    return {
        "header": header | {"action": operation},
        "message": {"transaction_id": "t-2026-01", f"{operation}_request": [item]},
    }


def _examples(struct):
    """Members of a structure that have examples, with these."""
    (schema,), components = msgspec.json.schema_components([struct])
    for name, member in components[struct.__name__]["properties"].items():
        if "examples" in member:
            yield name, member["examples"]
