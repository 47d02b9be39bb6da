# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Each row of the table of behaviour has a test with its number in the name, in every
dialect, profile and mode.

==============  ==============================================================
Rows            Where; finer points
==============  ==============================================================
1 to 18         ``test_api_item_rows``
19, 20          ``test_api_resolve_rows``
21 to 23        ``test_api_message_rows``
24              ``test_api_transaction_rows``; ``test_replay``, ``test_async``
25, 26          ``test_api_message_rows``
27 to 31        ``test_api_refusal_rows``; ``test_token``, ``test_client_signature``
32, 33          ``test_api_transaction_rows``, asynchronous only; ``test_callbacks``
34              ``test_api_refusal_rows``; ``test_api_bad_input``
35, 36          ``test_api_message_rows``; ``test_limits``
37, 38          ``test_api_transaction_rows``; ``test_status``
39, 40          ``test_api_refusal_rows``; ``test_rates``
==============  ==============================================================
"""

import re
import sys

from odoo.tests import BaseCase

from .row_case import EVERY_WAY

SPLIT = {19: "abc", 20: "abcd", 23: "ab", 24: "ab"}
ROWS = {
    f"{number:02d}{letter}"
    for number in range(1, 41)
    for letter in SPLIT.get(number, [""])
}
ONLY_ASYNC = {"32", "33"}
NAME = re.compile(r"test_row_(\d\d[a-d]?)_.*\[(.*)\]")


class TestRowsComplete(BaseCase):
    def test_no_row_is_left_out(self):
        expected = {
            (row, "-".join(way))
            for row in ROWS
            for way in EVERY_WAY
            if way.mode == "async" or row not in ONLY_ASYNC
        }
        package = __name__.rpartition(".")[0]
        tested = set()
        for name, module in [*sys.modules.items()]:
            if not name.startswith(f"{package}.test_"):
                continue
            for case in vars(module).values():
                if isinstance(case, type) and case.__module__ == name:
                    tested |= {
                        found.groups()
                        for method in dir(case)
                        if (found := NAME.fullmatch(method))
                    }
        self.assertEqual(tested, expected)
