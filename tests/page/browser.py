"""A party's page in headless Chromium, with the program itself behind it and its terminal in front of it.

Usage: browser.py GLOVEBOX ROOM, where ROOM has the folders publisher and retailer of a room that serves."""

import http.server
import json
import os
import pathlib
import pty
import queue
import re
import signal
import subprocess
import sys
import threading

from playwright.sync_api import sync_playwright

GLOVEBOX, ROOM = sys.argv[1], pathlib.Path(sys.argv[2])
PICTURES = ROOM / "pictures"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SCREENS = ["budget", "ask", "results", "room", "contract", "data", "journal"]
WIDTHS = [360, 390, 1100]
LINK = r"http://127\.0\.0\.1:\d+/open\?link=[0-9a-f]{64}"


class Terminal:
    """`glovebox ui` of one party in a terminal of its own, and what that says."""

    def __init__(self, party):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execv(GLOVEBOX, [GLOVEBOX, "ui", "--dir", str(ROOM / party)])
        self.pieces, self.said, self.rest = queue.Queue(), "", ""
        threading.Thread(target=self._read, daemon=True).start()
        self.link = self.wait(LINK)
        self.origin = self.link.split("/open")[0]

    def _read(self):
        while True:
            try:
                piece = os.read(self.terminal, 65536)
            except OSError:
                piece = b""
            if not piece:
                return
            self.pieces.put(piece.decode(errors="replace").replace("\r", ""))

    def wait(self, pattern, seconds=90):
        """The first match in what it says from here on."""
        while not (found := re.search(pattern, self.rest)):
            try:
                piece = self.pieces.get(timeout=seconds)
            except queue.Empty:
                raise AssertionError(f"the terminal did not say {pattern}: {self.said[-2000:]}") from None
            self.said, self.rest = self.said + piece, self.rest + piece
        self.rest = self.rest[found.end() :]
        return found.group(0)

    def type(self, line):
        os.write(self.terminal, line.encode() + b"\n")

    def another_link(self):
        self.type("")
        return self.wait(LINK)

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)


class Elsewhere:
    """A page of somebody else's in the same browser, which posts to ours."""

    def __init__(self, target):
        page = (
            f'<form method="post" action="{target}"><button id="go">go</button></form>'
            f'<a id="look" href="{target}">look</a>'
        ).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def check(holds, what):
    if not holds:
        raise AssertionError(what)
    print(f"  ok  {what}", flush=True)


def has(page, text, what=None):
    body = " ".join(page.inner_text("body").split())
    check(text in body, (what or f'says "{text}"') if text in body else f'no "{text}" in: {body}')


def screen(page, origin, name):
    answer = page.goto(f"{origin}/{name}")
    assert answer.status == 200, (name, answer.status, page.content())
    return page


def first_run(browser, terminal):
    """Whoever has the link gets in, once, and sees what is left."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(terminal.link)
    page.wait_for_url(f"{terminal.origin}/budget")
    has(page, "What is left")
    first = " ".join(page.inner_text("main").split())[:450]
    left = "100 % of this month's budget is left, epsilon 1.000 of 1.000: enough for 1 more question"
    check(left in first, "the first lines say what is left this month, in words")
    check("until" in first or "filled again" in first, "and when it is filled again")
    has(page, "sales of retailer", "and whose budget pays beside")
    has(page, "SIMULATED")
    colour = "el => getComputedStyle(el).backgroundColor"
    # Evaluating needs no script of the page's own.
    red = page.locator(".simulated").evaluate(colour)
    check(red == "rgb(180, 35, 24)", f"SIMULATED is on red ({red})")
    cookies = context.cookies()
    flags = [(it["httpOnly"], it["sameSite"]) for it in cookies]
    check(flags == [(True, "Strict")], "one cookie, for no script and no other site")
    again = browser.new_context().new_page()
    check(again.goto(terminal.link).status == 401, "a link lets in one browser only")
    check(again.goto(f"{terminal.origin}/budget").status == 401, "and nobody without its cookie")
    has(again, "This browser was not let in")
    for name in SCREENS:
        screen(page, terminal.origin, name)
    foreign = [url for url in asked if not url.startswith((terminal.origin, "data:"))]
    check(not foreign, f"nothing is loaded from elsewhere ({foreign})")
    return context, page


def elsewhere(browser, terminal):
    """Other pages, and other names for this machine."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(terminal.another_link())
    page.wait_for_url(f"{terminal.origin}/budget")
    port = terminal.origin.rsplit(":", 1)[1]
    answer = page.goto(f"http://evil.example:{port}/budget")
    check(answer.status == 421, "another name for this machine is refused (DNS rebinding)")
    check("What is left" not in page.content(), "and shows nothing")
    check(page.goto(f"http://localhost:{port}/budget").status == 421, "localhost is another name, too")
    other = Elsewhere(f"{terminal.origin}/ask?analysis=lift&kind=lift")
    page.goto(f"http://evil.example:{other.port}/")
    with page.expect_navigation() as going:
        page.click("#go")
    check(going.value.status in (401, 403), f"a form elsewhere posts nothing here ({going.value.status})")
    page.goto(f"http://evil.example:{other.port}/")
    with page.expect_navigation() as going:
        page.click("#look")
    check(going.value.status in (401, 403), "and a link elsewhere shows nothing")
    context.close()


