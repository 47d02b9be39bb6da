# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Many mappings from a file: upload, check, approval, run, report, undo.

As people do it, in the browser; a second person approves.
"""

import csv
import uuid

import g2p
import pytest
from backend import Backend
from playwright.sync_api import expect

ROWS = 12_000  # three chunks of the run
WAIT = 180_000  # milliseconds
HEADER = ("Beneficiary ID", "Kind", "Bank", "Branch", "Account number", "Name")


FRESH = uuid.uuid4().hex[:8]  # so that a server may be tested again


def person(number):
    return f"token:e2e-import-{FRESH}-{number}@nationalId"


@pytest.fixture
def staff(browser, spar):
    """Function that logs a staff member in."""
    opened = []

    def log_in(login):
        opened.append(Backend(browser, spar.base_url, login))
        return opened[-1].page

    yield log_in
    for backend in opened:
        backend.close()


@pytest.fixture
def people(tmp_path):
    """A file: good rows, one ID twice with two accounts, an unknown bank."""
    path = tmp_path / "people.csv"
    rows = [
        (person(n), "bank", "HDFC", "HDFC0000522", 10**11 + n, f"Person {n}")
        for n in range(ROWS)
    ]
    rows.append((person(7), "bank", "HDFC", "HDFC0000522", 10**11, "Again"))
    rows.append((person(ROWS), "bank", "=NOBANK", "", 10**11, "Nobody"))
    with path.open("w", newline="", encoding="utf-16") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(HEADER)
        writer.writerows(rows)
    return path


def card(page, name):
    return page.locator(f"[data-card={name}] .o_spar_import_count")


def press(page, name, confirm=False):
    page.locator(f"button[name={name}]:visible").click()
    if confirm:
        page.locator(".modal button.btn-primary").click()


def test_import_and_undo(spar, staff, people, tmp_path):
    uploader = staff("administrator")
    uploader.goto("/odoo/spar-imports/new")
    uploader.locator("[name=name] textarea").fill("Pensions, May")
    upload(uploader, tmp_path / "broken.csv", b'id,account\n1,2\n"3,4\n')
    expect(uploader.locator("[name=failure]")).to_contain_text("Row 3")
    upload(uploader, people)
    expect(uploader.locator("[name=column_ids] .o_data_row")).to_have_count(6)
    expect(uploader.locator("[name=column_ids]")).to_contain_text("Kind of account")
    assert "e2e-import" not in uploader.content()
    press(uploader, "action_check")
    # the page shows by itself when the check is through
    expect(card(uploader, "new")).to_have_text("11,999", timeout=WAIT)
    expect(card(uploader, "rejected")).to_have_text("3")
    errors = error_file(uploader)
    assert [row[0] for row in errors] == ["Row", "9", "12002", "12003"]
    assert "row 12002" in errors[1][3]
    assert errors[3][1] == "Bank"
    assert not any("NOBANK" in cell for row in errors for cell in row)
    assert not g2p.resolve(spar.base_url, person(1)).get("fa")
    press(uploader, "action_ask")
    expect(uploader.locator("button[name=action_approve]")).to_have_count(0)

    approver = staff("import_approver")
    approver.goto(uploader.url)
    expect(card(approver, "new")).to_have_text("11,999")
    press(approver, "action_approve", confirm=True)
    # again by themselves, on the screens of both
    for page in approver, uploader:
        expect(current_state(page)).to_have_text("Done", timeout=WAIT)
        expect(page.locator(".o_spar_import_progress")).to_contain_text("Applied")
    assert "account_number:100000000001." in g2p.resolve(spar.base_url, person(1))["fa"]
    expect(uploader.locator(".o-mail-Chatter")).to_contain_text("Applied 11999 rows")

    press(uploader, "action_undo_ask", confirm=True)
    expect(current_state(uploader)).to_have_text("Undo to approve")
    approver.reload()
    press(approver, "action_undo_approve", confirm=True)
    expect(current_state(approver)).to_have_text("Undone", timeout=WAIT)
    for number in 0, 1, ROWS - 1:
        assert not g2p.resolve(spar.base_url, person(number)).get("fa")
    live = spar.psql(
        "SELECT count(*) AS live FROM g2p_spar_mapping m"
        "  JOIN g2p_spar_mapping_event e ON e.mapping_id = m.id"
        " WHERE e.transaction = %s AND m.closed_at IS NULL",
        [uploader.locator("[name=reference]").inner_text()],
    )
    assert live == [{"live": 0}]


def current_state(page):
    return page.locator(".o_statusbar_status .o_arrow_button_current")


def upload(page, path, content=None):
    """Choose a file; the form shows what was found in it."""
    if content:
        path.write_bytes(content)
    with page.expect_response(lambda response: "finish_upload" in response.url):
        page.locator(".o_spar_import_file input[type=file]").set_input_files(path)


def error_file(page):
    with page.expect_download() as download:
        page.get_by_role("link", name="Error File").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    return list(csv.reader(text.splitlines()))
