"""The ledger under many hands: no job is claimed twice or lost, whoever dies and whenever."""

import multiprocessing
import os
import sqlite3
import time
from pathlib import Path

import pytest
from soundness import check_sound

from studio.board import add_scene, add_shot, drop_shots, set_scene
from studio.models import Note, Options, TakeInfo, Task, TaskShot
from studio.store import StaleError, Store
from studio.store import ledger as ledgers
from studio.store.database import MIGRATIONS
from studio.store.ledger import Lost


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def task(shots=2, of=""):
    listed = tuple(TaskShot(id=f"{of}s{k}", prompt="A fox.", frames=5, cut=True) for k in range(shots))
    return Task(prompt="", shots=listed, make=tuple(s.id for s in listed), options=Options(), seed=0)


def submit(store, count=1):
    project = store.projects.create()
    return [job for n in range(count) for job in store.ledger.submit(project.id, task(of=str(n or "")))]


def test_jobs_come_in_order_and_can_be_held_moved_and_cancelled(store):
    first, second, third = submit(store, 3)
    store.ledger.hold(first.id, held=True)
    store.ledger.move(third.id, before=second.id)
    assert [job.id for job in store.ledger.open_jobs()] == [first.id, third.id, second.id]
    store.ledger.stop(second.id)
    assert store.ledger.get(second.id).state == "cancelled"
    assert store.ledger.claim("a").id == third.id
    assert store.ledger.claim("a") is None
    store.ledger.hold(first.id, held=False)
    assert store.ledger.claim("a").id == first.id


def test_a_shot_is_made_once_at_a_time_so_that_the_last_wish_counts(store):
    project = store.projects.create().id
    first, second = (job.id for _ in range(2) for job in store.ledger.submit(project, task()))
    assert store.ledger.claim("a").id == first
    assert store.ledger.claim("b") is None
    store.ledger.finish(first, "a", "done")
    assert store.ledger.claim("b").id == second


def test_the_job_that_ended_last_is_told_of_though_it_was_asked_for_first(store):
    first, second = submit(store, 2)
    for job, state in ((first, "cancelled"), (second, "done"), (first, "failed")):
        if job is first and state == "failed":
            store.ledger.submit(first.project, again=[first.id])
        store.ledger.finish(store.ledger.claim("a").id, "a", state)
    assert [job.id for job in store.ledger.recent()] == [first.id, second.id]
    assert store.ledger.last(first.project).id == first.id


def test_a_job_of_a_dead_worker_is_found_though_the_clock_was_set_back_since(store):
    (job,) = submit(store)
    store.ledger.claim("dead")
    with sqlite3.connect(store.home / "reelboard.sqlite") as db:
        db.execute("UPDATE job SET beat = beat + 86400")
    db.close()
    assert store.ledger.reconcile(lease=0) == [job.id]
    assert store.ledger.claim("next").id == job.id


def test_a_paused_queue_lets_no_job_begin_until_it_goes_on(store):
    first, second = submit(store, 2)
    store.ledger.claim("w")
    store.ledger.pause(paused=True)
    store.ledger.pause(paused=True)
    store.ledger.finish(first.id, "w", "done")
    again = Store(store.home).ledger  # a pause outlives the studio
    assert (again.paused, again.claim("w")) == (True, None)
    assert again.get(second.id).state == "queued"
    again.pause(paused=False)
    assert (store.ledger.paused, store.ledger.claim("w").id) == (False, second.id)


def test_the_queue_is_bounded(store):
    submit(store, ledgers.WAITING)
    with pytest.raises(ValueError, match=f"the queue is full \\({ledgers.WAITING} jobs wait\\)"):
        submit(store)


