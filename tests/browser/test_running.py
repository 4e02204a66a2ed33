"""While shots are made: reloads, stops, kills; how many clicks a film takes; a board of a thousand shots; a Space."""

import os
import signal
import sys
import uuid

import pytest
from servers import Server
from steps import export, film, fresh, pick, reload, ruby, shut_out, tab, tell

pytestmark = pytest.mark.browser
LONG = "Ruby, a red fox with a crown, walks on the beach. She jumps. She waves. She spins."


class Clicks:
    """Counts what a creator does with the mouse."""

    def __init__(self, page):
        self.page, self.count = page, 0

    def __call__(self, target):
        self.count += 1
        (self.page.locator(target) if isinstance(target, str) else target).click()


def test_an_example_is_a_film_in_six_clicks_and_a_story_in_ten(page):
    click = Clicks(page)
    click(page.get_by_role("button", name="New project"))
    page.wait_for_selector("#board .welcome")
    click(page.get_by_role("button", name="Ruby at the sea"))
    page.wait_for_selector("#board .frame.draft >> nth=3")
    click("#make")
    page.wait_for_function("document.querySelectorAll('#board .frame.done').length === 4")
    export(page, click)
    assert click.count <= 6

    click = Clicks(page)
    click(page.locator("#rooms").get_by_role("tab", name="Board", exact=True))
    click(page.get_by_role("button", name="New project"))
    page.wait_for_function("document.querySelector('#story textarea').value === ''")
    click("#story textarea")
    page.keyboard.type(LONG)
    click("#split")
    page.wait_for_selector("#board .frame.draft >> nth=3")
    click("#make")
    page.wait_for_function("document.querySelectorAll('#board .frame.done').length === 4")
    export(page, click)
    assert click.count <= 10
    assert page.errors == []


def slow(page):
    """A film that takes a while: many steps."""
    fresh(page)
    tell(page, LONG)
    page.click("#split")
    page.wait_for_selector("#board .card >> nth=3")
    page.get_by_role("button", name="How shots are made").click()
    page.locator("#steps input").fill("60")
    page.locator("#steps input").blur()
    page.click("#make")
    page.wait_for_selector("#strip .now.running")


def test_a_reload_in_mid_run_finds_it_running_and_a_stop_can_be_gone_on_from(page):
    slow(page)
    reload(page)
    page.wait_for_selector("#strip .now.running")
    page.click("#stop")
    page.wait_for_selector("#strip .now.cancelled")
    page.get_by_role("button", name="Go on", exact=True).first.click()
    page.wait_for_function("document.querySelectorAll('#board .frame.done').length === 4")
    assert page.errors == []


def test_a_paused_queue_makes_what_was_changed_meanwhile_when_it_goes_on(page):
    ruby(page)
    tab(page, "Queue")
    page.get_by_role("button", name="Pause the queue").click()
    page.wait_for_selector("#queue :text('Nothing begins until it goes on')")
    tab(page, "Board")
    page.click("#make")
    page.wait_for_selector("#strip:has-text('The queue is paused')")
    tab(page, "Queue")
    page.get_by_role("button", name="Change").click()
    page.locator("#queue [data-name=steps]").fill("3")
    page.get_by_role("button", name="Keep").click()
    page.wait_for_selector("#queue .job [data-do=change][aria-expanded=false]")
    page.get_by_role("button", name="Change").click()
    page.wait_for_function("document.querySelector('#queue [data-name=steps]').value === '3'")
    assert page.locator("#queue [data-name=guidance]").input_value() == ""  # what nobody named stays the model's own
    page.get_by_role("button", name="Let the queue go on").click()
    page.wait_for_selector("#strip .now.done")
    assert page.errors == []


def test_a_killed_server_is_started_again_and_the_film_is_finished(visit, tmp_path, tiny_pocket):
    home = tmp_path / "home"
    made = Server(home, REELBOARD_BACKBONE=str(tiny_pocket))
    page = visit(f"http://127.0.0.1:{made.port}")
    slow(page)
    project = page.evaluate("new URL(location).searchParams.get('project')")
    page.wait_for_selector("#strip .now.running progress[value]")
    os.kill(made.process.pid, signal.SIGKILL)
    made.process.wait()
    again = Server(home, REELBOARD_BACKBONE=str(tiny_pocket))
    try:
        page = visit(f"http://127.0.0.1:{again.port}/?project={project}")
        page.wait_for_function("document.querySelectorAll('#board .frame.done').length === 4")
        page.wait_for_selector("#strip .now.done")
        assert page.errors == []
    finally:
        again.close()


