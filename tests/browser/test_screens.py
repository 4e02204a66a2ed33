"""Every screen: open to everybody, on a phone, by keys alone; and how a first visit goes."""

import json

import pytest
from steps import card, film, fresh, pick, ruby, shut_out, tab, tell

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_screen_shuts_anybody_out(visit, server, theme):
    """axe-core finds nothing serious on any screen."""
    page = visit(server if theme == "dark" else f"{server}/?__theme=light", toured=False)

    def check(screen):
        assert shut_out(page) == [], screen

    check("the first visit")
    fresh(page)
    check("an empty board")
    film(page)
    for name in ("Words", "Remembers", "Takes"):
        page.get_by_role("tab", name=name).click()
        check(name)
    page.get_by_role("button", name="Shot list").click()
    check("Shot list")
    page.get_by_role("button", name="▶ Play the board").click()
    check("The board as a film")
    page.keyboard.press("Escape")
    shown = {"Film": "#film video[src]", "Projects": "#shelf .project", "Settings": "#settings .models"}
    for name in ("Film", "Bible", "Queue", "Projects", "Settings", "Help"):
        tab(page, name)
        page.wait_for_selector(shown.get(name, f"#{name.lower()} h2" if name != "Help" else ".help h2"))
        check(name)
    assert page.errors == []
    page.goto(server)  # the choice stays
    page.wait_for_selector("#split:enabled")
    assert page.locator("body.dark").count() == (theme == "dark")


def test_a_phone_reviews_without_a_sideways_scroll(visit, server):
    page = visit(server, width=390, height=844)

    def top(part):
        return page.locator(part).bounding_box()["y"]

    fresh(page)
    assert top("#story") < top("#board")
    film(page)
    assert top("#board") < top("#shot") < top("#story")
    assert keyed(page, "#board", "#shot", "#story") == ["#board", "#shot", "#story"]

    def fits():
        return page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")

    assert fits()
    pick(page, 2)
    page.get_by_role("tab", name="Takes").click()
    page.get_by_role("button", name="Star take 1").click()
    page.wait_for_selector("#shot [aria-label='Star take 1'][aria-pressed=true]")
    page.get_by_role("button", name="Approve", exact=True).click()
    page.wait_for_selector("#board .card:nth-child(2):has-text('approved')")
    assert fits()
    page.get_by_role("button", name="Shot list").click()
    page.wait_for_selector("#board .list")
    assert top("#board") < top("#shot") < top("#story")
    tab(page, "Film")
    page.wait_for_selector("#film video[src]")
    assert fits()
    assert page.errors == []


def keyed(page, *parts):
    """The parts in the order in which Tab comes to them from the top."""
    page.locator("#undo").focus()
    found = []
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.evaluate("parts => parts.find(part => document.activeElement.closest(part))", parts)
        found += [here] if here and here not in found else []
    return found


def test_the_first_visit_is_shown_around_once_and_again_when_asked(visit, server):
    page = visit(server, toured=False)

    def outlined(part):
        page.wait_for_function(
            "part => getComputedStyle(document.querySelector(part)).outlineStyle === 'solid'", arg=part
        )

    outlined("#story")
    page.get_by_role("button", name="Next").click()
    outlined("#make")
    page.get_by_role("button", name="Next").click()
    outlined("#shot")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector("#tour .tour", state="detached")
    page.goto(server)
    page.wait_for_selector("#split:enabled")
    assert page.locator("#tour .tour").count() == 0
    tab(page, "Help")
    page.get_by_role("button", name="Show me around again").click()
    page.wait_for_selector("#tour .tour:visible")


def test_unknown_words_are_underlined_while_they_are_typed(page):
    fresh(page)
    page.locator("#story textarea").press_sequentially("A red fox blorps on the beach.")
    page.wait_for_selector("#story .under mark:has-text('blorps')", state="attached")
    assert page.locator("#story .under mark").all_inner_texts() == ["blorps"]
    page.get_by_role("button", name="Night at the castle").click()
    page.wait_for_selector("#shot textarea")
    page.locator("#shot textarea").fill("Close-up. Character 1 glorps.")
    page.wait_for_selector("#shot .under mark:has-text('glorps')", state="attached")
    assert page.errors == []


