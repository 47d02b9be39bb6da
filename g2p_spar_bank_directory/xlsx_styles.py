# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Tells which styles of a workbook show a number otherwise than it is (no Odoo)."""

import math
import re

#: numbers of formats that every workbook has, without saying what they look like:
#: money, percentages, dates and times
_BUILT_IN = (
    *(*range(5, 11), 42, 44),
    *(*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)),
)
MAX_FORMAT = 255  #: characters, as spreadsheet programs have it
_PIECE = re.compile(r'"[^"]*"|\[[^\]]*\]|[\\_*].|.', re.DOTALL)
_CONDITION = re.compile(r"\[[<>=]")
#: colours, conditions, languages; fillers and blanks: they change nothing of a number
_QUIET = re.compile(r'\[(?![hms]+\]).*|_.|[\\*]?\s|"\s*"', re.IGNORECASE | re.DOTALL)
#: places for digits, and no comma behind the last one: that divides by a thousand
_PLAIN = re.compile(
    r"general|@|(?P<whole>[0#?,]*[0#?])?(\.[0#?]*)?(e[+-][0#?]+)?", re.IGNORECASE
)


def find_widths(styles):
    """The styles that show a number otherwise than it is: with zeros in front, with
    letters or signs, as a percentage or as a date.

    :param styles: root element of the workbook's styles
    :return: by number of the style, as cells name it, how many digits the whole part
        of a number takes to be shown as it is; infinity if it never is
    :rtype: dict[str, float]
    """
    widths = {str(number): math.inf for number in _BUILT_IN}
    widths |= {
        form.get("numFmtId"): _get_width(form.get("formatCode", "")[:MAX_FORMAT])
        for form in styles.iterfind("{*}numFmts/{*}numFmt")
    }
    return {
        str(place): width
        for place, style in enumerate(styles.iterfind("{*}cellXfs/{*}xf"))
        if (width := widths.get(style.get("numFmtId"), 0)) > 1
    }


def _get_width(code):
    """The same of one format: of its first section, which is for positive numbers,
    unless conditions say which number which section is for."""
    sections = [[]]
    for piece in _PIECE.findall(code):
        if piece == ";":
            sections.append([])
        elif not _QUIET.fullmatch(piece):
            sections[-1].append(piece)
    if not _CONDITION.search(code):
        del sections[1:]
    return max(_get_section_width("".join(section)) for section in sections)


def _get_section_width(text):
    found = _PLAIN.fullmatch(text)
    if not found:
        return math.inf
    # behind the first 0 every place is filled, whichever sign stands for it
    return len((found["whole"] or "").replace(",", "").lstrip("#?"))
