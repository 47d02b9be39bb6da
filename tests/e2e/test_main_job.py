# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""SPAR's main job from end to end: real browser, real HTTP, real database.

A beneficiary chooses an account, the registry holds it, programmes are told where to
pay. It has to work the same whether the portal's server keeps the registry itself or
reaches another one over HTTP.
"""

import re
import time
from typing import NamedTuple

import g2p
import pytest
from backend import Backend
from playwright.sync_api import expect
from portal import Portal

BENEFICIARY = "token:demo-beneficiary-1@nationalId"
STRANGER = "token:nobody-knows-me-1@nationalId"
LINES = 1000
FIRST = {"number": "100200304455", "masked": "•••• 4455", "provider": "HDFC Bank Ltd."}
SECOND = {"number": "0712345678", "masked": "+254 •••• 678"}


class Place(NamedTuple):
    """Where people work, and where the mappings are."""

    home: object  #: server with portal and disbursements
    registry: object  #: server that keeps the mappings
    set_connector: object = None  #: function that changes the connector of ``home``


@pytest.fixture
def remote_place(spar, spar_remote):
    """The portal's server has a connector to a registry elsewhere."""
    call = spar.odoo_rpc("administrator", "administrator")
    (connector,) = call("g2p.spar.connector", "search_read", [], ["adapter"], limit=1)

    def set_connector(**values):
        call("g2p.spar.connector", "write", [connector["id"]], values)

    set_connector(
        adapter="g2p_connect",
        g2p_connect_base_url=f"{spar_remote.base_url}/mapper/sync",
        g2p_connect_sender_id="demo-client",
    )
    yield Place(spar, spar_remote, set_connector)
    set_connector(adapter=connector["adapter"])


@pytest.fixture(params=["local", "remote"])
def place(request, spar):
    """The registry in the portal's own database, or in another one over HTTP."""
    if request.param == "local":
        return Place(spar, spar)
    return request.getfixturevalue("remote_place")


@pytest.fixture
def beneficiary(browser, spar):
    portal = Portal(browser, spar.base_url, "beneficiary")
    portal.log_in()
    yield portal
    portal.close()


@pytest.fixture
def staff(browser):
    """Function that logs a staff member in."""
    opened = []

    def log_in(server, login):
        opened.append(Backend(browser, server.base_url, login))
        return opened[-1]

    yield log_in
    for backend in opened:
        backend.close()


def test_main_job(place, beneficiary, staff, tmp_path):
    link_bank_account(beneficiary)
    answer = g2p.resolve(place.registry.base_url, BENEFICIARY)
    assert answer["status"] == "succ"
    assert answer["status_reason_code"] == "succ.id.active"
    assert f"account_number:{FIRST['number']}." in answer["fa"]
    assert "bank_code:HDFC" in answer["fa"]
    assert answer["account_provider_info"]["code"] == "HDFC"
    assert answer["account_provider_info"]["subcode"] == "HDFC0000522"

    officer_sees_mapping_and_ledger(staff(place.registry, "officer"))

    programme = staff(place.home, "programme")
    disbursement_url = disburse(programme, tmp_path)
    check_lines(programme, disbursement_url)

    change_to_mobile_wallet(beneficiary)
    answer = g2p.resolve(place.registry.base_url, BENEFICIARY)
    assert "wallet_provider_code:MPESA-KE" in answer["fa"]
    assert FIRST["number"] not in answer["fa"]

    # What was resolved stays what it was.
    check_lines(programme, disbursement_url)

    remove_account(beneficiary)
    answer = g2p.resolve(place.registry.base_url, BENEFICIARY)
    assert answer["status_reason_code"] == "succ.id.not_found"
    assert not answer.get("fa")


def link_bank_account(beneficiary):
    """No account on file -> bank, branch, number, summary, consent, receipt."""
    beneficiary.open_account()
    expect(beneficiary.by("account-none")).to_be_visible()
    beneficiary.by("add-account").click()
    beneficiary.choose_kind("bank")
    beneficiary.choose_from_directory("hdfc", "HDFC")
    beneficiary.choose_from_directory("mumbai", "HDFC0000522")
    beneficiary.type_number(FIRST["number"])
    summary = re.sub(r"\s", "", beneficiary.by("summary").inner_text())
    assert FIRST["number"] in summary
    assert "HDFCMumbaiCentralBranch" in summary
    assert beneficiary.confirm()
    beneficiary.by("done").click()
    expect(beneficiary.by("account-number")).to_contain_text("4455")
    assert FIRST["number"] not in beneficiary.page.content()


