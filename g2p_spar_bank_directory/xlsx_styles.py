# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Tells which styles of a workbook show a number as a date (no Odoo)."""

import re

#: numbers of formats that every workbook has, without saying what they look like
_BUILT_IN = (*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59))
#: texts, colours and fillers in a format: their letters mean nothing
_WORDS = re.compile(r'"[^"]*"|\[[^\]]*\]|[\\_*].')
_DATE = re.compile(r"[dmyhs]", re.IGNORECASE)


def find_dates(styles):
    """The styles in which a number is a day or a time.

    :param styles: root element of the workbook's styles
    :return: their numbers as cells name them
    :rtype: frozenset[str]
    """
    formats = {str(number) for number in _BUILT_IN}
    formats |= {
        form.get("numFmtId")
        for form in styles.iterfind("{*}numFmts/{*}numFmt")
        if _DATE.search(_WORDS.sub("", form.get("formatCode", "")))
    }
    return frozenset(
        str(place)
        for place, style in enumerate(styles.iterfind("{*}cellXfs/{*}xf"))
        if style.get("numFmtId") in formats
    )