def fill_in(page, origin, epsilon, receivers=("publisher",)):
    screen(page, origin, "ask")
    page.click("text=randomised lift")
    test = page.locator("fieldset.any", has=page.locator("legend", has_text="test"))
    test.get_by_label("mens", exact=True).check()
    control = page.locator("fieldset.any", has=page.locator("legend", has_text="control"))
    control.get_by_label("none", exact=True).check()
    page.select_option('[name="lift.outcome.0.column"]', "visit")
    page.select_option('[name="lift.outcome.0.type"]', "binary")
    page.fill('[name="lift.privacy.epsilon"]', str(epsilon))
    for party in receivers:
        page.check(f'[name="@receiver"][value="{party}"]')


def ask(page, terminal):
    """From a form to a receipt, without a script."""
    fill_in(page, terminal.origin, "a lot")
    labels = page.locator("form#asked .field > label, form#asked .field legend").all_text_contents()
    labels = [label.strip() for label in labels]
    raw = [label for label in labels if "_" in label or not label[0].isupper()]
    check(len(labels) > 10 and not raw, f"fields have names that people read, and no keys of files ({raw})")
    check(page.get_by_label("Confidence of the intervals").count() == 1, "also those that may be left out")
    page.click('button:has-text("See what it costs")')
    wrong = page.locator(".field.wrong", has=page.locator('[name="lift.privacy.epsilon"]'))
    check("is not a number" in wrong.inner_text(), "what does not fit is said beside its field")
    has(page, "Nothing was asked. This has to be changed first")
    check(page.input_value('[name="lift.outcome.0.column"]') == "visit", "what was filled in stays")
    page.fill('[name="lift.privacy.epsilon"]', "60")
    page.click('button:has-text("See what it costs")')
    has(page, "This would be refused", "a refusal is explained before anything is signed")
    has(page, "cannot be paid")
    told = " ".join(page.inner_text("main").split())
    for said in ["rule: over_budget", "owner: publisher", "would pass: epsilon 1"]:
        check(said in told, f"and says {said}")
    job = ROOM / "refused.toml"
    job.write_text(page.locator("details pre").text_content())
    command = [GLOVEBOX, "job", "price", str(job), "--dir", str(ROOM / "publisher")]
    printed = subprocess.run(command, capture_output=True, text=True).stderr
    for line in printed.replace("glovebox: ", "").splitlines():
        check(" ".join(line.split()) in told, f"in the words of the command line: {line.strip()}")
    check(page.locator('button:has-text("Prepare this question")').count() == 0, "what would be refused cannot be prepared")
    page.screenshot(path=PICTURES / "refused.png", full_page=True)
    page.fill('[name="lift.privacy.epsilon"]', "1")
    page.click("text=One more of these >> nth=0")
    check(page.locator('[name="lift.outcome.1.column"]').count() == 1, "one more outcome is offered")
    page.click('button:has-text("See what it costs")')
    has(page, "What it would cost")
    has(page, "pays epsilon 1 of the 1.000 that is left of this month's budget", "the price stands beside what is left")
    has(page, "sales of retailer: pays epsilon 1, too", "and says who else pays")
    steps = [" ".join(row.split()) for row in page.locator("table >> nth=0").locator("tbody tr").all_inner_texts()]
    check(len(steps) > 2 and steps[0].startswith("0.1"), f"each step of epsilon has its price and its error ({steps})")
    page.click('button[name="@epsilon"][value="0.5"]')
    check(page.input_value('[name="lift.privacy.epsilon"]') == "0.5", "and is one button away")
    has(page, "pays epsilon 0.5")
    page.click('button[name="@epsilon"][value="1"]')
    control = page.locator("fieldset.any", has=page.locator("legend", has_text="control"))
    control.get_by_label("mens", exact=True).check()
    page.click('button:has-text("See what it costs")')
    wrong = page.locator(".field.wrong", has=page.locator('[name="lift.assignment.control"]'))
    check("arms must not overlap" in wrong.inner_text(), "one value in both arms is refused beside the field")
    page.screenshot(path=PICTURES / "unfit.png", full_page=True)
    control.get_by_label("mens", exact=True).uncheck()
    page.click('button:has-text("See what it costs")')
    has(page, "head count", "the error of a head count is said beforehand")
    button, form = page.locator('button:has-text("Prepare this question")'), page.locator("form#asked")
    check(button.bounding_box()["y"] < form.bounding_box()["y"], "what can be done stands under the price, above the form")
    page.screenshot(path=PICTURES / "priced.png", full_page=True)
    page.click('button:has-text("Prepare this question")')
    has(page, "Go to the terminal")
    page.screenshot(path=PICTURES / "prepared.png", full_page=True)
    terminal.wait("Type yes")
    terminal.type("no")
    terminal.wait("nothing was signed")
    page.reload()
    has(page, "It was not done", "without a yes in the terminal nothing is signed")
    check(not list((ROOM / "publisher/jobs").glob("*")), "no job was signed")

    fill_in(page, terminal.origin, 1, ["publisher", "retailer"])
    page.get_by_label("Decision that the answer serves").fill("two\u202elines")
    page.click('button:has-text("See what it costs")')
    wrong = page.locator(".field.wrong", has=page.locator('[name="job.decision"]'))
    check("1 to 80 characters" in wrong.inner_text(), "a decision that cannot be shown is refused beside its field")
    page.get_by_label("Decision that the answer serves").fill("TV in <b>spring</b>")
    page.click('button:has-text("See what it costs")')
    page.click('button:has-text("Prepare this question")')
    terminal.wait("read by")
    terminal.wait("Type yes")
    terminal.type("yes")
    try:
        page.wait_for_selector("text=See what came of it", timeout=60000)
    except Exception:
        print(page.inner_text("body"), file=sys.stderr)
        raise
    has(page, "retailer has countersigned")
    page.screenshot(path=PICTURES / "answered.png", full_page=True)
    page.click("text=See what came of it")
    has(page, "What the receipt is about")
    has(page, "The receipt holds")
    has(page, "visit")
    return page.url