def test_a_split_is_composed_for_the_crop_that_was_asked_for(page):
    fresh(page)
    tell(page, "A red fox and a blue bear dance on the beach. They wave. They jump.")
    page.get_by_role("button", name="Wishes for the split").click()
    page.get_by_label("Composed for").click()
    page.get_by_role("option", name="a tall crop, 9:16").click()
    page.click("#split")
    page.wait_for_selector("#board .card >> nth=3")
    told = page.locator("#board .card .words").all_inner_texts()
    assert all(words.startswith("Wide shot.") for words in told)
    assert page.errors == []


def test_a_chat_elsewhere_is_asked_and_its_answer_pasted(page):
    fresh(page)
    tell(page, "A red fox walks. She waves. She sits.")
    page.locator("#count input").fill("3")
    page.get_by_role("button", name="Ask a chat of your own").click()
    asks = "Number of shots: 3.*A red fox walks. She waves. She sits."
    page.wait_for_function(f"/{asks}/s.test(document.querySelector('#question textarea')?.value)")
    assert page.locator("#question").get_by_role("button", name="Copy").is_visible()
    tell(page, json.dumps({"prompt": "[Environment] Night.", "shots": [{"prompt": "A fox."}, {"prompt": "A bear."}]}))
    page.click("#split")
    page.wait_for_selector("#board .card >> nth=1")
    assert page.locator("#board .card .words").all_inner_texts() == ["A fox.", "A bear."]
    assert page.errors == []


def test_projects_are_opened_put_away_and_taken_back(page):
    fresh(page)
    page.get_by_role("textbox", name="Name of this project").fill("The north")
    page.get_by_role("textbox", name="Name of this project").blur()
    tab(page, "Projects")
    page.get_by_role("button", name="Put The north away").click()
    page.wait_for_selector("#shelf [aria-label='Take The north back']")
    assert page.get_by_role("textbox", name="Name of this project").input_value() != "The north"
    page.get_by_role("button", name="Take The north back").click()
    page.get_by_role("button", name="Open The north").click()
    page.wait_for_selector("#board .welcome:visible")
    assert page.get_by_role("textbox", name="Name of this project").input_value() == "The north"
    assert page.errors == []


def test_an_endpoint_is_chosen_tried_and_let_go_of(page):
    ruby(page)
    assert not page.get_by_label("Tone").count()
    tab(page, "Settings")
    page.get_by_label("Endpoint").fill("ollama")
    page.get_by_label("Its model").fill("small")
    page.get_by_role("button", name="Use this endpoint").click()
    page.wait_for_selector("text=is no address; it looks like")
    page.get_by_label("Endpoint").fill("http://127.0.0.1:9/v1")
    page.get_by_role("button", name="Use this endpoint").click()
    page.wait_for_selector("#settings :text('small at 127.0.0.1, without a key')")
    page.get_by_role("button", name="Try it").click()
    page.wait_for_selector("#settings [role=status]:has-text('No language model answers at')")
    tab(page, "Board")
    page.get_by_role("button", name="Wishes for the split").click()
    page.get_by_label("Tone").wait_for()
    tab(page, "Settings")
    page.get_by_role("button", name="Split by rules").click()
    page.wait_for_selector("#settings :text('Rules, which need nothing and read English')")
    assert page.errors == []


def test_the_settings_say_what_the_studio_runs_on_and_let_go_of_the_trash(page):
    ruby(page)
    card(page, 1).click()
    card(page, 1).press("Delete")
    page.wait_for_function("document.querySelectorAll('#board .card').length === 3")
    tab(page, "Settings")
    page.wait_for_selector("#settings .models li:has-text('pocket')")
    told = page.locator("#settings").inner_text()
    assert "Nothing leaves this machine." in told
    assert "REELBOARD_LLM_BASE_URL" in told
    words = page.locator("#settings .removed .name").inner_text()
    page.get_by_role("button", name=f"Take back: {words}").click()
    page.wait_for_selector("#settings .removed", state="detached")
    tab(page, "Board")
    page.wait_for_function("document.querySelectorAll('#board .card').length === 4")
    assert page.locator("#board .card .words").first.inner_text() == words
    card(page, 1).click()
    card(page, 1).press("Delete")
    page.wait_for_function("document.querySelectorAll('#board .card').length === 3")
    tab(page, "Settings")
    page.get_by_role("button", name="Empty this project's trash").click()
    page.wait_for_selector("text=1 removed shot left the disk.")
    assert page.errors == []


