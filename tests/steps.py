"""What a creator does on the page, in steps that journeys share."""


def tab(page, name):
    """Go to another screen; on a narrow one some are behind a button."""
    page.locator("#rooms").get_by_role("tab", name=name, exact=True).click()


def card(page, number):
    return page.locator("#board .card").nth(number - 1)


def pick(page, number):
    """Show a shot beside the board: what was shown before has gone, and its buttons with it."""
    card(page, number).click()
    page.wait_for_selector(f"#shot h2:has-text('Shot 1{chr(ord('A') + number - 1)}')")


def reload(page):
    """Come to the page anew; what was under way when it was left may have been broken off with an error of its own."""
    page.goto(page.url)
    page.errors.clear()


def fresh(page):
    """An empty project; what was on the page is gone before anything is typed."""
    page.get_by_role("button", name="New project").click()
    page.wait_for_selector("#board .welcome")
    page.wait_for_function("document.querySelector('#story textarea').value === ''")


def tell(page, story, shots=None):
    """Write a story, and how many shots it shall be."""
    page.locator("#story textarea").fill(story)
    if shots is not None:
        page.locator("#count input").fill(str(shots))


def ruby(page):
    """The four shots of the first example, not made yet, in a project of their own."""
    fresh(page)
    page.get_by_role("button", name="Ruby at the sea").click()
    page.wait_for_selector("#board .frame.draft >> nth=3")


def film(page):
    """Make the first example's film."""
    ruby(page)
    page.click("#make")
    page.wait_for_function("document.querySelectorAll('#board .frame.done').length === 4")
    page.wait_for_selector("#strip:has-text('Done.')")


def export(page, click):
    """A film of four shots as a file, by the clicks of ``click``."""
    click(page.locator("#rooms").get_by_role("tab", name="Film", exact=True))
    page.wait_for_selector("#film .piece >> nth=3")
    click("#export button >> nth=0")
    page.wait_for_selector("#exported a[href*='film.mp4']")


def posters(page):
    """What the cards show: a moving shot has its picture as poster."""
    return page.evaluate(
        "[...document.querySelectorAll('#board .frame')]"
        ".map(f => f.querySelector('img')?.getAttribute('src') ?? f.querySelector('video')?.getAttribute('poster'))"
    )


def redo(page):
    page.click("#shot button.primary")
    page.wait_for_selector("#shot [role=tab]:has-text('Takes 2')")
    page.wait_for_selector("#strip .now.done")


def choose_file(page, button, path):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button).first.click()
    chooser.value.set_files(path)


def shut_out(page):
    """What axe-core finds serious or critical, once colours have stopped changing."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_function("document.getAnimations().every(a => !(a instanceof CSSTransition))")

    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
