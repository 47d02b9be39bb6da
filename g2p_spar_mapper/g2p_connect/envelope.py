# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Whole messages: the answers our server gives, the requests our client sends."""

import uuid
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import UNSET

from .. import outcomes as oc
from . import belonging, codes
from .messages import (
    ANSWERS,
    LINK,
    RESOLVE,
    RESULTS,
    UNLINK,
    UPDATE,
    VERSION,
    Answer,
    AnswerHeader,
    MessageError,
    ProviderInfo,
    decode_foreign_answer,
    encode,
)

#: entries of additional_info by which a provider replaces another's account
_CONSENT = ("current_provider", "consent_reference")
_MAY_SAY = {"name", *_CONSENT}  #: an entry with none of these is kept


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


# --- the server's side ----------------------------------------------------------------


def service_items(operation: str, items: list) -> list:
    """Request items as the mapper's service takes them; ``null`` becomes ``""``."""
    if operation == RESOLVE:
        return [
            oc.ResolveItem(
                item.id or "",
                item.fa or "",
                item.scope or oc.YES_NO,
                item.reference_id or "",
            )
            for item in items
        ]
    if operation == UNLINK:
        return [
            oc.UnlinkItem(
                item.id or "",
                item.fa or "",
                item.reference_id or "",
                *_take_consent(item.additional_info)[1:],
            )
            for item in items
        ]
    return [_link_item(item) for item in items]


def _link_item(item):
    additional_info, current_provider, consent = _take_consent(item.additional_info)
    return oc.LinkItem(
        item.id or "",
        item.fa or "",
        item.name or "",
        item.phone_number or "",
        additional_info,
        item.reference_id or "",
        current_provider,
        consent,
    )


def _take_consent(additional_info):
    """Tell what is kept with an address from what allows this one change.

    :return: the entries to keep, the provider that the client takes the current one
        to be, and the reference of the person's consent; empty texts if not there
    """
    if not additional_info:
        return additional_info, "", ""
    kept, said = [], {}
    for entry in additional_info:
        if _MAY_SAY.isdisjoint(entry):  # most of them
            kept.append(entry)
            continue
        pair = entry
        if isinstance(entry.get("name"), str) and "value" in entry:
            pair = {entry["name"]: entry["value"]}
        found = {
            name: pair[name] for name in _CONSENT if isinstance(pair.get(name), str)
        }
        if found:
            said |= found
        else:
            kept.append(entry)
    return kept, *(said.get(name, "") for name in _CONSENT)


def build_answer(
    operation,
    header,
    transaction_id,
    items,
    outcomes,
    *,
    dialect=codes.OPENG2P,
    all_failed_rejects=False,
    correlation_id="",
) -> bytes:
    """The answer to a message that was processed.

    :param header: the header of the request
    :param items: the request's items
    :param outcomes: one :class:`Outcome` for each, in the same order
    :param str dialect: of the client, ``openg2p`` or ``spec``
    :param bool all_failed_rejects: whether the client wants a rejected header when no
        item succeeded
    :param str correlation_id: a new one when empty
    """
    now = _now()
    results = _answer_items(operation, items, outcomes, now, dialect)
    answer_header = _answer_header(operation, header, len(items), now)
    if all_failed_rejects and all(item.status == codes.RJCT for item in results):
        answer_header.status = codes.RJCT
        answer_header.status_reason_code = "rjct.errors.too_many"
        answer_header.status_reason_message = "Every item was rejected"
    return _encode_answer(
        operation, answer_header, transaction_id, correlation_id, results
    )


def build_refusal(
    operation, header, transaction_id, items, fault, *, correlation_id=""
) -> bytes:
    """The answer to a message that was refused as a whole; nothing was done.

    Each item is answered nevertheless: clients read the list before the header.

    :param HeaderFault fault: the reason
    """
    now, make = _now(), RESULTS[operation]
    results = [
        make(
            item.reference_id or "",
            now,
            codes.RJCT,
            item.id or "",
            status_reason_message=fault.message,
        )
        for item in items
    ]
    answer_header = _answer_header(operation, header, len(items), now)
    answer_header.status = codes.RJCT
    answer_header.status_reason_code = fault.code
    answer_header.status_reason_message = fault.message
    answer_header.completed_count = 0
    return _encode_answer(
        operation, answer_header, transaction_id, correlation_id, results
    )


