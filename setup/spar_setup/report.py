# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Counts what the parts of a test run passed and failed."""

from .console import say


class Report:
    """The tally of one test run."""

    def __init__(self):
        self.passed = 0
        self.failures = []

    def add(self, what, passed, failures=()):
        """Count the result of one tool or one addon and print it.

        :param str what: name of the tool or addon
        :param int passed: how many checks or tests passed
        :param failures: one text for each that failed
        """
        failures = list(failures)
        self.passed += passed
        self.failures += [f"{what}: {text}" for text in failures]
        verdict = f"{len(failures)} failed" if failures else "ok"
        say(f"  {what}: {passed} passed, {verdict}")
        for text in failures:
            say("\n".join(f"    | {line}" for line in text.splitlines()))

    def close(self):
        """Print the failures' first lines and the closing line.

        :return: the exit code
        """
        if self.failures:
            say("\nFailed:")
            for text in self.failures:
                say(f"  {text.splitlines()[0][:200]}")
        say(f"\n{self.passed} passed, {len(self.failures)} failed")
        return 1 if self.failures else 0
