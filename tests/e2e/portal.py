# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The beneficiary's way through the portal, as clicks and keys."""

import re

from playwright.sync_api import expect


class Portal:
    """A beneficiary's browser.

    :param browser: playwright browser
    :param str base_url: the server with the portal
    :param str login: login, which is the password, too (demo)
    """

    def __init__(self, browser, base_url, login, **context):
        self.base_url = base_url
        self.login = login
        self.context = browser.new_context(base_url=base_url, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)

    def close(self):
        self.context.close()

    def by(self, test_id):
        return self.page.get_by_test_id(test_id)

    def log_in(self):
        self.page.goto("/web/login")
        self.page.fill("input[name=login]", self.login)
        self.page.fill("input[name=password]", self.login)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(re.compile(r"/my"))

    def open_account(self):
        """From the portal's start page by its card."""
        self.page.goto("/my")
        self.by("payment-account-card").locator("a").first.click()
        self.page.wait_for_url(re.compile(r"/my/payment-account$"))

    def choose_kind(self, code):
        self.page.locator(f"[data-testid=kind][data-kind={code}]").click()

    def choose_from_directory(self, typed, code):
        """Search as you type, then pick the entry with this code."""
        field = self.by("search-input")
        field.click()
        field.press_sequentially(typed, delay=30)
        self.page.locator(f"[data-testid=result][data-code='{code}']").click()

    def type_number(self, number, again=None):
        self.by("number").fill(number)
        self.by("number-again").fill(number if again is None else again)
        self.by("continue").click()

    def confirm(self):
        """Agree, give the password, confirm; returns the receipt's reference."""
        self.by("consent").check()
        self.by("password").fill(self.login)
        self.by("confirm").click()
        reference = self.by("reference").inner_text()
        expect(self.by("receipt")).to_have_attribute(
            "data-state", "done", timeout=60_000
        )
        return reference