def test_a_job_that_is_taken_up_again_finds_room_or_is_refused(store):
    (first,) = submit(store)
    store.ledger.stop(first.id)
    waiting = submit(store, ledgers.WAITING)
    with pytest.raises(ValueError, match="the queue is full"):
        store.ledger.submit(first.project, again=[first.id])
    assert store.ledger.get(first.id).state == "cancelled"
    store.ledger.stop(waiting[0].id)
    assert [job.state for job in store.ledger.submit(first.project, again=[first.id])] == ["queued"]


def test_a_worker_that_lost_its_job_can_change_nothing(store, monkeypatch):
    (job,) = submit(store)
    store.ledger.claim("old")
    monkeypatch.setattr(ledgers, "LEASE", 0.0)
    assert store.ledger.reconcile(lease=0) == [job.id]
    assert store.ledger.get(job.id).state == "interrupted"
    store.ledger.claim("new")
    for call in (
        lambda: store.ledger.beat(job.id, "old"),
        lambda: store.ledger.progress(job.id, "old", 1, 2),
        lambda: store.ledger.denoised(job.id, "old", {"s0": "x"}),
        lambda: store.ledger.finish(job.id, "old", "done"),
    ):
        with pytest.raises(Lost):
            call()
    assert store.ledger.get(job.id).shots[0].state == "waiting"
    assert store.ledger.beat(job.id, "new") == ""


def test_a_job_that_kills_its_workers_is_given_up(store):
    (job,) = submit(store)
    for _ in range(ledgers.TRIES):
        assert store.ledger.claim("w").id == job.id
        store.ledger.reconcile(lease=0)
    assert store.ledger.get(job.id).state == "failed"
    assert store.ledger.claim("w") is None
    store.ledger.submit(job.project, again=[job.id])
    assert store.ledger.claim("w").id == job.id


def test_a_stop_outlives_the_worker_that_should_have_heard_it(store):
    (job,) = submit(store)
    store.ledger.claim("w")
    store.ledger.stop(job.id)
    store.ledger.reconcile(lease=0)
    assert store.ledger.get(job.id).state == "cancelled"
    assert store.ledger.claim("w") is None


def test_a_stop_outlives_a_worker_that_is_told_to_leave(store):
    (job,) = submit(store)
    store.ledger.claim("w")
    store.ledger.stop(job.id)
    store.ledger.finish(job.id, "w", "interrupted")
    assert store.ledger.get(job.id).state == "cancelled"
    assert store.ledger.claim("w") is None


def test_a_job_whose_worker_died_is_held_like_one_that_waits_and_one_that_is_over_is_not(store):
    (job,) = submit(store)
    store.ledger.claim("w")
    store.ledger.reconcile(lease=0)
    store.ledger.hold(job.id, held=True)
    assert store.ledger.claim("w") is None
    store.ledger.hold(job.id, held=False)
    assert store.ledger.claim("w").id == job.id
    with pytest.raises(ValueError, match="it does not wait any more"):
        store.ledger.hold(job.id, held=True)


def test_a_live_worker_keeps_its_job(store):
    (job,) = submit(store)
    store.ledger.claim("w")
    assert store.ledger.reconcile() == []
    assert store.ledger.get(job.id).state == "running"


def test_the_pace_is_learned_from_finished_jobs(store):
    project = store.projects.create()
    large = task().model_copy(update={"options": Options(backbone="Large")})
    for wish, seconds in ((task(), 10.0), (task(), 12.0), (task(), 11.0), (large, 5000.0)):
        store.ledger.submit(project.id, wish, work=[100.0])
        job = store.ledger.claim("w")
        store.ledger.finish(job.id, "w", "done", seconds=seconds)
    assert store.ledger.pace("") == pytest.approx(0.11)
    assert store.ledger.pace("Large") == pytest.approx(50)
    assert store.ledger.pace("Other") is None


