"""The studio in a process of its own, a real Chromium, and a page of it."""

import os
import shutil

import pytest
from servers import Server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync".split()
PATIENCE = 120_000  # milliseconds: a busy machine is slow, and no journey is about that
TOUR_DONE = "localStorage.setItem('reelboard-tour', 'done')"


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(skip)


@pytest.fixture(scope="module")
def studio(tmp_path_factory, tiny_pocket):
    """With the tiny weights, or those that REELBOARD_JOURNEYS names: assets/pocket for films of real pictures."""
    weights = os.environ.get("REELBOARD_JOURNEYS") or str(tiny_pocket)
    made = Server(tmp_path_factory.mktemp("home"), REELBOARD_BACKBONE=weights)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(studio):
    """Its address."""
    return f"http://127.0.0.1:{studio.port}"


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """Opens pages of visitors who have seen the tour; ``page.errors`` is what consoles and scripts complain of."""
    contexts = []

    def opened(address, *, toured=True, width=1280, height=900):
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        if toured:
            context.add_init_script(TOUR_DONE)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.errors = []
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#split:enabled")  # the project is there
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(visit, server):
    return visit(server)
