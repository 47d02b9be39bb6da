# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the directory says about one financial address (pure data, no Odoo)."""

import msgspec


class Address(msgspec.Struct, frozen=True):
    """One financial address with everything the directory knows of it.

    An address that no strategy could take apart is *opaque*: all ids are 0,
    ``components`` is empty and ``number`` is the whole string.
    """

    fa: str  #: the canonical string that goes over the wire
    components: dict = {}  #: names to strings, as the strategy's template names them
    account_type_id: int = 0
    account_type: str = ""  #: code of the account type, e.g. ``bank``
    strategy_id: int = 0
    fsp_id: int = 0
    fsp_code: str = ""
    fsp_name: str = ""
    branch_id: int = 0
    branch_code: str = ""
    branch_name: str = ""
    number: str = ""  #: normalised account number, phone number (E.164) or e-mail
    masked: str = ""  #: ``number`` as screens may show it
    last: str = ""  #: last characters of ``number``, for searching
