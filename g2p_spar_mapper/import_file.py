# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""An uploaded file that is kept in sealed parts (no Odoo)."""

import io
from bisect import bisect_right
from itertools import accumulate


class SealedFile(io.RawIOBase):
    """Reads sealed parts as one seekable file; one part is open at a time.

    :param list[int] sizes: bytes of each part, in order
    :param open_part: function that gives the bytes of a part by its number
    """

    def __init__(self, sizes, open_part):
        super().__init__()
        self._starts = [0, *accumulate(sizes)]
        self._open_part = open_part
        self._number = None
        self._part = b""
        self._place = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._place

    def seek(self, offset, whence=io.SEEK_SET):
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._starts[-1]}
        self._place = max(0, base[whence] + offset)
        return self._place

    def readinto(self, buffer):
        if self._place >= self._starts[-1]:
            return 0
        number = bisect_right(self._starts, self._place) - 1
        if number != self._number:
            self._part = self._open_part(number)
            self._number = number
        begin = self._place - self._starts[number]
        content = self._part[begin : begin + len(buffer)]
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)