def _answer_header(operation, header, count, now):
    return AnswerHeader(
        message_id=header.message_id,
        message_ts=now,
        action=f"on-{operation}",
        status=codes.SUCC,
        total_count=count,
        completed_count=count,
        sender_id=header.receiver_id or "",
        receiver_id=header.sender_id or "",
    )


def _encode_answer(operation, answer_header, transaction_id, correlation_id, results):
    message = ANSWERS[operation](
        transaction_id, correlation_id or str(uuid.uuid4()), results
    )
    return encode(Answer(answer_header, message))


def _answer_items(operation, items, outcomes, now, dialect):
    make, is_look_up = RESULTS[operation], operation == RESOLVE
    results = []
    for item, outcome in zip(items, outcomes, strict=True):
        by_fa = is_look_up and not item.id
        status, code = codes.to_wire(operation, outcome.code, by_fa, dialect)
        text = codes.wire_message(operation, outcome, item)
        result = make(
            item.reference_id or "",
            now,
            status,
            item.id or "",
            code or UNSET,
            text or UNSET,
        )
        if outcome.fa and operation != UNLINK and outcome.code == oc.OK:
            # who gets an address also gets at least one additional_info
            result.fa = outcome.fa
            result.additional_info = _additional_info(outcome, dialect)
            if is_look_up and outcome.fsp_code:
                result.account_provider_info = ProviderInfo(
                    outcome.fsp_name or outcome.fsp_code,
                    outcome.fsp_code,
                    outcome.branch_code,
                )
        results.append(result)
    return results


def _additional_info(outcome, dialect):
    """What was stored with the address, unchanged for OpenG2P's programs and as pairs
    of name and value for the specification; else which strategy takes it apart."""
    kept = outcome.additional_info
    if dialect == codes.SPEC:
        return as_pairs(kept) or [_default_info(outcome)]
    if kept or not outcome.strategy:
        return kept or [_default_info(outcome)]
    # OpenG2P's programs look for a member of that name
    return [_default_info(outcome) | {"strategy_id": outcome.strategy}]


def _default_info(outcome):
    if outcome.strategy:
        return {"name": "strategy_id", "value": str(outcome.strategy)}
    return {"name": "fa_type", "value": outcome.account_type or "unknown"}


def as_pairs(additional_info: list[dict]) -> list[dict]:
    """Entries of any kind as pairs of a name and a value.

    An entry that is a pair already stays one, without what else it holds. The
    specification has neither ``null`` nor lists as values: these become texts.
    """
    pairs = []
    for entry in additional_info:
        if isinstance(entry.get("name"), str) and "value" in entry:
            entry = {entry["name"]: entry["value"]}
        pairs += ({"name": name, "value": _pair_value(entry[name])} for name in entry)
    return pairs


def _pair_value(value):
    if value is None:
        return ""
    return encode(value).decode() if isinstance(value, list) else value


# --- the client's side ----------------------------------------------------------------


class ClientRequest(NamedTuple):
    """A request ready to be sent.

    ``references`` holds the reference id of each item, in order; :func:`read_answer`
    needs it to find the results, which may come in any order, and ``transaction_id``
    to know that they belong to this request.
    """

    body: bytes
    references: list[str]
    transaction_id: str


