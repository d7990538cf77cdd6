"""Opens reports in a browser, as people do: no request, no error of a script, nothing that axe-core objects to.

    pages.py BROWSER PAGE.html …

Prints a line a page: its height at 1280 pixels, and how many findings were found, sorted and filtered. Ends with 1 where
something is wrong, and says what.
"""

import sys
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import sync_playwright

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text()
SHAPES = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
wrong = []


def ensure(holds, page, what):
    if not holds:
        wrong.append(f"{page}: {what}")


def opened(browser, path, scheme, width):
    """The page, with what it asked for and what went wrong."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, permissions=["clipboard-write"])
    page = context.new_page()
    page.requests, page.errors = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type in ("error", "warning") else None)
    page.goto(path.as_uri())
    return page


def judge(browser, path):
    name = path.name
    height = 0
    for scheme, width in SHAPES:
        page = opened(browser, path, scheme, width)
        others = [url for url in page.requests if url != path.as_uri() and not url.startswith("data:")]
        ensure(not others, name, f"it asks for {others}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        ensure(wide <= width, name, f"{wide} px wide on a screen of {width}")
        if (scheme, width) == SHAPES[0]:
            height = page.evaluate("document.documentElement.scrollHeight")
            used = use(page, name)
        # What is folded is looked at too.
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = axe(page)
        for violation in found:
            nodes = "; ".join(node["html"][:160] + " " + node.get("failureSummary", "")[:200] for node in violation["nodes"][:3])
            ensure(False, name, f"{scheme}, {width} px: {violation['id']}: {violation['help']}: {nodes}")
        ensure(not page.errors, name, f"errors: {page.errors}")
        page.context.close()
    without_script(browser, path)
    print(f"{name}: {height} px, {used}")


def axe(page):
    """What axe-core objects to. It is evaluated, not loaded: the page's policy lets no other script in."""
    page.evaluate(AXE)
    return page.evaluate("axe.run().then((result) => result.violations)")


def use(page, name):
    """Searches, filters, sorts and copies."""
    rows = page.locator("tbody.finding")
    if rows.count() == 0:
        return "no findings"
    shown = lambda: page.evaluate("[...document.querySelectorAll('tbody.finding')].filter((row) => !row.hidden).length")
    every = shown()
    first = rows.first.locator(".id").inner_text()
    page.fill("#find", first)
    searched = shown()
    ensure(0 < searched <= every, name, f"a search for {first!r} shows {searched} of {every}")
    page.fill("#find", "no finding is called so")
    ensure(shown() == 0, name, "a search for nothing shows something")
    ensure(page.locator("#found").inner_text() == f"0 of {every}", name, "it is not said how many are shown")
    page.fill("#find", "")
    buttons = page.locator("#tally button")
    filtered = []
    for i in range(buttons.count()):
        buttons.nth(i).click()
        kind = page.locator("#tally > li").nth(i).get_attribute("data-kind")
        kinds = page.evaluate("[...document.querySelectorAll('tbody.finding:not([hidden])')].map((row) => row.dataset.kind)")
        ensure(set(kinds) <= {kind}, name, f"the filter {kind} shows {set(kinds)}")
        ensure(buttons.nth(i).get_attribute("aria-pressed") == "true", name, f"the filter {kind} does not say that it is on")
        filtered.append(len(kinds))
        buttons.nth(i).click()
    ensure(shown() == every, name, "a filter stays when it is off")
    table = page.locator("table.findings").first
    if not table.is_visible():
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    order = lambda: table.evaluate("(table) => [...table.tBodies].map((row) => row.querySelector('.id').textContent)")
    before = order()
    button = table.locator("th[data-sort=name] button")
    button.click()
    ensure(order() == sorted(before), name, f"sorted by name: {order()}")
    button.click()
    ensure(order() == sorted(before, reverse=True), name, f"sorted backwards by name: {order()}")
    table.locator("th[data-sort=order] button").click()
    ensure(order() == before, name, f"sorted back: {order()}")
    copies = page.locator("button.copy")
    if copies.count():
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        copies.first.click()
        page.locator("button.copy", has_text="Copied").wait_for(timeout=5000)
    return f"{every} findings, {searched} searched, {filtered} filtered"


def without_script(browser, path):
    """Nothing is missing without the script; its tools are not shown."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(path.as_uri())
    for hidden in ["#tools", "button.copy"]:
        if page.locator(hidden).count():
            ensure(not page.locator(hidden).first.is_visible(), path.name, f"{hidden} is shown without a script")
    ensure(page.locator("h1").is_visible(), path.name, "it has no heading")
    context.close()


def main():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
        for path in sys.argv[2:]:
            judge(browser, Path(path).resolve())
        browser.close()
    print("\n".join(wrong), file=sys.stderr)
    sys.exit(1 if wrong else 0)


main()