def test_a_job_that_has_begun_keeps_its_wishes_though_it_waits_again(store):
    (job,) = submit(store)
    store.ledger.claim("w")
    begun = job.task.model_copy(update={"begun": True})
    store.ledger.begin(job.id, "w", begun)
    store.ledger.denoised(job.id, "w", {"s0": "raw"})
    store.ledger.finish(job.id, "w", "cancelled")
    store.ledger.submit(job.project, again=[job.id])
    with pytest.raises(ValueError, match="it has begun"):
        store.ledger.change(job.id, task().model_copy(update={"seed": 7}), 1.0)
    assert store.ledger.get(job.id).task == begun


def test_a_job_that_did_not_break_off_is_not_taken_up_again(store):
    (job,) = submit(store)
    store.ledger.finish(store.ledger.claim("w").id, "w", "done")
    with pytest.raises(ValueError, match="it did not break off, so duplicate it"):
        store.ledger.submit(job.project, again=[job.id])
    assert store.ledger.get(job.id).state == "done"


def test_a_job_waits_for_what_it_looks_at_and_for_nothing_else(store):
    """The rule by which many workers make what one would."""
    listed = tuple(TaskShot(id=name, prompt="A fox.", frames=5, cut=True) for name in "abc")
    board = store.projects.create().id

    def wish(make, see=None):
        return Task(prompt="", shots=listed, make=tuple(make), see=see, options=Options(), seed=0)

    tasks = [wish("a"), wish("b"), wish("c", see=()), wish("ab", see=())]
    first, second, third, _ = store.ledger.submit(board, *tasks)
    assert store.ledger.claim("w").id == first.id  # it looks at b and c
    assert store.ledger.claim("w") is None  # b is made from a; c is looked at by both; a is looked at by b
    store.ledger.finish(first.id, "w", "done")
    assert store.ledger.claim("w").id == second.id
    store.ledger.finish(second.id, "w", "done")
    assert store.ledger.claim("w").id == third.id


def claim_all(home, name, out):
    store, mine = Store(Path(home)), []
    while (job := patiently(store.ledger.claim, name)) is not None:
        mine.append(job.id)
        patiently(store.ledger.finish, job.id, name, "done")
    out.put(mine)


def patiently(act, *values):
    """As a worker does, which asks again where a slow disk had it wait too long."""
    while True:
        try:
            return act(*values)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise


def test_a_studio_opens_while_another_one_writes(store):
    with store.projects._database.transaction():
        assert Store(store.home).ledger.open_jobs() == []


def test_eight_processes_claim_four_hundred_jobs_each_once(store, monkeypatch):
    monkeypatch.setattr(ledgers, "WAITING", 400)
    jobs = submit(store, 400)
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    workers = [context.Process(target=claim_all, args=(str(store.home), f"w{k}", out)) for k in range(8)]
    for worker in workers:
        worker.start()
    claimed = [job for _ in workers for job in out.get(timeout=900)]
    for worker in workers:
        worker.join()
    assert sorted(claimed) == sorted(job.id for job in jobs)


def edit_many(home, project_id, mark, count, out):
    projects, refused = Store(Path(home)).projects, 0
    done = 0
    while done < count:
        seen = projects.get(project_id)
        scene = seen.scenes[0]
        try:
            projects.edit(
                project_id,
                lambda now, scene=scene: set_scene(now, scene=scene.id, story=f"{scene.story}{mark}"),
                seen=seen.revision,
            )
            done += 1
        except ValueError:
            refused += 1
    out.put(refused)


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_two_writers_lose_no_update(store, count):
    project = store.projects.edit(store.projects.create().id, add_scene)
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    writers = [
        context.Process(target=edit_many, args=(str(store.home), project.id, mark, count, out)) for mark in "ab"
    ]
    for writer in writers:
        writer.start()
    for _ in writers:
        out.get(timeout=900)
    story = store.projects.get(project.id).scenes[0].story
    assert (story.count("a"), story.count("b")) == (count, count)
    check_sound(store.home)


