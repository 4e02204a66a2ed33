"""The whole journey in a real Chromium, on real parts at the smallest size."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync".split()
STORY = "A blue bear with a scarf walks in the snow. It waves. It blorps."

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="module")
def server(tmp_path_factory, tiny_pocket):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    settings = {"REELBOARD_PORT": str(port), "REELBOARD_HOME": str(home), "REELBOARD_BACKBONE": str(tiny_pocket)}
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=os.environ | settings)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(address)
            break
        except OSError:
            time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, server):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(40_000)
    opened.errors = []
    opened.on("console", lambda message: opened.errors.append(message.text) if message.type == "error" else None)
    opened.goto(server)
    opened.wait_for_selector("#strip .strip")  # the project is there
    yield opened
    context.close()


def film(page):
    """Make the first example's film."""
    page.get_by_role("button", name="Ruby at the sea").click()
    page.wait_for_selector("#shot-4:visible")
    page.click("#make")
    page.wait_for_selector("#shot-4 video")
    page.wait_for_selector("text=Done.")


def fresh(page):
    """An empty project; what was on the page is gone before anything is typed."""
    page.get_by_role("button", name="New project").click()
    page.wait_for_selector("#strip:has-text('Ready.')")
    page.wait_for_function("document.querySelector('textarea').value === ''")


def sources(page):
    return [page.get_attribute(f"#shot-{k} video", "src") for k in range(1, 5)]


def test_from_an_example_to_a_film_a_reload_and_one_shot_redone(page, server):
    film(page)
    before = sources(page)
    assert len(set(before)) == 4
    page.wait_for_selector("#film video[src]")
    page.goto(server)
    page.wait_for_selector("#shot-4 video")
    assert sources(page) == before
    assert "Ruby" in page.get_by_role("textbox", name="Story", exact=True).input_value()
    page.locator("#shot-2").get_by_role("button", name="Redo this shot").click()
    changed = "old => ![undefined, old].includes(document.querySelector('#shot-2 video')?.getAttribute('src'))"
    page.wait_for_function(changed, arg=before[1])
    page.wait_for_selector("text=Done.")
    after = sources(page)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True, True]
    assert page.errors == []


def test_a_finished_film_is_exported_and_a_redo_remembers_only_what_was_picked(page, server):
    film(page)
    page.get_by_role("button", name="Export and open").click()
    page.click("#export")
    page.wait_for_selector("#exported a[href*='film.mp4']")
    card = page.locator("#shot-3")
    card.locator(".sees .token-remove").first.click()
    card.get_by_role("button", name="Redo this shot").click()
    page.wait_for_selector("#shot-2 .stale:has-text('shot 3 has another take')")
    assert page.errors == []


def test_a_story_of_ones_own_unknown_words_and_edits_that_stay(page, server):
    fresh(page)
    page.get_by_role("textbox", name="Story", exact=True).fill(STORY)
    page.click("#split")
    page.wait_for_selector("#shot-4:visible")
    page.wait_for_selector("#note mark:has-text('blorps')")
    prompt = page.locator("#shot-2 textarea")
    prompt.fill("Close-up. Character 1 sits.")
    prompt.blur()
    page.wait_for_timeout(1500)
    page.goto(server)
    page.wait_for_selector("#shot-2:visible")
    page.wait_for_function("document.querySelector('#shot-2 textarea').value === 'Close-up. Character 1 sits.'")


def test_an_empty_story_is_one_sentence(page):
    fresh(page)
    page.click("#split")
    page.wait_for_selector("text=story is empty")


def test_a_phone_needs_no_sideways_scroll(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
