"""Slides as a browser draws them: no letter reaches beyond the sheet, and no text stands on another one.

Usage: slides.py FOLDER, with the files of SVG that `glovebox result export --plot` or, for every kind, the test
`analyses::pages::the_pictures` wrote (with the folder in GLOVEBOX_SLIDES). A picture of each is left beside it."""

import os
import pathlib
import sys

from playwright.sync_api import sync_playwright

FOLDER = pathlib.Path(sys.argv[1])
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# A pixel of two texts may meet: boxes are a bit larger than letters.
FAULTS = """() => {
  const sheet = document.documentElement.getBoundingClientRect();
  const texts = [...document.querySelectorAll('text')].filter(it => it.textContent.trim())
    .map(it => ({said: it.textContent, box: it.getBoundingClientRect()}));
  const faults = texts.filter(({box}) => box.left < sheet.left || box.right > sheet.right || box.bottom > sheet.bottom)
    .map(({said}) => `cut: ${said}`);
  texts.forEach((one, at) => texts.slice(at + 1).forEach(other => {
    const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
    const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
    if (wide > 1 && high > 4) faults.push(`on each other: ${one.said} | ${other.said}`);
  }));
  return faults;
}"""
BROKEN = """<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"><text y="20">cut, since it is far too long</text>
<text y="22">below</text></svg>"""


def faults(browser, path):
    """What is wrong with one slide, after a picture of it was kept."""
    page = browser.new_page(viewport={"width": 960, "height": 1600})
    page.goto(path.as_uri())
    page.screenshot(path=path.with_suffix(".png"))
    found = page.evaluate(FAULTS)
    page.close()
    return found


def main():
    slides = sorted(FOLDER.glob("*.svg"))
    assert slides, f"no slide in {FOLDER}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        # What is broken is seen to be broken.
        broken = FOLDER / "broken.svg"
        broken.write_text(BROKEN)
        kinds = {fault.split(":")[0] for fault in faults(browser, broken)}
        broken.unlink()
        broken.with_suffix(".png").unlink()
        assert kinds == {"cut", "on each other"}, kinds
        for path in slides:
            found = faults(browser, path)
            assert not found, (path, found)
        browser.close()
    print(f"  ok  {len(slides)} slides: no letter is cut, and no text stands on another one", flush=True)


main()