def build_request(
    operation: str,
    items: list,
    *,
    transaction_id: str = "",
    sender_id: str = "",
    receiver_id: str = "",
) -> ClientRequest:
    """A synchronous request for a mapper.

    :param items: LinkItem (also to update), UnlinkItem or ResolveItem; those without
        a ``reference`` get one that is unique in this message
    :param transaction_id: at most 99 characters; a new one when empty
    """
    now = _now()
    message_id = str(uuid.uuid4())
    references = [
        item.reference or f"{message_id}-{position}"
        for position, item in enumerate(items)
    ]
    if len(set(references)) != len(references):
        raise ValueError("two items of one message have the same reference")
    transaction_id = transaction_id or str(uuid.uuid4())
    content = {
        "signature": "",
        "header": {
            "version": VERSION,
            "message_id": message_id,
            "message_ts": now,
            "action": operation,
            "sender_id": sender_id,
            "sender_uri": "",
            "receiver_id": receiver_id,
            "total_count": len(items),
            "is_msg_encrypted": False,
            "meta": {},
        },
        "message": {
            "transaction_id": transaction_id,
            f"{operation}_request": [
                {"reference_id": reference, "timestamp": now}
                | _request_item(operation, item)
                for item, reference in zip(items, references, strict=True)
            ],
        },
    }
    return ClientRequest(encode(content), references, transaction_id)


def _request_item(operation, item):
    if operation in (LINK, UPDATE):
        content = {
            "id": item.id,
            "fa": item.fa,
            "name": item.name,
            "phone_number": item.phone,
            "additional_info": (item.additional_info or []) + _give_consent(item),
        }
    elif operation == RESOLVE:
        content = {"id": item.id, "fa": item.fa, "scope": item.scope}
    else:
        additional_info = _give_consent(item)
        content = {"id": item.id, "fa": item.fa, "additional_info": additional_info}
    return {name: value for name, value in content.items() if value}


def _give_consent(item):
    values = zip(_CONSENT, (item.current_provider, item.consent), strict=True)
    return [{"name": name, "value": value} for name, value in values if value]


def read_answer(
    operation: str,
    items: list,
    references: list[str],
    body: bytes,
    *,
    transaction_id: str = "",
) -> list[oc.Outcome]:
    """What became of each item, in the order of the request.

    What the answer says must belong to the question, or somebody is paid into the
    account of another: a result with another ID than the one asked about, and results
    of which two have one reference, are not taken, and the item may be tried again.
    Servers may leave the ID and the transaction out.

    :param items: the items that were sent
    :param references: from :func:`build_request`
    :param transaction_id: from :func:`build_request`; not compared when empty
    :raise MessageError: the body is no answer to this operation or this request
    """
    header, answers = decode_foreign_answer(operation, body)
    if transaction_id:
        belonging.check_transaction(body, transaction_id)
    if header.status == codes.RJCT and not _says_anything(answers):
        return [_refused(item, header.status_reason_code) for item in items]
    if answers is None:
        raise MessageError(f"message.{operation}_response: is missing")
    by_reference = {}
    for answer in answers:
        by_reference.setdefault(answer.reference_id, []).append(answer)
    return [
        _read_item(operation, item, by_reference.get(reference, ()))
        for item, reference in zip(items, references, strict=True)
    ]


def _says_anything(answers):
    """A rejected header decides, unless the items have reasons of their own."""
    return any(
        answer.status != codes.RJCT or answer.status_reason_code
        for answer in answers or ()
    )


def _refused(item, wire_code):
    text = codes.foreign_message(oc.REJECTED, wire_code)
    return oc.Outcome(oc.REJECTED, item.id, item.reference, text)


def _untold(item, text):
    return oc.Outcome(oc.RETRY, item.id, item.reference, text)


def _read_item(operation, item, answers):
    if not answers:
        return _untold(item, "The mapper did not answer for this item")
    if len(answers) > 1:
        return _untold(item, "The mapper answered more than once for this item")
    (answer,) = answers
    if item.id and answer.id and not belonging.is_same_id(item.id, answer.id):
        return _untold(item, "The mapper answered with another ID")
    code = codes.from_wire(operation, item, answer)
    outcome = oc.Outcome(
        code,
        item.id,
        item.reference,
        codes.foreign_message(code, answer.status_reason_code),
    )
    if code != oc.OK or not answer.fa:
        return outcome
    provider = answer.account_provider_info
    return outcome._replace(
        fa=answer.fa,
        additional_info=answer.additional_info or [],
        fsp_code=(provider and provider.code) or "",
        fsp_name=(provider and provider.name) or "",
        branch_code=(provider and provider.subcode) or "",
    )