def change_to_mobile_wallet(beneficiary):
    beneficiary.open_account()
    beneficiary.by("change-account").click()
    beneficiary.choose_kind("mobile_wallet")
    beneficiary.choose_from_directory("m-pesa", "MPESA-KE")
    beneficiary.type_number(SECOND["number"])
    expect(beneficiary.by("replaces")).to_be_visible()
    beneficiary.confirm()
    beneficiary.by("done").click()
    expect(beneficiary.by("account-number")).to_contain_text("678")
    beneficiary.by("history").click()
    assert beneficiary.by("history-item").count() >= 2


def remove_account(beneficiary):
    beneficiary.open_account()
    beneficiary.by("remove-account").click()
    beneficiary.by("password").fill(beneficiary.login)
    beneficiary.by("confirm-remove").click()
    expect(beneficiary.by("receipt")).to_have_attribute(
        "data-state", "done", timeout=60_000
    )
    beneficiary.by("done").click()
    expect(beneficiary.by("account-none")).to_be_visible()


def officer_sees_mapping_and_ledger(officer):
    """Found by the exact ID; masked; the change stands in the timeline."""
    officer.open("spar-mappings")
    officer.search(BENEFICIARY)
    officer.open_only_row()
    text = officer.text()
    assert FIRST["masked"] in text
    assert FIRST["provider"] in text
    content = officer.page.content()
    assert FIRST["number"] not in content
    assert BENEFICIARY.split(":")[1].split("@")[0] not in text
    assert re.search(r"\bLink", text)


def disburse(programme, folder):
    """Upload a list of 1,000, resolve it in the background; returns its address."""
    path = folder / "payments.csv"
    rows = [f"token:person-{number}@nationalId,10.50" for number in range(LINES - 2)]
    path.write_text(
        "\n".join(["id,amount", f"{BENEFICIARY},99.00", f"{STRANGER},5.25", *rows])
    )
    page = programme.page
    programme.open("spar-disbursements")
    page.get_by_role("button", name="Upload a Payment List").first.click()
    dialog = page.locator(".modal")
    dialog.locator("[name=name] input").fill("Cash grant, May")
    dialog.locator("[name=programme] input").fill("Old age grant")
    dialog.locator("[name=file] input[type=file]").set_input_files(path)
    dialog.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_selector(".o_form_view .o_spar_progress")
    page.locator("button[name=action_resolve]").click()
    expect(page.locator(".o_spar_progress_bar")).to_have_attribute(
        "aria-valuenow", "100", timeout=120_000
    )
    expect(page.locator("[data-card=payable] .o_spar_progress_count")).to_have_text("1")
    expect(page.locator("[data-card=not_payable] .o_spar_progress_count")).to_have_text(
        "999"
    )
    return page.url


def check_lines(programme, url):
    """This person is payable at the first account, the stranger is not, and why."""
    page = programme.page
    page.goto(url)
    page.locator("[data-card=payable]").click()
    expect(programme.rows()).to_have_count(1)
    row = programme.rows().first.inner_text()
    assert FIRST["masked"] in row
    assert FIRST["provider"] in row
    assert "99.00" in row
    page.goto(url)
    page.locator("[data-card=not_payable]").click()
    programme_row = programme.rows().filter(has_text="nobody-knows-me-1")
    expect(programme_row).to_contain_text("No account")


def test_a_change_survives_a_registry_that_is_away(remote_place, beneficiary):
    """The remote registry stops; the wish is kept and applied when it is back."""
    registry_url = remote_place.registry.base_url
    beneficiary.open_account()
    beneficiary.by("add-account").click()
    beneficiary.choose_kind("bank")
    beneficiary.choose_from_directory("hdfc", "HDFC")
    beneficiary.choose_from_directory("mumbai", "HDFC0000522")
    beneficiary.type_number("987654321098")
    # nobody listens on this port
    remote_place.set_connector(g2p_connect_base_url="http://127.0.0.1:9/mapper/sync")
    beneficiary.by("consent").check()
    beneficiary.by("password").fill(beneficiary.login)
    beneficiary.by("confirm").click()
    expect(beneficiary.by("reference")).to_be_visible()
    time.sleep(3)  # long enough for a first try to fail
    assert not g2p.resolve(registry_url, BENEFICIARY).get("fa")
    remote_place.set_connector(g2p_connect_base_url=f"{registry_url}/mapper/sync")
    expect(beneficiary.by("receipt")).to_have_attribute(
        "data-state", "done", timeout=120_000
    )
    assert "987654321098" in g2p.resolve(registry_url, BENEFICIARY)["fa"]
    remove_account(beneficiary)
