# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Templates of addresses and the patterns that take them apart (pure, no database).

A *construct template* is text with named places, ``account:{account_number}@{bank}``.
Its inverse, the *deconstruct pattern*, is a regular expression with one named group
for each place. By default it is derived from the template in such a way that it runs
in linear time and never guesses: a value cannot hold the text that follows it, nor any
of the template's longer separators. Who needs another reading writes an own pattern,
which is checked for the shapes that can take for ever.
"""

import re
import string
import sys
import time
from itertools import product
from re import _compiler as sre_compiler
from re import _constants as sre
from re import _parser as sre_parser

from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

MAX_TEXT = 1000  #: longest address, in characters
MAX_TEMPLATE = 500
MAX_PATTERN = 1000
PROBE_SECONDS = 0.05  #: CPU time a pattern may take on any text of MAX_TEXT characters
ALL_SECONDS = 2  #: CPU time it may take on all that it is measured on

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
#: control characters, line separators, half surrogates, and the marks that turn the
#: reading direction around, with which one text poses as another
CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_FORMATTER = string.Formatter()
_JUNK = ("0", "a", ".", "a.", "0@", ":", " ", "a:")
MAX_OWN = 40  #: characters of a pattern, and next to them, that are tried as junk, too
FEW = 10  #: rounds of a repeat that may hold a choice
#: rounds of repeats within each other, multiplied: e ** (40 / e), some two million, is
#: the most ways to share them
MAX_ROUNDS = 40
LONG = 20  #: a longer repeat counts as this one: within two rounds, but no more
#: small steps first: a time that doubles with each character is seen before it is long,
#: and so is one that a pattern of hundreds of repeats multiplies by as many
_SIZES = (*range(1, 8), *range(8, 64, 4), 64, 128, 256, 512, MAX_TEXT)
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
#: parts of a pattern that end with a pattern of their own
_WITH_BODY = (sre.SUBPATTERN, sre.ASSERT, sre.ASSERT_NOT, *_REPEATS)
#: of a class such as [^\W\d], which names no characters, some that it may take or not
_UNNAMED = ("0", "a", " ", ".", "_", "-")


class GrammarError(ValueError):
    """A template or a pattern cannot be used.

    :param reason: text or lazy translation; it goes on after a colon
    """

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def has_control(text):
    """Whether ``text`` holds a character of :data:`CONTROL`.

    Joiners and other format characters are fine: names in many scripts need them.
    """
    return not text.isprintable() and bool(CONTROL.search(text))  # the quick first


def split_template(template):
    """Take a template apart.

    :return: ``(literals, names)``; ``literals`` has one element more than ``names``
    :raise GrammarError: when it is no such template; says why
    """
    if not template or len(template) > MAX_TEMPLATE or has_control(template):
        raise GrammarError(
            _lt(
                "a template is one line of 1 to %(limit)s printable characters",
                limit=MAX_TEMPLATE,
            )
        )
    literals, names = [], []
    try:
        parts = list(_FORMATTER.parse(template))
    except ValueError as err:
        raise GrammarError(_lt("unbalanced braces")) from err
    tail = ""
    for literal, name, spec, conversion in parts:
        if name is None:
            tail += literal
            continue
        if spec or conversion or not _NAME.fullmatch(name):
            raise GrammarError(
                _lt("{%(name)s} is not a name of lower-case letters and _", name=name)
            )
        if name in names:
            raise GrammarError(_lt("{%(name)s} occurs twice", name=name))
        literals.append(tail + literal)
        names.append(name)
        tail = ""
    literals.append(tail)
    if not names:
        raise GrammarError(_lt("a template has at least one {name}"))
    if not all(literals[1:-1]):
        raise GrammarError(_lt("there must be text between two names"))
    return literals, names


def separators(template):
    """Texts of the template, longer than one character, that no value may hold."""
    literals, _names = split_template(template)
    return [literal for literal in literals[1:] if len(literal) > 1]


def construct(template, components):
    """Fill a template.

    :param dict components: name to text; each name of the template must be there
    :raise KeyError: when a component is missing
    """
    return fill(*split_template(template), components)


def fill(literals, names, components):
    """As :func:`construct`, with the template taken apart beforehand."""
    text = literals[0]
    for name, literal in zip(names, literals[1:], strict=True):
        text += components[name] + literal
    return text


def derive_pattern(template):
    """The pattern that takes texts made from ``template`` apart, as a string.

    A value ends before the first stop, so what was matched is never given back: runs
    without the first character of a stop, and such characters that begin none.
    """
    literals, names = split_template(template)
    forbidden = separators(template)
    pattern = re.escape(literals[0])
    for name, literal in zip(names, literals[1:], strict=True):
        stops = sorted({*forbidden, literal} - {""})
        stop = "|".join(re.escape(text) for text in stops)
        first = "".join(sorted({re.escape(text[0]) for text in stops}))
        run = rf"[^{first}\n]*+"
        value = f"{run}(?>(?:(?!{stop})[{first}]{run})*)" if stop else ".*"
        pattern += f"(?P<{name}>{value}){re.escape(literal)}"
    return pattern


def compile_pattern(pattern, names=None, probes=()):
    """Compile a pattern written by an administrator.

    :param names: the groups it must have; ``None`` when groups do not matter
    :param probes: further texts whose repetition the pattern must survive
    :raise GrammarError: when it does not compile, lacks a group, or can run for ever
    """
    if len(pattern) > MAX_PATTERN:
        raise GrammarError(
            _lt("a pattern has at most %(limit)s characters", limit=MAX_PATTERN)
        )
    try:
        compiled = re.compile(pattern)
        tree = sre_parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as err:
        raise GrammarError(
            _lt("this is not a regular expression: %(fault)s", fault=err)
        ) from err
    if names is not None and set(compiled.groupindex) != set(names):
        raise GrammarError(
            _lt(
                "the named groups must be exactly: %(names)s",
                names=", ".join(sorted(names)),
            )
        )
    _refuse_explosive(tree, rounds=1)
    _refuse_slow(compiled, tree, probes)
    return compiled


def _refuse_explosive(tree, rounds):
    """Refuse repeats within repeats, choices within repeats and back references.

    These are the shapes whose running time can double with each character. Within an
    atomic repeat, ``(?>(?:...)*)``, there may be others: each of its rounds is tried
    only once.

    :param int rounds: most rounds of the repeats around ``tree``, multiplied
    """
    for operator, argument in tree:
        if operator in (sre.GROUPREF, sre.GROUPREF_EXISTS):
            raise GrammarError(_lt("references to earlier groups are not allowed"))
        if operator in (sre.ASSERT, sre.ASSERT_NOT):
            _refuse_explosive(argument[1], rounds=1)
        elif operator is sre.BRANCH:
            if rounds > FEW:
                raise GrammarError(_lt("a choice (a|b) within a repeat is not allowed"))
            for branch in argument[1]:
                _refuse_explosive(branch, rounds)
        elif operator is sre.SUBPATTERN:
            _refuse_explosive(argument[3], rounds)
        elif operator is sre.ATOMIC_GROUP:
            if rounds <= FEW and _is_one_repeat(argument):
                argument = argument[0][1][2]
            _refuse_explosive(argument, rounds)
        elif operator in _REPEATS:
            low, high, body = argument
            if operator is sre.POSSESSIVE_REPEAT and not _is_one_character(body):
                # Python 3.11.2, that of Debian 12, never finds such a repeat
                raise GrammarError(_lt("the pattern repeats (...)*+: write (?>(...)*)"))
            # What is there or not, as in (?:a?b?)*, is left to the measurement.
            is_open = rounds > 1 and high > max(low, 1)
            if is_open and rounds * min(high, LONG) > MAX_ROUNDS:
                raise GrammarError(_lt("a repeat within a repeat is not allowed"))
            _refuse_explosive(body, rounds * max(high, 1))


def _is_one_repeat(tree):
    """Whether an atomic group holds a repeat alone that is never short of rounds: then
    no round is tried again because of a later one."""
    operator, argument = tree[0] if len(tree) == 1 else (None, None)
    return operator is sre.MAX_REPEAT and argument[0] <= 1


def _is_one_character(tree):
    characters = (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)
    return len(tree) == 1 and tree[0][0] in characters


def _refuse_slow(compiled, tree, probes):
    """Measure the pattern on growing texts and stop at the first slow one."""
    named = set(_characters(tree))
    own = sorted(named)[:MAX_OWN]
    # what a class such as [^a-z] takes lies next to what it names
    beside = {_next(char) for char in named} - named
    junk = (*_JUNK, *own, *sorted(beside)[:MAX_OWN], "".join(own), *probes)
    rounds = dict.fromkeys(_rounds(tree))
    heads = dict.fromkeys(head for head, _taken in rounds)
    ends = ("\n", *own, *_UNNAMED)
    total = 0
    # a condition such as (?!0) may not let pass what a repeat would take
    for head, taken in (*product([""], junk), *rounds, *product(heads, own)):
        # all ways are tried only when the text does not fit in the end
        text = head + taken[:1]
        misfits = (end for end in ends if not compiled.fullmatch(text + end))
        end = next(misfits, "\n")
        for size in _SIZES:
            text = head + (taken * size)[:size] + end
            start = time.thread_time()
            compiled.fullmatch(text)
            seconds = time.thread_time() - start
            total += seconds
            if seconds > PROBE_SECONDS or total > ALL_SECONDS:
                raise GrammarError(_lt("this pattern is too slow on long texts"))


def _rounds(tree, head=""):
    """Of each repeat or choice a text that leads to it, and what it takes at once."""
    for operator, argument in tree:
        for body in _bodies(operator, argument):
            if operator in (*_REPEATS, sre.BRANCH) and (taken := _sample(body)):
                yield head, taken
            yield from _rounds(body, head)
        head = (head + _sample([(operator, argument)]))[:MAX_TEXT]


def _bodies(operator, argument):
    """The patterns within a part of a pattern."""
    if operator is sre.BRANCH:
        return argument[1]
    if operator is sre.ATOMIC_GROUP:
        return [argument]
    return [argument[-1]] if operator in _WITH_BODY else []


def _sample(tree):
    """A short text that a pattern takes, with all that need not be there."""
    text = ""
    for operator, argument in tree:
        if operator is sre.LITERAL:
            text += chr(argument)
        elif operator is sre.NOT_LITERAL:
            text += _next(chr(argument))
        elif operator is sre.IN:
            text += _member(argument)
        elif operator is sre.ANY:
            text += "a"
        elif operator not in (sre.ASSERT, sre.ASSERT_NOT):
            rounds = max(argument[0], 1) if operator in _REPEATS else 1
            for body in _bodies(operator, argument)[:1]:
                text += (_sample(body) * min(rounds, MAX_TEXT))[:MAX_TEXT]
    return text[:MAX_TEXT]


def _member(items):
    """A character that a class takes; any when none of those it is tried with."""
    named = [*_characters([(sre.IN, items)])]
    a_class = sre_parser.SubPattern(sre_parser.State(), [(sre.IN, items)])
    takes = sre_compiler.compile(a_class, re.UNICODE).match
    tried = (*named, *map(_next, named), *_UNNAMED)
    return next(filter(takes, tried), ".")


def _next(char):
    return chr(min(ord(char) + 1, sys.maxunicode))


def _characters(tree):
    """Characters that a pattern names; of a range both ends."""
    for operator, argument in tree:
        if operator in (sre.LITERAL, sre.NOT_LITERAL):
            yield chr(argument)
        elif operator is sre.RANGE:
            yield from map(chr, argument)
        elif operator is sre.BRANCH:
            for branch in argument[1]:
                yield from _characters(branch)
        elif operator in (sre.IN, sre.ATOMIC_GROUP):
            yield from _characters(argument)
        elif operator in _WITH_BODY:
            yield from _characters(argument[-1])


def deconstruct(compiled, text):
    """Components of ``text``, or ``None`` when it has another shape."""
    match = compiled.fullmatch(text)
    return match.groupdict() if match else None
