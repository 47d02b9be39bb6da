# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Known faults of the released specification, put right before it judges anything.

Each entry says where, what and why. A place that is not there any more is an error:
then a new release has changed it, and the entry has to go.
"""

OPERATIONS = ("link", "update", "unlink", "resolve")
_ADDRESS = {"$ref": "#/components/schemas/cdpi_FinancialAddress"}


def _sync(operation):
    return ["paths", f"/mapper/sync/{operation}", "post"]


_IN = ["requestBody", "content", "application/json", "schema", "properties"]
_OUT = ["responses", "default", "content", "application/json", "schema", "properties"]
_ACTION = ["header", "allOf", 1, "properties", "action", "enum"]
_SCHEMAS = ["components", "schemas"]


def corrected(document):
    """The specification without its faults; changes ``document``.

    :param dict document: the released YAML, read
    """
    for operation in OPERATIONS:
        # Copied from another registry: all synchronous answers are "on-search" ...
        answer = [*_sync(operation), *_OUT, *_ACTION]
        _at(document, answer)[:] = [f"on-{operation}"]
        # ... and all synchronous requests are "link".
        request = [*_sync(operation), *_IN, *_ACTION]
        _at(document, request)[:] = [operation]
    # The one path that kept the other registry's root.
    paths = document["paths"]
    paths["/mapper/sync/txn/status"] = paths.pop("/registry/sync/txn/status")
    # "Exactly one of integer and number" refuses every integer.
    value = _at(document, [*_SCHEMAS, "AttributeValue"])
    value["anyOf"] = value.pop("oneOf")
    # The same for two texts that are alike: every text is refused.
    asked = ["properties", "txnstatus_request", "properties", "attribute_value"]
    value = _at(document, [*_SCHEMAS, "TxnStatusRequest", *asked])
    value["anyOf"] = value.pop("oneOf")
    # Required, and not declared.
    item = ["properties", "update_response", "items", "properties"]
    _at(document, [*_SCHEMAS, "UpdateResponse", *item])["fa"] = _ADDRESS
    # An expression where the name of a format belongs; as a pattern it would refuse
    # most examples that stand above it.
    for name in ("cdpi_PersonId", "cdpi_FinancialAddress"):
        del _at(document, [*_SCHEMAS, name])["format"]
    # Three letters, says the pattern; "en", says the example, and so do all clients.
    _at(document, [*_SCHEMAS, "LanguageCode"])["pattern"] = "^[a-z]{2,3}$"
    return document


def with_openg2p_codes(document):
    """What the ``openg2p`` dialect has beyond the specification, as do OpenG2P's own
    libraries: two more codes for update and unlink, and additional information of any
    kind.

    :param dict document: from :func:`corrected`
    """
    for name in ("UpdateStatusReasonCode", "UnlinkStatusReasonCode"):
        codes = _at(document, [*_SCHEMAS, name, "enum"])
        codes += ["rjct.id.invalid", "rjct.fa.invalid"]
    del _at(document, [*_SCHEMAS, "AttributeNameValue"])["required"]
    return document


def _at(document, path):
    for key in path:
        document = document[key]
    return document
