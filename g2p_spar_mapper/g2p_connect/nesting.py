# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""How deeply JSON may be nested when it is read again later.

The parser goes as deep as Python's stack lets it. That differs between the servers and
the job runner: what one of them could just read, another could not.
"""

import itertools
import re

MAX_DEPTH = 100  #: a message of the protocol has six levels

_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes({*range(256)} - _STEPS.keys())


def is_too_deep(text: bytes) -> bool:
    """Whether a sound JSON text is nested more deeply than it may be.

    :param bytes text: JSON that was parsed, or made, without a fault
    """
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:  # the quick first
        return False
    brackets = _TEXT.sub(b"", text).translate(None, _NO_BRACKETS)
    return max(itertools.accumulate(map(_STEPS.get, brackets))) > MAX_DEPTH
