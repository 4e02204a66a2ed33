"""The whole journey in a real Chromium, on real parts at the smallest size."""

import subprocess
import wave

import pytest
from films import read_video
from steps import card, choose_file, film, fresh, pick, posters, redo, reload, ruby, tab, tell

STORY = "A blue bear with a scarf walks in the snow. It waves. It blorps."

pytestmark = pytest.mark.browser


def test_from_an_example_to_a_film_a_reload_and_one_shot_redone_with_two_picked_shots(page):
    film(page)
    before = posters(page)
    assert len(set(before)) == 4
    pick(page, 3)
    reload(page)
    page.wait_for_selector("#shot h2:has-text('Shot 1C')")
    assert posters(page) == before
    assert "Ruby" in page.locator("#story textarea").input_value()
    page.get_by_role("tab", name="Remembers").click()
    page.get_by_role("button", name="Remember shot 1B").click()
    page.wait_for_selector("#shot .thumb.on")
    page.get_by_role("button", name="Remember shot 1A").click()
    page.wait_for_selector("#shot .thumb.on >> nth=1")
    redo(page)
    after = posters(page)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False, True]
    page.wait_for_selector("#board .card:nth-child(4) .chip:has-text('shot 1C has another take')")
    assert page.errors == []


def test_takes_are_compared_chosen_and_noted(page):
    film(page)
    pick(page, 2)
    page.get_by_text("For the next take only").click()
    page.locator("#shot").get_by_label("Steps", exact=True).fill("3")
    page.get_by_role("tab", name="Takes").click()
    page.get_by_role("tab", name="Words").click()
    assert page.locator("#shot").get_by_label("Steps", exact=True).input_value() == "3"  # and its fold is still open
    redo(page)
    assert page.locator("#shot").get_by_label("Steps", exact=True).input_value() == ""
    page.get_by_role("tab", name="Takes").click()
    page.get_by_role("button", name="compare", exact=True).click()
    page.wait_for_selector("#shot video.synced >> nth=1")
    page.get_by_role("button", name="Use take 1").click()
    page.wait_for_selector("#shot .take.chosen:first-child")
    assert page.locator("#shot video.synced").count() == 2  # still beside each other
    page.get_by_role("button", name="Star take 1").click()
    page.wait_for_selector("#shot [aria-label='Star take 1'][aria-pressed=true]")
    page.fill("#remark-at", "0.5")
    page.locator("#remark").fill("too <b>dark</b>")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_selector("#shot .notes li:has-text('T1 0.5 s too <b>dark</b>')")
    page.locator("#shot").get_by_label("Moment").fill("0.25")
    page.locator("#remark").fill("too near")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_selector("#shot .notes li:has-text('T1 0.3 s too near')")  # where the player stands
    page.get_by_role("button", name="Go to 0.5 s of take 1").click()
    page.wait_for_function("[...document.querySelectorAll('#shot video.synced')].every(v => v.currentTime === 0.5)")
    page.get_by_role("button", name="Remove the note too near").click()
    page.wait_for_function("document.querySelectorAll('#shot .notes li').length === 1")
    page.get_by_role("button", name="Keep this seed").click()
    page.wait_for_selector("#board .card:nth-child(2) .facts:has-text('seed ')")
    page.get_by_role("button", name="✓ Seed kept").click()
    page.wait_for_selector("#shot button:has-text('Keep this seed')")
    page.get_by_role("button", name="Use take 2").click()
    page.wait_for_selector("#shot :text('in 3 steps, guidance')")
    page.get_by_role("tab", name="Remembers").click()
    page.get_by_role("button", name="Starred").click()
    page.get_by_role("button", name="Remember take 1 of shot 1B").click()
    page.wait_for_selector("#shot .picks li:has-text('1B T1')")
    page.get_by_role("tab", name="Takes").click()
    page.get_by_role("button", name="Its steps and guidance again").click()
    assert page.locator("#shot").get_by_label("Steps", exact=True).input_value() == "3"
    page.click("#shot button.primary")
    page.wait_for_selector("#shot [role=tab]:has-text('Takes 3')")
    page.get_by_role("tab", name="Takes").click()
    page.wait_for_selector("#shot :text('Take 3, chosen')")
    page.wait_for_selector("#shot :text('in 3 steps, guidance')")
    assert page.errors == []