def budgets(page, terminal):
    """What the question took is on the budget's screen, entry by entry, and nothing is left."""
    screen(page, terminal.origin, "budget")
    has(page, "asked by publisher")
    has(page, "to decide “TV in <b>spring</b>”", "the budget says what decision it was spent on, as text")
    command = [GLOVEBOX, "budget", "--dir", str(ROOM / "publisher"), "--json"]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    budget = json.loads(text)["result"]["budgets"][0]
    share = 100 * budget["used_rho"] / budget["allowed_rho"]
    has(page, f"{share:.2f} %", f"the running sum after the last entry is the ledger's ({share:.2f} %)")
    check(page.locator("svg.course .area").count() == 1, "one entry is one step in the picture")
    none = "0 % of this month's budget is left, epsilon 0.000 of 1.000: not enough for another question"
    has(page, none, "nothing is left, and that is said first")
    page.screenshot(path=PICTURES / "spent.png", full_page=True)
    fill_in(page, terminal.origin, 1)
    page.click('button:has-text("See what it costs")')
    has(page, "does not suffice", "the same question again would be refused, and why")
    has(page, "rule: budget_exhausted")
    page.screenshot(path=PICTURES / "not-enough.png", full_page=True)
    check(page.locator('button:has-text("Prepare this question")').count() == 0, "and cannot be prepared")


def sign(page, terminal):
    """A contract is read on the page, and signed in the terminal: the text that was shown, and no other."""
    draft = ROOM / "publisher" / "next.toml"
    screen(page, terminal.origin, "contract")
    has(page, "Waiting for this party")
    page.click("text=in next.toml")
    has(page, "the name: spring, now summer", "what it changes is said")
    page.screenshot(path=PICTURES / "to-sign.png", full_page=True)
    honest = draft.read_text()
    draft.write_text(honest.replace("epsilon = 2.0", "epsilon = 3.0", 1))
    page.click('button:has-text("Prepare the signature")')
    terminal.wait("Nothing was signed")
    page.wait_for_selector("text=It was not done")
    has(page, "another text than the one that the page has shown", "a text that changed in between is not signed")
    # It changes while the terminal asks.
    draft.write_text(honest)
    page.goto(f"{terminal.origin}/contract/next.toml")
    page.click('button:has-text("Prepare the signature")')
    terminal.wait(r"digest +[0-9a-f]{96}")
    terminal.wait("the name: spring, now summer")
    terminal.wait("Type yes")
    draft.write_text(honest.replace("epsilon = 2.0", "epsilon = 3.0", 1))
    terminal.type("yes")
    page.wait_for_selector("text=It was not done", timeout=20000)
    has(page, "nothing was signed", "nor one that changes while the terminal asks")
    draft.write_text(honest)
    page.goto(f"{terminal.origin}/contract/next.toml")
    page.click('button:has-text("Prepare the signature")')
    terminal.wait("Type yes")
    terminal.type("yes")
    terminal.wait("Passphrase of")
    terminal.type("three blind mice")
    page.wait_for_selector("text=See what came of it", timeout=20000)
    check((ROOM / "publisher/next.toml.signed").exists(), "it is signed after a yes and the passphrase")
    page.click("text=See what came of it")
    check(page.locator("text=in next.toml").count() == 0, "and waits no longer")


