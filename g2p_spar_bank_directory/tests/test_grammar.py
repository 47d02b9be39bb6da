# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import re
import time

from odoo.tests import BaseCase, tagged

from .. import grammar

TEMPLATE = "no:{no}.name:{name}.type:{type}"


@tagged("post_install", "-at_install")
class TestGrammar(BaseCase):
    def take_apart(self, text, template=TEMPLATE):
        pattern = re.compile(grammar.derive_pattern(template))
        return grammar.deconstruct(pattern, text)

    def test_there_and_back(self):
        for name in ("", "Bank Ltd.", "a.b.c", "x: y", "..name", "é 銀行 (1) [*]"):
            components = {"no": "1.2", "name": name, "type": "bank"}
            text = grammar.construct(TEMPLATE, components)
            self.assertEqual(self.take_apart(text), components)

    def test_lookalike_is_not_read(self):
        self.assertIsNone(self.take_apart("no:1.name:EVIL.name:x.type:bank"))
        self.assertIsNone(self.take_apart("no:1.type:x.name:y.type:bank"))

    def test_other_text_is_not_read(self):
        for text in ("", "no:1", "no:1.name:x.type:bank\n", "xno:1.name:x.type:b"):
            self.assertIsNone(self.take_apart(text))

    def test_regex_signs_in_a_template_are_text(self):
        template = "a+(b)[c].*{x}|{y}$"
        components = {"x": "1", "y": "2"}
        text = grammar.construct(template, components)
        self.assertEqual(text, "a+(b)[c].*1|2$")
        self.assertEqual(self.take_apart(text, template), components)

    def test_escaped_braces(self):
        self.assertEqual(grammar.construct("{{{x}}}", {"x": "1"}), "{1}")

    def test_bad_templates(self):
        for template in (
            "",
            "no place",
            "{a}{b}",
            "{a}-{a}",
            "{A}",
            "{a.b}",
            "{0}",
            "{}",
            "{a!r}",
            "{a:>9}",
            "{a",
            "a}",
            "{a}\n",
            "{a}\x00",
            "x" * 501 + "{a}",
        ):
            with self.subTest(template), self.assertRaises(grammar.GrammarError):
                grammar.split_template(template)

    def test_explosive_patterns_are_refused(self):
        for pattern in (
            r"(?P<a>(x+)+)",
            r"(?P<a>(?:ab|cd|a)*)",
            r"(?P<a>(?:x*y?)*)",
            r"(?P<a>(?:Q?Q?)*)b",
            r"(?P<a>(?:[Q-S]?[Q-S])*)b",
            r"(?P<a>(?:[a-z]+\.)+)",
            r"(?P<a>x)(?P=a)",
            r"(?P<a>.*a.*a.*a.*a.*a.*a.*a.*a)",
            r"(?P<a>x",
            "(?P<a>" + "x" * 1001 + ")",
        ):
            with self.subTest(pattern=pattern), self.assertRaises(grammar.GrammarError):
                grammar.compile_pattern(pattern)

    def test_bounded_repeats_within_bounded_ones(self):
        for pattern in (
            r"(?:[^a0.@: ]{1,9}){1,9}a",
            r"(?:(?:ab){1,9}){1,9}c",
            r"(?:(?:ab)+){1,3}c",
            r"(?:(?:(?:[0-9]{1,4}){1,4}){1,4})x",
            r"(?:[A-Z]{1,5}){9}-",
        ):
            with self.subTest(pattern=pattern), self.assertRaises(grammar.GrammarError):
                grammar.compile_pattern(pattern)
        for pattern in (
            r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}",
            r"[A-Z]{2}[0-9]{2}(?:[0-9]{4} ?){3,7}",
            r"(?:[0-9]{4}-){1,12}",
            r"(?:[a-z0-9-]+\.){1,2}[a-z]+",
            r"(?:[0-9] ?){9,18}",
        ):
            with self.subTest(pattern=pattern):
                grammar.compile_pattern(pattern)

    def test_speed_is_measured_on_strangers_to_a_pattern(self):
        """What a negated class leaves out is not what it is slow on."""
        for pattern in (
            "[^a0.@: ]*" * 5 + "a",
            r"[^\x00-\x7f]*" * 5 + "z",
            r"[^a-zA-Z0@:. ]*" * 5 + "a",
            "[^\u0400-\U0010ffffa0.@: ]*" * 5 + "a",
        ):
            with self.subTest(pattern=pattern), self.assertRaises(grammar.GrammarError):
                grammar.compile_pattern(pattern)
        grammar.compile_pattern("[^a0.@: ]*a[^\U0010ffff]*b")

    def test_speed_is_measured_on_what_a_repeat_takes(self):
        """Behind what stands in front of it, and in the order of its own parts."""
        for pattern in (
            "KE" + "-?[0-9]*" * 5,
            "account:" + "[^@]*" * 5 + "@x",
            "(?P<a>[A-Z]{2}[0-9]{2})(?P<b>" + "[0-9]*x?" * 5 + ")",
            "ID(?:[A-Z]?[0-9]?)*-[0-9]",
            "(?:a?b?)*x",
            "[A-Z]{30}(?:a?b?)*x",
            "(?:[A-Z]?[0-9]?){1,40}/[0-9]{2}",
            "(?:ab)*" * 6 + "x",
            r"(?:\w?[^\w.]?)*:",
        ):
            with self.subTest(pattern=pattern), self.assertRaises(grammar.GrammarError):
                grammar.compile_pattern(pattern)
        for pattern in (
            "KE-?[0-9]{2}(?:[0-9]{4}-?)*(?=x)x",
            "(?:a|b)[^a-z]*[0-9]+@[a-z.]+",
            "account:(?P<a>[^@]*)@(?P<b>[^.]*)[.](?P<c>.*)",
        ):
            with self.subTest(pattern=pattern):
                grammar.compile_pattern(pattern)

    def test_speed_is_measured_on_what_classes_and_conditions_let_pass(self):
        for pattern in (
            "KE(?!0)" + "[0-9]*-?" * 5,
            r"KE" + r"[^\s]*-?" * 5,
            r"KE" + r"[^\W_]*-?" * 5,
            r"KE" + r"[^\W\d]*-?" * 5,
            r"KE" + r"[^\d]*-?" * 5,
            "KE" + "[0-9]?" * 40,
            "KE" + "(?:[0-9]|[0-9][0-9])" * 35,
        ):
            with self.subTest(pattern=pattern), self.assertRaises(grammar.GrammarError):
                grammar.compile_pattern(pattern)
        grammar.compile_pattern(r"KE(?!0)[^\W_]*-?[0-9]*[^\s]")

    def test_measuring_itself_does_not_take_for_ever(self):
        start = time.thread_time()
        for pattern in ("a?" * 50, "(?:a?){50}", "KE" + "a?" * 50 + "b*"):
            with self.subTest(pattern=pattern), self.assertRaises(grammar.GrammarError):
                grammar.compile_pattern(pattern)
        self.assertLess(time.thread_time() - start, 10)

    def test_repeats_within_atomic_ones(self):
        """Derived patterns have them, and may be written down as somebody's own."""
        pattern = grammar.derive_pattern(TEMPLATE)
        names = ["no", "name", "type"]
        grammar.compile_pattern(pattern, names, grammar.separators(TEMPLATE))
        for explosive in (
            r"(?P<a>(?>(?:(x+)+y)*))",
            r"(?P<a>(?>(x+)+y))",
            r"(?P<a>(?>(?:x+){2,}))b",
            r"(?P<a>(?>(?:x+)*y))b",
            r"(?P<a>(?:(?>[0-9]*)?[0-9]?x?)*)b",
            r"(?P<a>(?:(?:[0-9]++)?[0-9]?x?)*)b",
            r"(?P<a>(?:(?:[0-9]*+)?[0-9]?x?)*)b",
        ):
            with self.subTest(explosive), self.assertRaises(grammar.GrammarError):
                grammar.compile_pattern(explosive)

    def test_possessive_repeats(self):
        """Of groups they are misread by some versions of Python."""
        grammar.compile_pattern(r"(?P<a>[a-z]*+)[0-9]x?+.?+")
        for pattern in (r"(?P<a>(?:ab)*+)", r"(?P<a>(?:ab)?+)c"):
            with self.subTest(pattern):
                with self.assertRaises(grammar.GrammarError) as caught:
                    grammar.compile_pattern(pattern)
                self.assertIn("write (?>", caught.exception.reason._source)

    def test_groups_must_fit(self):
        with self.assertRaises(grammar.GrammarError):
            grammar.compile_pattern("(?P<a>x)", ["a", "b"])
        grammar.compile_pattern("(?P<a>x)", ["a"])

    def test_derived_pattern_is_fast_on_hostile_text(self):
        template = (
            "account_number:{account_number}.branch_name:{branch_name}."
            "branch_code:{branch_code}.bank_name:{bank_name}.bank_code:{bank_code}."
            "fa_type:{fa_type}"
        )
        pattern = re.compile(grammar.derive_pattern(template))
        hostile = "".join(grammar.separators(template)) * 20
        for text in (hostile, ".branch_name:" * 80, "." * 1000, "a" * 1000):
            start = time.thread_time()
            self.assertIsNone(grammar.deconstruct(pattern, "account_number:" + text))
            self.assertLess(time.thread_time() - start, 0.05)

    def test_control(self):
        for text in ("\x00", "a\nb", "a\x7f", "\u2028", "\ud800", "\x85", "\u202e"):
            self.assertTrue(grammar.has_control(text), repr(text))
        for text in ("", "é", "a b", "می‌خواهم", "\xa0"):
            self.assertFalse(grammar.has_control(text), repr(text))