def test_a_picture_is_brought_picked_with_a_take_and_a_shot_is_made_of_both(page, tmp_path):
    from PIL import Image

    Image.new("RGB", (320, 200), "red").save(tmp_path / "portrait.png")
    film(page)
    pick(page, 3)
    page.get_by_role("tab", name="Remembers").click()
    choose_file(page, "Add a picture or film", tmp_path / "portrait.png")
    page.get_by_role("button", name="Remember portrait.png").click()
    page.wait_for_selector("#shot .picks li:has-text('Portrait.png')")
    page.get_by_role("button", name="Remember shot 1A").click()
    page.wait_for_selector("#shot .picks li:has-text('Shot 1A')")
    assert page.locator("#shot .picks li:has-text('The rest of its scene')").count() == 0
    page.get_by_role("button", name="Earlier: shot 1A").click()
    page.wait_for_selector("#shot .picks li:first-child:has-text('Shot 1A')")
    page.get_by_label("How closely portrait.png is followed").select_option("300")
    page.wait_for_selector("#shot .meter:has-text('2 shots,')")
    page.wait_for_selector("#shot .meter span:text-matches('[0-9] of [0-9,]+ tokens, [+][0-9.]+ s')")
    redo(page)
    page.get_by_role("tab", name="Takes").click()
    page.wait_for_selector("#shot:has-text('looking at')")
    assert "1A" in page.locator("#shot .soft:has-text('looking at')").inner_text()
    assert "portrait.png" in page.locator("#shot .soft:has-text('looking at')").inner_text()
    page.wait_for_selector("#shot .cuts li:has-text('Cut from 1B')")
    assert page.errors == []


def test_a_file_takes_the_place_of_a_take_a_frame_is_kept_and_used_from_the_bible(page, tmp_path):
    import torch

    from engine.video import write_mp4

    write_mp4(tmp_path / "walk.mp4", torch.full((17, 80, 128, 3), 90, dtype=torch.uint8), scale=1)
    film(page)
    pick(page, 2)
    page.get_by_role("tab", name="Takes").click()
    page.get_by_label("Keep it for").select_option(label="Ruby")
    page.get_by_role("button", name="Keep this frame").click()
    choose_file(page, "Replace with a file", tmp_path / "walk.mp4")
    page.wait_for_selector("#shot:has-text('From the file walk.mp4; not made here.')")
    page.wait_for_selector("#board .card:nth-child(3) .chip:has-text('shot 1B has another take')")
    page.get_by_role("button", name="Continue from it").click()
    page.wait_for_selector("#board .card >> nth=4")
    assert "continues" in card(page, 3).inner_text()
    tab(page, "Bible")
    page.get_by_role("button", name="Use 1B T1 at 0.0 s in").click()
    page.wait_for_selector("#bible .stills:has-text('in use')")
    tab(page, "Board")
    pick(page, 1)
    page.get_by_role("tab", name="Remembers").click()
    page.wait_for_selector("#shot .picks li:has-text('1B T1 at 0.0 s')")
    assert page.errors == []


def selected(page, *clicks):
    """The cards that are selected after clicks on some, each with the keys that are held."""
    for number, keys in clicks:
        card(page, number).click(modifiers=keys)
    every = "[...document.querySelectorAll('#board .card')]"
    return page.evaluate(f"{every}.flatMap((card, n) => card.matches('.picked') ? n + 1 : [])")


def test_what_has_lost_its_file_says_so(page):
    film(page)
    poster = page.locator("#board .card:nth-child(2) img").get_attribute("src").rpartition("/")[2]
    page.route(f"**/{poster}", lambda route: route.fulfill(status=404))
    reload(page)
    page.wait_for_selector("#board .card:nth-child(2) .missing:has-text('file missing')")
    pick(page, 3)
    assert page.locator("#board .card:nth-child(2) .missing").count() == 1
    assert page.locator("#board .card img").count() == 2


def test_shots_are_dragged_locked_removed_and_brought_back_by_keys(page):
    fresh(page)
    page.get_by_role("button", name="Two in the snow").click()
    page.wait_for_selector("#board .card >> nth=4")
    words = page.locator("#board .card .words")
    first = words.nth(0).inner_text()
    card(page, 1).drag_to(card(page, 3), target_position={"x": 190, "y": 60})
    page.wait_for_function("old => document.querySelectorAll('#board .card .words')[2].innerText === old", arg=first)
    card(page, 1).click()
    page.keyboard.press("l")
    page.wait_for_selector("#board .card:first-child:has-text('locked')")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#board .card:nth-child(2).picked")
    for key, heir in (("Delete", 2), ("Backspace", 3)):  # what is brought back stands before the one in focus
        page.keyboard.press(key)
        page.wait_for_function("document.querySelectorAll('#board .card').length === 4")
        page.wait_for_selector(f"#board .card:nth-child({heir}):focus")
        page.keyboard.press("Control+z")
        page.wait_for_function("document.querySelectorAll('#board .card').length === 5")
    assert selected(page, (2, []), (4, ["Shift"])) == [2, 3, 4]
    assert selected(page, (5, ["Shift"])) == [2, 3, 4, 5]
    assert selected(page, (1, ["Shift"])) == [1, 2]
    assert selected(page, (5, ["ControlOrMeta"]), (1, ["ControlOrMeta"])) == [2, 5]
    page.wait_for_selector("#shot h2:has-text('Shot 1B')")
    first, second = words.nth(0).inner_text(), words.nth(1).inner_text()
    card(page, 1).click()
    for key, place in (("Alt+ArrowRight", 2), ("Alt+ArrowRight", 3), ("Alt+ArrowLeft", 2)):
        page.keyboard.press(key)
        page.wait_for_selector(f"#board .card:nth-child({place}).picked:focus")
    assert [words.nth(0).inner_text(), words.nth(1).inner_text()] == [second, first]
    page.get_by_role("button", name="▶ Play the board").click()
    page.keyboard.press("Escape")
    page.wait_for_selector("#board [data-do=play]:focus")
    page.get_by_role("button", name="Shot list").click()
    assert page.locator("#board tbody tr").count() == 5
    page.locator("#board tbody tr[aria-current=true]").press("Alt+ArrowUp")
    page.wait_for_selector("#board tbody tr:first-child[aria-current=true]:focus")
    assert page.errors == []


