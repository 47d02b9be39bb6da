# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Staff's way through the backend, as clicks and keys."""

from playwright.sync_api import expect


class Backend:
    """A staff member's browser.

    :param browser: playwright browser
    :param str base_url: the server
    :param str login: login, which is the password, too (demo)
    """

    def __init__(self, browser, base_url, login):
        self.context = browser.new_context(
            base_url=base_url, viewport={"width": 1360, "height": 900}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.goto("/web/login")
        self.page.fill("input[name=login]", login)
        self.page.fill("input[name=password]", login)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".o_main_navbar")

    def close(self):
        self.context.close()

    def open(self, path):
        self.page.goto(f"/odoo/{path}")
        self.page.wait_for_selector(".o_action_manager .o_view_controller")

    def search(self, text):
        """Type into the search bar; Enter takes the first suggestion."""
        field = self.page.locator(".o_searchview_input")
        field.fill(text)
        self.page.wait_for_selector(".o_searchview_autocomplete .o-dropdown-item")
        field.press("Enter")
        expect(self.page.locator(".o_searchview_facet", has_text=text)).to_be_visible()

    def rows(self):
        return self.page.locator(".o_list_view .o_data_row")

    def open_only_row(self):
        expect(self.rows()).to_have_count(1)
        self.rows().first.locator("td.o_data_cell").first.click()
        self.page.wait_for_selector(".o_form_view")

    def text(self):
        return self.page.locator(".o_action_manager").inner_text()