def tampered(page, terminal, url):
    """A result that somebody changed."""
    result = ROOM / "publisher" / url.removeprefix(terminal.origin + "/") / "result.json"
    honest = result.read_bytes()
    # The head count of somebody's arm, by one digit.
    at = honest.rindex(b'"n":') + 4
    at = next(place for place in range(at, len(honest)) if honest[place : place + 1].isdigit())
    digit = honest[at : at + 1]
    result.write_bytes(honest[:at] + (b"1" if digit != b"1" else b"2") + honest[at + 1 :])
    screen(page, terminal.origin, "results")
    has(page, "NOT BELIEVED", "a changed result is named in the list")
    page.goto(url)
    has(page, "nothing of the result is shown")
    check(page.locator("svg.lane").count() == 0, "and shows no figure")
    page.screenshot(path=PICTURES / "tampered.png", full_page=True)
    result.write_bytes(honest)
    page.goto(url)
    has(page, "The receipt holds")


def looks(browser, terminal, url):
    """Every screen at each width, light and dark: nothing is wider than a telephone, and everything has a name."""
    unnamed = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a, summary')]
        .filter(it => !(it.labels?.length || it.textContent.trim() || it.getAttribute('aria-label')))
        .map(it => it.outerHTML)"""
    wide = "() => document.scrollingElement.scrollWidth - window.innerWidth"
    aside = """() => [...document.querySelectorAll('main *')]
        .filter(it => it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).overflowX != 'visible' && it.clientWidth)
        .map(it => it.outerHTML.slice(0, 300))"""
    ran = []
    for scheme in ["light", "dark"]:
        for width in WIDTHS:
            context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
            page = context.new_page()
            page.on("dialog", lambda dialog: ran.append(dialog.message))
            page.goto(terminal.another_link())
            page.wait_for_url(f"{terminal.origin}/budget")
            paths = [f"{terminal.origin}/{name}" for name in SCREENS]
            screen(page, terminal.origin, "ask")
            form = page.locator("main a").first.evaluate("it => it.href")
            for path in [*paths, form, url]:
                page.goto(path)
                name = re.sub(r"\W+", "-", path.removeprefix(terminal.origin + "/"))[:24]
                page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)
                over = page.evaluate(wide)
                assert over <= 0, f"{path} is {over} px too wide at {width}"
                assert not page.evaluate(aside), (path, width, page.evaluate(aside))
                assert not page.evaluate(unnamed), (path, page.evaluate(unnamed))
                assert page.locator("h1").count() == 1, f"{path}: one heading"
                if path in paths:
                    assert page.locator("main .purpose").count() == 1, f"{path}: what it is for"
                if path == form:
                    harm = page.locator("label", has_text="<script>alert(1)</script>")
                    assert harm.count() > 0, "the value that is meant to do harm is not offered"
            if scheme == "light" and width == 360:
                page.goto(paths[0])
                page.keyboard.press("Tab")
                first = page.evaluate("() => document.activeElement.textContent")
                check(first == "Skip to the content", "the first key leads past the menu")
                page.keyboard.press("Enter")
                check(page.evaluate("() => document.activeElement.id") == "main", "to the content")
            context.close()
    check(not ran, "no name of others runs as a script, where scripts are on")
    check(True, f"every screen fits {WIDTHS} px, light and dark, and everything in it has a name")


def main():
    PICTURES.mkdir(exist_ok=True)
    terminal = Terminal("publisher")
    try:
        with sync_playwright() as playwright:
            rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[rules])
            context, page = first_run(browser, terminal)
            elsewhere(browser, terminal)
            url = ask(page, terminal)
            budgets(page, terminal)
            tampered(page, terminal, url)
            sign(page, terminal)
            looks(browser, terminal, url)
            context.close()
            browser.close()
    except Exception:
        while not terminal.pieces.empty():
            terminal.said += terminal.pieces.get()
        print(f"the terminal said:\n{terminal.said[-4000:]}", file=sys.stderr)
        raise
    finally:
        terminal.end()


main()