def test_a_board_of_a_thousand_shots_is_light_and_answers_at_once(browser, tmp_path, tiny_pocket, capsys):
    """Weights are counted; of time only the page's own work is, for the machine may be busy."""
    home = tmp_path / "home"
    project, shots = thousand(home)
    made = Server(home, REELBOARD_BACKBONE=str(tiny_pocket))
    try:
        context = browser.new_context(viewport={"width": 1280, "height": 850})
        page = context.new_page()
        page.set_default_timeout(600_000)
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        kinds, weights = {}, {}
        session.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: e["type"]}))
        for name in ("Network.loadingFinished", "Network.dataReceived"):
            session.on(name, lambda e: weigh(weights, e))
        page.goto(f"http://127.0.0.1:{made.port}/?project={project}")
        page.wait_for_selector("#split:enabled")
        page.wait_for_selector("#board .card >> nth=7")
        told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        before_pictures = sum(size for key, size in weights.items() if kinds.get(key) not in ("Image", "Media"))
        with capsys.disabled():
            sys.stdout.write(f"\n{before_pictures} bytes, {told['TaskDuration']:.2f} s of the page's own work\n")
        assert before_pictures < 1_000_000
        assert told["TaskDuration"] < 2
        page.locator("#board .card").nth(5).click()
        page.wait_for_selector("#shot h2:has-text('Shot 1F')")
        page.evaluate("document.querySelector('[data-scene]:nth-of-type(120)').scrollIntoView()")
        page.wait_for_selector(f"[data-shot='{shots[119 * 8]}']")
        context.close()
    finally:
        made.close()


def weigh(weights, event):
    size = event["encodedDataLength"]
    done = "timestamp" in event and "dataLength" not in event
    weights[event["requestId"]] = size if done and size else weights.get(event["requestId"], 0) + size


def thousand(home):
    """A project of 125 scenes with a take each shot; its id and its shots'."""
    from studio.models import Entry, SceneInfo, ShotInfo
    from studio.services import EXAMPLE
    from studio.store import Store
    from studio.store.archive import unpack

    store = Store(home)
    take = store.projects.restore(unpack(EXAMPLE, store.media)).shots[0].take
    words = "Wide shot. Character 1 walks to the right along the beach at sunset. The camera pans right."
    hero = Entry(id="hero", kind="character", name="Ruby", text="Ruby, a red fox with a crown.")

    def fill(now):
        scenes = tuple(
            SceneInfo(
                id=uuid.uuid4().hex,
                cast=("hero",),
                shots=tuple(ShotInfo(id=uuid.uuid4().hex, prompt=words) for _ in range(8)),
            )
            for _ in range(125)
        )
        return now.model_copy(update={"bible": (hero,), "scenes": scenes})

    board = store.projects.edit(store.projects.create("Large").id, fill)
    for shot in board.shots:
        fresh_take = take.model_copy(update={"id": uuid.uuid4().hex, "saw": {}})
        store.projects.add_take(shot.id, fresh_take, {"prompt": shot.prompt, "frames": 17, "cut": True})
    return board.id, [shot.id for shot in board.shots]


def test_a_visitor_of_a_space_sees_a_film_makes_one_and_takes_it_home(visit, tmp_path, tiny_pocket):
    (tmp_path / "tmp").mkdir()
    told = {"SYSTEM": "spaces", "SPACE_ID": "me/reelboard", "TMPDIR": str(tmp_path / "tmp"), "REELBOARD_HOME": ""}
    made = Server(tmp_path / "tmp" / "reelboard", REELBOARD_BACKBONE=str(tiny_pocket), **told)
    try:
        page = visit(f"http://127.0.0.1:{made.port}", toured=False)
        page.wait_for_selector("#board .frame.done >> nth=3")  # the example, finished
        assert page.locator("text=forgets everything").is_visible()
        assert page.locator("#rooms").get_by_role("tab", name="Projects", exact=True).count() == 0
        assert shut_out(page) == []
        film(page)
        page.click("#save")
        page.wait_for_selector("#saved a[href*='project.zip']")
        tab(page, "Settings")
        page.wait_for_selector("#settings .models")
        assert str(tmp_path) not in page.locator("#settings").inner_text()
        asks_the_hub = ("Failed to load resource: net::ERR_NAME_NOT_RESOLVED", "Space not found")  # gradio does
        assert [error for error in page.errors if error not in asks_the_hub] == []
        stranger = visit(f"http://127.0.0.1:{made.port}")
        stranger.wait_for_selector("#board .frame.done >> nth=3")
        assert stranger.url != page.url
        pick(stranger, 1)
    finally:
        made.close()
