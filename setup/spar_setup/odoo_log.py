# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What an Odoo log says: warnings and errors that must not be there, test counts."""

import re
from pathlib import Path
from typing import NamedTuple

ALLOWED = Path(__file__).with_name("allowed_log.txt")

_RECORD = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ "
    r"(?P<level>[A-Z]+) (?P<database>\S+) (?P<logger>\S+): (?P<message>.*)"
)
#: Odoo's line about all the tests of a run.
SUMMARY = r"(\d+) failed, (\d+) error\(s\) of (\d+) tests"
_BAD = ("WARNING", "ERROR", "CRITICAL")


class Record(NamedTuple):
    """One message; its text includes the traceback that follows it."""

    level: str
    text: str


def records(text):
    """Yield the messages of a log; lines without a time belong to the one before."""
    level, lines = "", []
    for line in text.splitlines():
        found = _RECORD.match(line)
        if found:
            if lines:
                yield Record(level, "\n".join(lines))
            level, lines = found["level"], [line]
        else:
            lines.append(line)
    if lines:
        yield Record(level, "\n".join(lines))


def problems(text, allowed=()):
    """List the warnings and errors of a log that are not allowed.

    :param str text: the log
    :param allowed: patterns a test expects, besides those of ``allowed_log.txt``
    """
    patterns = [re.compile(pattern) for pattern in (*always_allowed(), *allowed)]
    return [
        record.text
        for record in records(text)
        if (record.level in _BAD or "Traceback (most recent call last)" in record.text)
        and not any(pattern.search(record.text) for pattern in patterns)
    ]


def always_allowed():
    """The patterns of ``allowed_log.txt``."""
    lines = ALLOWED.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def skips(text):
    """Which tests, or classes of them, Odoo says that it skipped, and why."""
    return re.findall(r": skipped ((?:setUpClass )?\S+ : .*)", text)


def test_counts(text):
    """Return (failed, run) as Odoo counted its tests; (0, 0) if it ran none."""
    found = re.findall(SUMMARY, text)
    failed = sum(int(failures) + int(errors) for failures, errors, _total in found)
    return failed, sum(int(total) for _failures, _errors, total in found)
