#!/usr/bin/env python3
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Make the pictures of README.md from a running SPAR with demo data.

usage: docs/screenshots.py [URL]      (default http://localhost:8069)

Needs the Python environment of ``setup/test`` (playwright) and Chromium. Uses the demo
logins; ``beneficiary`` has an account afterwards.
"""

import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).resolve().parent / "images"
sys.path[:0] = [
    str(IMAGES.parents[1] / "setup"),
    str(IMAGES.parents[1] / "tests"),
    str(IMAGES.parents[1] / "tests" / "e2e"),
]

# The modules above are on the path only now.
# ruff: noqa: E402
from backend import Backend
from conftest import CHROMIUM_FLAGS
from playwright.sync_api import sync_playwright
from portal import Portal
from spar_setup import debian

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}


def shoot(page, name):
    page.wait_for_timeout(800)  # animations, avatars
    page.screenshot(path=IMAGES / f"{name}.png")


def portal(browser, url):
    """Wide: the account. Narrow: the same, the search, and a receipt."""
    wide = Portal(browser, url, "beneficiary2", viewport=DESKTOP)
    wide.log_in()
    wide.open_account()
    shoot(wide.page, "portal-wide")
    narrow = Portal(browser, url, "beneficiary", viewport=PHONE)
    narrow.log_in()
    narrow.page.goto("/my/payment-account/change")
    narrow.choose_kind("bank")
    narrow.by("search-input").press_sequentially("hdfc", delay=30)
    shoot(narrow.page, "portal-search")
    narrow.page.locator("[data-testid=result][data-code=HDFC]").click()
    narrow.choose_from_directory("mumbai", "HDFC0000522")
    narrow.type_number("100200304455")
    narrow.confirm()
    shoot(narrow.page, "portal-receipt")
    narrow.by("done").click()
    narrow.by("change-account").click()
    narrow.choose_kind("mobile_wallet")
    narrow.choose_from_directory("m-pesa", "MPESA-KE")
    narrow.type_number("0712345678")
    narrow.confirm()
    narrow.by("done").click()
    shoot(narrow.page, "portal-narrow")


def mapping(browser, url):
    """A mapping with its changes, as an officer sees it."""
    officer = Backend(browser, url, "officer")
    officer.open("spar-mappings")
    officer.search("token:demo-beneficiary-1@nationalId")
    officer.open_only_row()
    shoot(officer.page, "mapping")


def disbursement(browser, url):
    """A resolved list."""
    programme = Backend(browser, url, "programme")
    programme.open("spar-disbursements")
    page = programme.page
    page.get_by_role("button", name="Upload a Payment List").first.click()
    dialog = page.locator(".modal")
    dialog.locator("[name=name] input").fill("Old age grant, November")
    dialog.locator("[name=programme] input").fill("Old age grant")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.csv"
        people = [f"household-{number}" for number in range(1, 10)]
        people += [f"beneficiary-{number}" for number in (1, 2, 3)]
        lines = [f"token:demo-{one}@nationalId,120.00" for one in people]
        path.write_text("\n".join(["id,amount", *lines]))
        dialog.locator("[name=file] input[type=file]").set_input_files(path)
        dialog.get_by_role("button", name="Import", exact=True).click()
        page.wait_for_selector(".o_form_view .o_spar_progress")
    page.locator("button[name=action_resolve]").click()
    page.wait_for_selector(".o_spar_progress_bar[aria-valuenow='100']")
    page.wait_for_selector("button[name=action_export_payable]")
    shoot(page, "disbursement")


def main(url):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(debian.CHROMIUM), args=CHROMIUM_FLAGS
        )
        for part in (portal, mapping, disbursement):
            part(browser, url)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8069")
