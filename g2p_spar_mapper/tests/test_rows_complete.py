# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Each row of the table of behaviour has a test with its number in the name.

=========  ==============================================================
Rows       Where
=========  ==============================================================
1 to 18    ``test_api_item_rows``, in every dialect, profile and mode
19, 20     ``test_api_resolve_rows``, likewise
21 to 23   ``test_api_message_rows``; the Ack in ``test_async``
24         ``test_replay``; the Ack in ``test_async``
25         ``test_api_message_rows``
26         ``test_api_message_rows``; the Ack in ``test_async``
27 to 29   ``test_api_message_rows``; tokens of all kinds in ``test_token``
30         ``test_client_signature``
31         ``test_api_message_rows``
32, 33     ``test_async``
34 to 36   ``test_api_message_rows``
37, 38     ``test_status``
39         ``test_rates``
40         ``test_api_message_rows``
=========  ==============================================================
"""

import re
import sys

from odoo.tests import BaseCase

SPLIT = {19: "abc", 20: "abcd", 23: "ab", 24: "ab"}
ROWS = {
    f"{number:02d}{letter}"
    for number in range(1, 41)
    for letter in SPLIT.get(number, [""])
}


class TestRowsComplete(BaseCase):
    def test_no_row_is_left_out(self):
        package = __name__.rpartition(".")[0]
        tested = set()
        for name, module in [*sys.modules.items()]:
            if not name.startswith(f"{package}.test_"):
                continue
            for case in vars(module).values():
                if isinstance(case, type) and case.__module__ == name:
                    tested |= {
                        found[1]
                        for method in dir(case)
                        if (found := re.match(r"test_row_(\d\d[a-d]?)(_|$)", method))
                    }
        self.assertEqual(tested, ROWS)