def test_the_bible_reaches_every_shot_and_says_what_is_out_of_date(page):
    film(page)
    tab(page, "Bible")
    looks = page.locator("#bible .entry textarea").first
    looks.fill("Ruby, a blue bear with a scarf")
    looks.blur()
    tab(page, "Board")
    page.wait_for_selector("#board .card:nth-child(4) .chip:has-text('Ruby changed in the bible')")
    pick(page, 1)
    page.get_by_text("What the model reads").click()
    page.wait_for_selector("#shot .sent:has-text('Ruby, a blue bear with a scarf')")
    tab(page, "Bible")
    page.locator("#bible .entry").first.get_by_role("button", name="Show shot 1C on the board").click()
    page.wait_for_selector("#board .card:nth-child(3).picked:focus")
    page.wait_for_selector("#shot h2:has-text('Shot 1C')")
    assert page.errors == []


def test_a_scene_is_planned_drafted_and_made_final_in_its_own_way(page):
    ruby(page)
    page.wait_for_selector("#plan .plan-line:has-text('4 shots · all together')")
    page.click("#plan [data-do=wide]")
    page.wait_for_selector("#plan .round >> nth=0")
    page.select_option("#plan select", "lct 2")
    page.wait_for_selector("#plan .round >> nth=1")
    page.click("#plan [data-do=draft]")
    page.wait_for_function("document.querySelectorAll('#board .frame.sketch').length === 4")
    page.wait_for_selector("#strip .now.done")
    page.wait_for_selector("#board .chip:has-text('a draft')")
    page.click("#plan [data-do=final]:has-text('Make final (4)')")
    page.wait_for_function("document.querySelectorAll('#board .frame.done').length === 4")
    page.wait_for_selector("#strip .now.done")
    tab(page, "Queue")
    page.get_by_role("button", name="The same again").first.click()
    tab(page, "Board")
    page.wait_for_selector("#board .card:first-child:has-text('1A T2'):has-text('3 takes')")
    page.wait_for_selector("#strip .now.done")
    assert page.errors == []


def test_a_film_gets_a_title_a_dissolve_a_crop_and_a_sound_and_everything_is_exported(page, tmp_path):
    film(page)
    pick(page, 1)
    page.get_by_label("Subtitle").fill("Come here!")
    page.get_by_label("Subtitle").blur()
    tab(page, "Film")
    page.wait_for_selector("#film video[src]")
    page.wait_for_selector("#film track[src*='Come%20here']", state="attached")
    assert page.locator("#film .seams li").count() == 3
    page.get_by_label("Seam from 1A to 1B").select_option("0.5")
    page.get_by_label("Title card").fill("The sea")
    page.get_by_label("Title card").blur()
    page.wait_for_selector("#film .piece[aria-label='Go to title']")
    old = page.locator("#film video").get_attribute("src")
    page.get_by_label("Crop").select_option("1:1")
    page.wait_for_function("old => document.querySelector('#film video').getAttribute('src') !== old", arg=old)
    with wave.open(str(tmp_path / "tone.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", "NONE"))
        sound.writeframes(bytes(range(256)) * 8000)
    choose_file(page, "Add a sound", tmp_path / "tone.wav")
    page.wait_for_selector("#film :text('Sound: tone.wav')")
    page.click("#export button")
    link = page.wait_for_selector("#exported a[href*='film.mp4']").evaluate("link => link.href")
    assert page.evaluate("document.querySelector('#exported a').getBoundingClientRect().bottom < innerHeight")
    (tmp_path / "film.mp4").write_bytes(page.request.get(link).body())
    seconds = 3 + 4 * 17 / 8 - 0.5
    assert heard(tmp_path / "film.mp4") == pytest.approx(seconds, abs=0.05)
    assert read_video(tmp_path / "film.mp4").shape[1:3] == (640, 640)
    page.get_by_role("button", name="Export Everything (zip): all in one folder").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#exported a[href*='reelboard.zip']")
    assert page.errors == []


