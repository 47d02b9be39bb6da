# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What a mapping keeps of a person, sealed as one value per row."""

import msgspec

from odoo.addons.g2p_spar_bank_directory.exceptions import SparIntegrityError

from .keyring import get_keyring

#: columns of a mapping that are sealed beside the clear values, in this order
COLUMNS = (
    *("id_type_id", "account_type_id", "strategy_id", "fsp_id", "fsp_code"),
    *("branch_id", "branch_code"),
)


class Content(msgspec.Struct, array_like=True, frozen=True):
    """The clear values of one mapping. New members go to the end, with a default."""

    id_value: str  #: the ID without prefix and suffix
    fa: str  #: the financial address string
    number: str  #: its number in normal form, as the rules were when it was linked
    name: str  #: who holds the account
    phone: str
    additional_info: str  #: JSON, as a number may be larger than msgpack knows
    #: values of :data:`COLUMNS` as :func:`encode` writes them: look-ups, which do not
    #: need them, do not spend time on taking them apart; rows may be older than it
    columns: msgspec.Raw = msgspec.Raw(b"\x90")  # an empty array


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Content)
encode = _encoder.encode
decode_columns = msgspec.msgpack.Decoder(list).decode


def place(mapping_id, id_key, fa_key):
    """Where the content of a mapping belongs: moved to another row, or beside another
    ID or account, it does not open."""
    return f"mapping:{mapping_id}:{id_key}:{fa_key}"


def open_content(mapping_id, id_key, fa_key, sealed):
    """Decrypt the content of one mapping.

    :raise SparIntegrityError: the row was changed outside of the registry, or is kept
        under a key that the ring lacks
    :rtype: Content
    """
    content = next(open_contents([(mapping_id, id_key, fa_key, sealed)]))
    if content is None:
        raise SparIntegrityError("A mapping was not sealed by this registry.")
    return content


def open_contents(rows):
    """Decrypt the contents of many mappings.

    :param rows: id, id_key, fa_key and sealed content of each
    :return: in order, None for those of which :func:`open_content` raises an error
    :rtype: Iterator[Content | None]
    """
    values = [
        (place(mapping_id, id_key, fa_key), sealed)
        for mapping_id, id_key, fa_key, sealed in rows
    ]
    for plain in get_keyring().open_many(values):
        try:
            yield _decoder.decode(plain) if plain is not None else None
        except msgspec.MsgspecError:
            yield None
