# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Counts what the parts of a test run passed, failed and skipped."""

from .console import say


class Report:
    """The tally of one test run."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []

    def add(self, what, passed, failures=(), skips=()):
        """Count the result of one tool or one addon and print it.

        :param str what: name of the tool or addon
        :param int passed: how many checks or tests passed
        :param failures: one text for each that failed
        :param skips: one text for each that did not run: which and why
        """
        failures, skips = list(failures), list(skips)
        self.passed += passed
        self.failures += [f"{what}: {text}" for text in failures]
        self.skips += [f"{what}: {text}" for text in skips]
        verdict = f"{len(failures)} failed" if failures else "ok"
        skipped = f", {len(skips)} skipped" if skips else ""
        say(f"  {what}: {passed} passed, {verdict}{skipped}")
        for text in failures:
            say("\n".join(f"    | {line}" for line in text.splitlines()))

    def close(self):
        """Print what was skipped, the failures' first lines and the closing line.

        :return: the exit code
        """
        for title, texts in ("Skipped", self.skips), ("Failed", self.failures):
            if texts:
                say(f"\n{title}:")
            for text in texts:
                say(f"  {text.splitlines()[0][:200]}")
        say(f"\n{self.passed} passed, {len(self.failures)} failed")
        return 1 if self.failures else 0