def heard(path):
    """Seconds of sound in a film, decoded."""
    from imageio_ffmpeg import get_ffmpeg_exe

    command = [get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path), "-map", "0:a", "-ac", "1", "-ar", "8000"]
    return len(subprocess.run([*command, "-f", "u8", "pipe:1"], capture_output=True, check=True).stdout) / 8000


def test_a_film_that_is_looked_at_follows_the_board(page):
    film(page)
    tab(page, "Film")
    old = page.wait_for_selector("#film video[src]").get_attribute("src")
    other = page.context.new_page()
    other.goto(page.url)
    pick(other, 2)
    redo(other)
    page.bring_to_front()
    page.wait_for_function("old => document.querySelector('#film video').getAttribute('src') !== old", arg=old)
    assert page.errors == []


def test_a_story_of_ones_own_unknown_words_and_edits_that_stay(page, server):
    fresh(page)
    tell(page, STORY)
    page.click("#split")
    page.wait_for_selector("#board .card >> nth=3")
    page.wait_for_selector("#plan .warn:has-text('blorps')")
    pick(page, 2)
    prompt = page.locator("#shot textarea")
    prompt.fill("Close-up. Character 1 sits.")
    prompt.blur()
    page.wait_for_selector("#board .card:nth-child(2):has-text('Character 1 sits.')")
    page.goto(server)
    page.wait_for_selector("#board .card:nth-child(2):has-text('Character 1 sits.')")


def test_two_windows_share_a_project_and_a_stale_edit_is_refused(page, server):
    ruby(page)
    page.wait_for_selector("#shot textarea")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("#shot textarea")
    for window, words in ((page, "Character 1 jumps."), (other, "Character 1 spins.")):
        box = window.locator("#shot textarea")
        box.fill(words)
        box.blur()
        if window is page:
            other.wait_for_selector("#board .card:first-child:has-text('jumps')")
    other.wait_for_selector("text=changed in another window")
    page.wait_for_timeout(1200)
    assert "jumps" in card(page, 1).inner_text()


def test_a_story_that_was_not_split_is_split_and_made_at_one_press(page):
    fresh(page)
    tell(page, "A red fox walks on the beach. It waves. It jumps.", shots=3)
    page.click("#make")
    page.wait_for_function("document.querySelectorAll('#board .frame.done').length === 3")
    reload(page)
    page.wait_for_function("document.querySelector('#count input')?.value === '3'")
    page.get_by_role("button", name="Add scene").click()
    page.locator("#board .scene").nth(1).locator("h2").click()
    page.wait_for_function("document.querySelector('#story textarea').value === ''")
    assert page.locator("#count input").input_value() == "4"
    assert page.errors == []


def test_an_empty_story_is_one_sentence(page):
    fresh(page)
    page.click("#split")
    page.wait_for_selector("text=story is empty")


def test_while_another_shot_is_on_its_way_nothing_can_be_done_to_the_former_one(page):
    film(page)
    pick(page, 1)
    held = []
    page.route(
        "**/queue/join*",
        lambda route: held.append(route) if not held and asks_for_a_shot(route) else route.continue_(),
    )
    place = page.locator("#shot button.primary").bounding_box()
    card(page, 3).click()
    page.mouse.click(place["x"] + 10, place["y"] + 10)
    page.wait_for_selector("#shot .shot[inert][aria-busy=true] h2:has-text('Shot 1A')")
    held[0].abort()  # what was asked for is lost, and asked for again
    page.wait_for_selector("#shot .shot:not([inert]) h2:has-text('Shot 1C')")
    page.locator("#shot button.primary").dblclick()
    page.wait_for_selector("#shot [role=tab]:has-text('Takes 2')")
    page.wait_for_selector("#strip .now.done")
    tab(page, "Queue")
    assert page.locator("#queue .job:has-text('1A')").count() == 1  # the film's alone
    assert page.locator("#queue .job:has-text('Shot 1C')").count() == 1  # two presses, one take


def asks_for_a_shot(route):
    return '"name":"select"' in (route.request.post_data or "")


def test_undo_keeps_the_shot_that_is_selected(page):
    ruby(page)
    pick(page, 3)
    page.get_by_label("Length").select_option("9")
    page.wait_for_selector("#board .card:nth-child(3) .length:has-text('1.1 s')")
    page.click("#undo")
    page.wait_for_selector("#board .card:nth-child(3) .length:has-text('2.1 s')")
    page.wait_for_timeout(300)
    assert page.locator("#shot h2").inner_text() == "Shot 1C"
    assert page.locator("#board .card.picked .slate").inner_text() == "1C"
    assert page.errors == []