@pytest.mark.parametrize("forget", ["edit", "trash"])
def test_an_edit_is_refused_though_what_it_missed_can_no_longer_be_undone(store, forget):
    project = store.projects.edit(store.projects.create().id, add_scene)
    scene = project.scenes[0].id

    def tell(seen=None, author="me", **fields):
        return store.projects.edit(
            project.id, lambda now: set_scene(now, scene=scene, **fields), seen=seen, author=author
        )

    seen = tell(story="One.").revision
    store.projects.undo(project.id, author="me")
    if forget == "edit":  # nothing can be redone after it
        tell(title="Sea")
    else:
        store.empty_trash(project.id)
    with pytest.raises(StaleError, match="the scene changed in another window"):
        tell(seen, "you", story="One. Two.")
    assert store.projects.get(project.id).scenes[0].story == ""
    with pytest.raises(ValueError, match="nothing to redo"):
        store.projects.redo(project.id)


def test_an_old_database_is_brought_up_to_date_after_a_copy(tmp_path):
    path = tmp_path / "reelboard.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("INSERT INTO project VALUES ('p', 'Once.', '', '{}', '', 3, '2026-01-01')")
    db.close()
    store = Store(tmp_path)
    assert store.projects.get("p").scenes[0].story == "Once."
    assert store.projects.get("p").revision == 0
    with sqlite3.connect(f"{path}.v0") as old:
        assert old.execute("SELECT story FROM project").fetchone() == ("Once.",)
        assert old.execute("PRAGMA user_version").fetchone() == (0,)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ValueError, match="written by a newer Reelboard"):
        Store(tmp_path)


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_every_version_of_the_database_is_brought_up_to_date_with_its_work_in_it(tmp_path, version):
    with sqlite3.connect(tmp_path / "reelboard.sqlite") as db:
        for script in MIGRATIONS[:version]:
            db.executescript(script)
        db.execute(f"PRAGMA user_version = {version}")
        db.execute(
            "INSERT INTO project (id, options, film, version) VALUES ('p', '{}', '', 0)"
            if version > 3
            else "INSERT INTO project (id, story, prompt, options, film, version) VALUES ('p', 'S', '', '{}', '', 0)"
        )
        if version > 3:
            db.execute("""INSERT INTO scene (id, project, place, title, story, summary, "cast", setting)
                       VALUES ('p', 'p', 0, '', 'S', '', '[]', '')""")
        db.execute("INSERT INTO shot (id, project, place, prompt, frames, cut) VALUES ('s', 'p', 0, 'A fox.', 17, 1)")
        if version > 3:
            db.execute("UPDATE shot SET scene = 'p'")
        db.execute(
            "INSERT INTO take (id, shot, seed, video, poster, latents, made_by)"
            " VALUES ('t', 's', 1, 'v.mp4', 'p.jpg', 'l.safetensors', '{}')"
        )
        db.execute("UPDATE shot SET take = 't'")
    db.close()
    (shot,) = Store(tmp_path).projects.get("p").shots
    assert (shot.id, shot.prompt, shot.take.video) == ("s", "A fox.", "v.mp4")
    assert (
        Store(tmp_path).projects.edit("p", lambda now: set_scene(now, scene="p", title="Sea")).scenes[0].story == "S"
    )
    copies = [path.name for path in tmp_path.glob("*.sqlite.v*")]
    assert copies == ([f"reelboard.sqlite.v{version}"] if version < len(MIGRATIONS) else [])
    with sqlite3.connect(tmp_path / "reelboard.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc/passwd", "a/b", "c:x", "x\0y", ".hidden"])
def test_media_names_from_outside_stay_inside(store, name):
    with pytest.raises(ValueError, match="plain file name"):
        store.media.path(name)


def test_a_link_in_the_media_folder_is_refused(store, tmp_path):
    (store.media.folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="plain file name"):
        store.media.path("link")


def test_a_kept_file_is_whole_or_not_there(store):
    name = store.media.keep(b"film", ".mp4")
    assert store.media.path(name).read_bytes() == b"film"
    assert store.media.keep(b"film", ".mp4") == name
    assert [path.name for path in store.media.folder.iterdir()] == [name]
    assert time.time() - store.media.path(name).stat().st_mtime < 60