def test_all_that_was_removed_can_be_looked_at_page_by_page(visit, server):
    from gradio_client import Client

    client = Client(server, verbose=False)
    project = client.predict(api_name="/create_project")["id"]
    for scene in (1, 2, 3):
        board = client.predict(project, "A red fox walks. She jumps. She waves.", 8, scene, api_name="/split")
    for shot in board["shots"][:22]:
        client.predict(project, "drop_shots", {"shots": [shot["id"]]}, api_name="/edit")
    page = visit(f"{server}/?project={project}")
    tab(page, "Settings")
    page.wait_for_selector("#settings :text('2 older edits removed something, too.')")
    page.get_by_role("button", name="Show older ones").click()
    page.wait_for_selector("#settings .removed >> nth=21")
    assert page.get_by_role("button", name="Show older ones").count() == 0
    assert page.errors == []


def test_scenes_move_and_a_locked_shot_survives_a_new_split(page):
    ruby(page)
    page.get_by_role("button", name="Add scene").click()
    page.wait_for_selector("#board .scene.current:nth-of-type(2)")
    page.wait_for_selector("#story :text('Story of scene 2')")
    assert page.locator("#story textarea").input_value() == ""
    page.get_by_role("button", name="Move scene 2 up").click()
    page.wait_for_selector("#board .scene:nth-of-type(1) .empty")
    page.wait_for_selector("#story :text('Story of scene 1')")
    page.wait_for_selector("#board .scene:nth-of-type(2) .slate:has-text('2A')")
    card(page, 1).click()
    kept = page.locator("#board .card .words").nth(0).inner_text()
    card(page, 1).press("l")
    page.wait_for_selector("#board .card:first-child:has-text('locked')")
    tell(page, "Ruby, a red fox, spins. She jumps. She waves. She sits.")
    page.click("#split")
    page.wait_for_selector("#board .card:nth-child(2):has-text('spins')")  # the locked one tells another story
    assert page.locator("#board .card .words").nth(0).inner_text() == kept
    assert page.errors == []


def test_a_split_over_finished_shots_waits_to_be_edited_and_taken(page):
    film(page)
    tell(page, "Ruby, a red fox, spins. She jumps.", shots=2)
    page.click("#split")
    page.wait_for_selector("#draft .warn:has-text('4 finished shots would go to the trash')")
    assert shut_out(page) == []
    page.get_by_role("button", name="Keep what is there").click()
    page.wait_for_selector("#draft .draft", state="detached")
    assert page.locator("#board .frame.done").count() == 4
    page.click("#split")
    page.get_by_role("textbox", name="Words of shot 2").fill("Close-up. Character 1 sits.")
    page.get_by_role("button", name="Use these shots").click()
    page.wait_for_selector("#board .card:nth-child(2):has-text('Character 1 sits.')")
    assert page.locator("#board .card").count() == 2
    assert page.locator("#draft .draft").count() == 0
    assert page.errors == []


def test_keys_alone_make_a_film_and_approve_it(page):
    fresh(page)
    page.locator("#story textarea").focus()
    page.keyboard.type("A red fox walks on the beach. It waves.")
    reach(page, "#count input")
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    reach(page, "#split")
    page.keyboard.press("Enter")
    page.wait_for_selector("#board .card >> nth=1")
    reach(page, "#make")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('#board .frame.done').length === 2")
    page.wait_for_selector("#strip .now.done")
    reach(page, "#board .card")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#shot h2:has-text('Shot 1B')")
    page.keyboard.press("a")
    page.wait_for_selector("#board .card:nth-child(2):has-text('approved')")
    page.keyboard.press("r")
    page.wait_for_selector("#shot [role=tab]:has-text('Takes 2')")
    page.keyboard.press(" ")
    page.wait_for_selector(".theatre")
    page.keyboard.press("Escape")
    page.wait_for_selector(".theatre", state="detached")
    assert page.errors == []


def reach(page, target):
    """Press Tab until something of this kind has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("target => document.activeElement.matches(target)", target):
            return
    pytest.fail(f"{target} is not reached by Tab")
