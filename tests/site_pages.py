"""Opens pages of files in Chromium, light and dark, on a screen and on a phone: says each violation that axe finds, each
request, each message of the console, and each page that is wider than a phone. Says nothing where all is well."""

import shutil
import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

browser_path = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
if browser_path is None:
    print("NO BROWSER")
    sys.exit(0)

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
    for path in sys.argv[1:]:
        address = Path(path).resolve().as_uri()
        for scheme, width in [("light", 1280), ("dark", 360)]:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.on("request", lambda request: request.url in (address, "") or request.url.startswith("data:") or print(path, "asks for", request.url))
            page.on("console", lambda message: print(path, "console:", message.text))
            page.on("pageerror", lambda error: print(path, "error:", error))
            page.goto(address)
            found = page.evaluate("document.documentElement.scrollWidth")
            if found > width:
                print(path, f"is {found} px wide on a screen of {width}")
            for violation in Axe().run(page).response["violations"]:
                for node in violation["nodes"][:3]:
                    print(path, scheme, violation["id"], violation["help"], node["html"][:200], node.get("failureSummary", "")[:300])
            page.close()
    browser.close()