def with_shots(store, count):
    project = store.projects.edit(store.projects.create().id, add_scene)
    scene = project.scenes[0].id
    for _ in range(count):
        project = store.projects.edit(project.id, lambda now: add_shot(now, scene=scene))
    return project


def test_a_sweep_takes_what_nothing_names_and_no_take(store):
    shot = with_shots(store, 1).shots[0].id
    files = [store.media.keep(f"{kind}".encode(), suffix) for kind, suffix in (("v", ".mp4"), ("p", ".jpg"))]
    raw = store.media.keep(b"raw", ".raw.safetensors")
    store.projects.add_take(shot, TakeInfo(id="t", seed=0, video=files[0], poster=files[1], latents=files[0]), {})
    (store.media.folder / "half.part").write_bytes(b"cut off by a crash")
    assert store.tidy() == []  # a file this young may get its name yet
    assert not list(store.media.folder.glob("*.part"))
    for file in store.media.folder.iterdir():
        os.utime(file, (0, 0))
    assert store.tidy() == [raw]
    assert sorted(file.name for file in store.media.folder.iterdir()) == sorted(files)


def test_a_sweep_waits_for_files_without_holding_the_database(store, monkeypatch):
    """Whoever keeps a large file holds a sweep up, and would hold everybody up who has something to write."""
    sweep = store.media.sweep

    def busy(named):
        store.projects.create("Meanwhile")
        return sweep(named)

    monkeypatch.setattr(store.media, "sweep", busy)
    assert store.tidy() == []
    assert store.projects.latest().name == "Meanwhile"


def test_emptying_the_trash_takes_removed_notes(store):
    project = with_shots(store, 1)
    shot = project.shots[0].id
    store.projects.add_take(shot, TakeInfo(id="t", seed=0, video="", poster="", latents=""), {"frames": 5})
    for key in ("kept", "gone"):
        store.projects.add_note(shot, Note(id=key, take="t", at=0, text="Too dark."))
    store.projects.drop_note(project.id, "gone")
    store.empty_trash(project.id)
    with sqlite3.connect(store.home / "reelboard.sqlite") as db:
        assert db.execute("SELECT id FROM note").fetchall() == [("kept",)]


def test_emptying_the_trash_takes_removed_shots_and_keeps_what_is_starred_or_on_the_board(store):
    project = with_shots(store, 3)
    for shot in project.shots:
        take = TakeInfo(id=f"t{shot.id}", seed=0, video="", poster="", latents="")
        store.projects.add_take(shot.id, take, {"prompt": "", "frames": 5, "cut": True})
    kept, starred, gone = (shot.id for shot in project.shots)
    store.projects.star(starred, f"t{starred}", starred=True)
    (job,) = store.ledger.submit(project.id, task().model_copy(update={"make": (gone,)}))
    store.ledger.stop(job.id)
    store.projects.edit(project.id, lambda now: drop_shots(now, shots=[starred, gone]))
    assert store.empty_trash(project.id) == 1
    assert store.empty_trash(project.id) == 0
    assert [len(store.projects.takes(shot)) for shot in (kept, starred, gone)] == [1, 1, 0]
    assert [shot.id for shot in store.projects.get(project.id).shots] == [kept]
    with pytest.raises(ValueError, match="nothing to undo"):
        store.projects.undo(project.id)
    store.projects.trash(project.id)
    assert store.empty_trash() == 0  # it holds a starred take
    store.projects.star(starred, f"t{starred}", starred=False)
    assert store.empty_trash() == 1
    assert store.projects.listed(trashed=True) == []
    with sqlite3.connect(store.home / "reelboard.sqlite") as db:
        assert db.execute("SELECT (SELECT count(*) FROM take) + (SELECT count(*) FROM job)").fetchone() == (0,)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
