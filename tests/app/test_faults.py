"""Processes killed at any moment, disks full or read-only, memory short, stops: nothing torn, lost, or made twice."""

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
import torch
from soundness import check_sound

import engine
from studio import film
from studio.executors import local, ray
from studio.executors.model import OwnModel
from studio.failures import remedy
from studio.ladder import OUT_OF_MEMORY
from studio.making import Maker
from studio.models import Job, JobShot
from studio.sentences import DIED, FULL, UNKNOWN, sentence
from studio.services import Studio
from studio.settings import Settings
from studio.shelf import Shelf
from studio.store import Store
from studio.store.ledger import TRIES
from studio.tasks import scene_tasks
from studio.worker import Worker

ROOT = Path(__file__).parents[2]
STORY = "A red fox with a crown walks along the beach at sunset. She jumps. She waves."
KILLS = int(os.environ.get("REELBOARD_KILLS", "20"))
STAGES, WHOM = ("queued", "denoise", "decode", "stitch"), ("worker", "server", "both")


class Nobody:
    """An executor that leaves the work to another process."""

    def start(self):
        pass

    wake = close = start


def open_studio(home, backbone, executor="inline"):
    return Studio(Settings(home=home, backbone=str(backbone), executor=executor, example=False))


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    made = open_studio(tmp_path / "home", tiny_pocket)
    yield made
    check_sound(made.store.home)
    assert not list(made.store.media.folder.glob("*.part"))


def project(studio, shots=2, **options):
    made, _ = studio.split(studio.new().id, STORY, shots)
    studio.edit(made.id, "set_shots", shots=[s.id for s in made.shots], frames=5)
    return studio.edit(made.id, "set_options", **{"method": "lct-ar", "seed": 1, "steps": 2, "guidance": 1} | options)


def wait(studio, project_id, until=lambda job: not job.busy, *, seconds=600, pause=0.02):
    end = time.monotonic() + seconds
    while not until(job := studio.job(project_id)):
        assert time.monotonic() < end, job
        time.sleep(pause)
    return job


def takes(studio, project_id):
    return [[take.id for take in studio.takes(shot.id)] for shot in studio.project(project_id).shots]


def latents(studio, project_id):
    return [shot.take.latents for shot in studio.project(project_id).shots]  # names are hashes of the content


# Kills


def test_a_studio_that_ends_gives_its_job_back_and_the_next_one_finishes_it(tmp_path, tiny_pocket):
    studio = open_studio(tmp_path, tiny_pocket, "local")
    asked = project(studio, steps=12)
    studio.generate(asked.id)
    wait(studio, asked.id, lambda job: any(shot.state == "done" for shot in job.shots))
    studio.close()
    assert studio.job(asked.id).state == "interrupted"
    again = open_studio(tmp_path, tiny_pocket)
    again.start()
    again.generate(asked.id)
    assert (again.job(asked.id).state, again.job(asked.id).tries) == ("done", 1)
    assert [len(of) for of in takes(again, asked.id)] == [1, 1]
    check_sound(tmp_path)


SERVER = """
import sys, time
from pathlib import Path
from studio.services import Studio
from studio.settings import Settings
studio = Studio(Settings(home=Path(sys.argv[1]), backbone=sys.argv[2], example=False))
studio.start()
print("ready", flush=True)
time.sleep(36000)
"""


def serve(home, backbone):
    command = [sys.executable, "-c", SERVER, str(home), str(backbone)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def workers(home):
    """The worker processes of this folder."""
    found = psutil.process_iter(["cmdline"])
    return [one for one in found if {"studio.worker", str(home)} <= set(one.info["cmdline"] or ())]


def stage(job):
    """Where a job is, as the ledger tells it."""
    states = {shot.state for shot in job.shots}
    if job.state != "running":
        return "queued" if job.busy else "over"
    return "decode" if "denoised" in states else "stitch" if states == {"done"} else "denoise"


@pytest.mark.slow
def test_kills_of_worker_server_or_both_at_random_points(tmp_path, tiny_pocket, capsys):
    """20 by default, REELBOARD_KILLS for more; prints the table of README."""
    studio = open_studio(tmp_path, tiny_pocket)
    calm = project(studio, 4, steps=6)
    studio.generate(calm.id)
    expected, studio.executor, killed = latents(studio, calm.id), Nobody(), Counter()
    server = serve(tmp_path, tiny_pocket)
    try:
        for seed in range(KILLS):
            draw = random.Random(seed)
            wanted, whom = STAGES[seed % len(STAGES)], draw.choice(WHOM)
            asked = project(studio, 4, steps=6)
            studio.generate(asked.id)
            wait(studio, asked.id, lambda job, wanted=wanted: stage(job) in (wanted, "over"), pause=0.003)
            time.sleep(draw.uniform(0, 0.3) if wanted == "denoise" else draw.uniform(0, 0.03))
            before, at = takes(studio, asked.id), stage(studio.job(asked.id))
            if whom != "server":
                for one in workers(tmp_path):
                    one.kill()
            if whom != "worker":
                server.kill()
                server.wait()
                server = serve(tmp_path, tiny_pocket)
            assert wait(studio, asked.id).state == "done"
            after = takes(studio, asked.id)
            assert [len(of) for of in after] == [1, 1, 1, 1], "made twice or lost"
            assert all(set(old) <= set(new) for old, new in zip(before, after, strict=True)), (
                "a finished shot was lost"
            )
            assert latents(studio, asked.id) == expected
            check_sound(tmp_path)
            killed[at, whom] += 1
    finally:
        server.terminate()
        server.wait()
        for one in workers(tmp_path):
            one.kill()
        with capsys.disabled():
            sys.stdout.write("\n| killed at | worker | server | both |\n|---|---|---|---|\n")
            for at in (*STAGES, "over"):
                sys.stdout.write(f"| {at} | {' | '.join(str(killed[at, whom]) for whom in WHOM)} |\n")


# Disks


@pytest.fixture(params=["full", "read-only"])
def disk(request, tmp_path, tiny_pocket):
    """A studio on a small file system of its own, that breaks and is mended as the test says."""
    home = tmp_path / "home"
    folder = home if request.param == "full" else home / "media"
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs more rights than this process has")
    filler = home / "filler"

    def spoil():
        if request.param == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        elif not filler.exists():
            room = os.statvfs(home)
            filler.write_bytes(bytes(room.f_bavail * room.f_frsize))

    def mend():
        filler.unlink(missing_ok=True)
        if request.param == "read-only":
            subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)

    try:
        yield open_studio(home, tiny_pocket), spoil, mend
        check_sound(home)
        assert not list((home / "media").glob("*.part"))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def before_call(monkeypatch, module, name, act, call=1):
    """Do something right before a function is called for the n-th time."""
    real, calls = getattr(module, name), []

    def first(*args, **named):
        calls.append(name)
        if len(calls) == call:
            act()
        return real(*args, **named)

    monkeypatch.setattr(module, name, first)


def told(act):
    """What a page would show."""
    try:
        act()
    except sqlite3.OperationalError as error:
        return sentence(error)
    return ""


@pytest.mark.parametrize("at", ["submit", "keep_raw", "keep_take", "assemble"])
def test_a_disk_that_refuses_is_told_and_the_film_goes_on_when_it_is_mended(disk, monkeypatch, at):
    studio, spoil, mend = disk
    asked, inline = project(studio), studio.executor
    if at == "submit":  # the film was asked for while there was room
        studio.executor = Nobody()
        studio.generate(asked.id)
        studio.executor = inline
        spoil()
        said = told(inline.wake)
    else:
        before_call(monkeypatch, film, at, spoil, call=2 if at == "keep_take" else 1)
        said = told(lambda: studio.generate(asked.id))
    job, before = studio.job(asked.id), takes(studio, asked.id)
    assert job.state == ("queued" if said else "failed")  # with no room for a row, whoever asks is told
    words = ("The disk is full; free", "The studio can't read or write its files (Read-only")
    assert (said or job.message).startswith(words)
    assert [shot.state for shot in job.shots].count("done") == {"submit": 0, "keep_raw": 0}.get(at, 1 + (at[0] == "a"))
    mend()
    inline.wake() if job.busy else studio.generate(asked.id)
    assert (studio.job(asked.id).id, studio.job(asked.id).state) == (job.id, "done")
    after = takes(studio, asked.id)
    assert [len(of) for of in after] == [1, 1]
    assert all(set(old) <= set(new) for old, new in zip(before, after, strict=True))


def test_an_edit_on_a_full_disk_is_refused_in_a_sentence(disk):
    studio, spoil, mend = disk
    if not studio.store.media.folder.parent.is_mount():
        pytest.skip("the database is on another disk than the media")
    asked = project(studio)
    spoil()

    def edit_until_refused():
        for n in range(300):  # a page of the database may have room left
            studio.edit(asked.id, "rename", name=f"{n}" * 40)

    with pytest.raises(sqlite3.OperationalError) as caught:
        edit_until_refused()
    assert sentence(caught.value) == FULL
    mend()
    assert studio.edit(asked.id, "rename", name="Sea").name == "Sea"


# Stops


def test_a_stop_while_decoding_keeps_what_is_decoded_and_later_only_decodes(studio, monkeypatch):
    asked = project(studio, 3, method="lct")
    before_call(monkeypatch, film, "keep_take", lambda: studio.stop(asked.id))
    studio.generate(asked.id)
    job = studio.job(asked.id)
    assert (job.state, [shot.state for shot in job.shots]) == ("cancelled", ["done", "denoised", "denoised"])
    monkeypatch.setattr(engine, "generate", None)  # nothing is denoised again
    studio.generate(asked.id)
    assert studio.job(asked.id).state == "done"
    assert [len(of) for of in takes(studio, asked.id)] == [1, 1, 1]


def test_what_was_denoised_waits_a_week_for_whoever_takes_the_job_up_again(studio, monkeypatch):
    asked = project(studio, 3, method="lct")
    before_call(monkeypatch, film, "keep_take", lambda: studio.stop(asked.id))
    studio.generate(asked.id)

    def raw_after(days):
        with sqlite3.connect(studio.store.home / "reelboard.sqlite") as db:
            db.execute("UPDATE job SET beat = beat - ?", (days * 86_400,))
        db.close()
        for file in studio.store.media.folder.iterdir():
            os.utime(file, (0, 0))
        studio.store.tidy()
        check_sound(studio.store.home)
        return len(list(studio.store.media.folder.glob("*.raw.safetensors")))

    assert [raw_after(days) for days in (6, 2)] == [2, 0]
    assert [shot.state for shot in studio.job(asked.id).shots] == ["done", "waiting", "waiting"]
    studio.generate(asked.id)
    assert studio.job(asked.id).state == "done"
    assert [len(of) for of in takes(studio, asked.id)] == [1, 1, 1]


def test_a_stop_while_the_film_is_put_together_leaves_no_film(studio, monkeypatch):
    asked = project(studio, 3)
    real = film.assemble

    def stopped(media, takes, *, check):
        before_call(monkeypatch, film, "frames", lambda: studio.stop(asked.id), call=2)
        return real(media, takes, check=check)

    monkeypatch.setattr(film, "assemble", stopped)
    studio.generate(asked.id)
    assert (studio.job(asked.id).state, studio.project(asked.id).film) == ("cancelled", "")
    assert len(list(studio.store.media.folder.glob("*.mp4"))) == 3  # the shots
    monkeypatch.setattr(film, "assemble", real)
    studio.generate(asked.id)
    assert studio.job(asked.id).state == "done"
    assert studio.project(asked.id).film
    assert [len(of) for of in takes(studio, asked.id)] == [1, 1, 1]


@pytest.mark.slow
def test_after_a_stop_at_any_stage_the_worker_is_as_small_as_before(tmp_path):
    """The model that ships; resident memory within 2 % of what it is between two films."""
    studio = open_studio(tmp_path, "pocket", "local")
    studio.start()
    try:
        asked = project(studio, method="lct")
        studio.edit(asked.id, "set_shots", shots=[s.id for s in asked.shots], frames=17)

        def rest():
            wait(studio, asked.id)
            time.sleep(2)
            return psutil.Process(studio.executor.pid).memory_info().rss

        def make(wanted=None):
            studio.edit(asked.id, "set_options", seed=studio.project(asked.id).options.seed + 1)
            studio.generate(asked.id)
            if wanted:
                wait(studio, asked.id, lambda job: stage(job) in (wanted, "over"), pause=0.003)
                studio.stop(asked.id)
            return rest()

        make()
        idle = make()
        found = {wanted: make(wanted) / idle for wanted in STAGES[1:]}
        assert max(found.values()) < 1.02, (found, idle)
    finally:
        studio.close()


def test_a_worker_whose_studio_is_gone_before_it_is_awake_ends_too(tmp_path):
    start = (
        "import os, sys; from pathlib import Path; from studio.executors.local import Local;"
        "from studio.shelf import Shelf; from studio.store import Store;"
        "Local(Store(Path(sys.argv[1])), Shelf()).start(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", start, str(tmp_path)], cwd=ROOT, check=True)
    end = time.monotonic() + 60
    while (left := workers(tmp_path)) and time.monotonic() < end:
        time.sleep(0.1)
    for one in left:
        one.kill()
    assert not left


def test_a_worker_that_dies_again_and_again_is_given_more_and_more_time(tmp_path, monkeypatch):
    for name, seconds in {"LOOK": 0.01, "LONGEST_PAUSE": 0.5, "SHORT_LIFE": 5.0}.items():
        monkeypatch.setattr(local, name, seconds)
    executor, starts = local.Local(Store(tmp_path), Shelf()), []

    def start():
        starts.append(time.monotonic())
        return subprocess.Popen(["sleep", "0.05"])

    monkeypatch.setattr(executor, "_start", start)
    executor.start()
    end = time.monotonic() + 60
    while len(starts) < 10 and time.monotonic() < end:
        time.sleep(0.02)
    executor.close()
    assert min(later - one for one, later in pairwise(starts[7:])) > 0.5


# Memory


@pytest.mark.parametrize("at", ["denoise", "decode", "stitch"])
def test_too_little_memory_at_any_stage_offers_less_and_the_next_job_is_made(studio, monkeypatch, at):
    asked, real, load = project(studio, method="lct"), engine.generate, film.frames

    def short(scene, backbone, **settings):
        for event in real(scene, backbone, **settings):
            yield event
            if settings["method"] == "lct" and isinstance(
                event, {"denoise": engine.Progress, "decode": engine.Denoised, "stitch": int}[at]
            ):
                torch.empty(2**50)  # torch's own refusal on a CPU, which is no MemoryError

    def too_large(media, latents):
        raise MemoryError

    monkeypatch.setattr(engine, "generate", short)
    if at == "stitch":
        monkeypatch.setattr(film, "frames", too_large)
    studio.generate(asked.id)
    failed = studio.job(asked.id)
    again = {"stitch": "Put the film together again", "decode": "Only decode again"}
    offered = again.get(at, "Make one shot after the other")
    assert (failed.state, studio.offer(failed)) == ("failed", offered)
    said = f"{failed.message} {remedy(failed)}"
    assert ("shorter" in said, "Every shot is made" in said, "No step is lost" in said) == tuple(
        at == one for one in ("denoise", "stitch", "decode")
    )
    assert "one shot after the other" not in said  # which is no help once the steps are made
    monkeypatch.setattr(film, "frames", load)
    studio.manage(asked.id, failed.id, "smaller")
    assert studio.job(asked.id).state == "done"
    assert [len(of) for of in takes(studio, asked.id)] == [1, 1]
    assert studio.project(asked.id).film


def test_too_little_memory_to_decode_repeats_no_step_and_then_only_less_to_decode_is_offered(studio, monkeypatch):
    asked, real, steps = project(studio, method="lct"), engine.generate, []

    def short(scene, backbone, **settings):
        for event in real(scene, backbone, **settings):
            steps.append(event)
            yield event
            if isinstance(event, engine.Denoised):
                torch.empty(2**50)

    monkeypatch.setattr(engine, "generate", short)
    studio.generate(asked.id)
    job, made = studio.job(asked.id), len(steps)
    assert studio.offer(job) == "Only decode again"
    with monkeypatch.context() as patch:
        patch.setattr(engine, "decode_take", lambda *_: torch.empty(2**50))
        studio.manage(asked.id, job.id, "smaller")
    assert (studio.job(asked.id).id, studio.offer(studio.job(asked.id))) == (job.id, "Shorten to 0.1 s")
    studio.manage(asked.id, job.id, "retry")
    assert (studio.job(asked.id).state, len(steps)) == ("done", made)


def test_each_way_that_needs_less_is_offered_once_and_the_last_one_is_shorter(studio, monkeypatch):
    """A machine with room for no more than five frames at once."""
    asked, real, offers = project(studio, 3, method="lct"), engine.generate, []
    studio.edit(asked.id, "set_shots", shots=[s.id for s in asked.shots], frames=17)

    def small(scene, backbone, **settings):
        if sum(shot.frames for shot in scene.shots if not shot.skipped) > 5:
            torch.empty(2**50)
        return real(scene, backbone, **settings)

    monkeypatch.setattr(engine, "generate", small)
    studio.generate(asked.id)
    while (job := studio.job(asked.id)).state == "failed":
        offers.append(studio.offer(job))
        studio.manage(asked.id, job.id, "smaller")
        assert len(offers) < 9
    shorter = ["Shorten to 1.1 s", "Shorten to 0.6 s"]
    assert offers == ["Make one shot after the other", "Remember only the shot before", *shorter]
    assert studio.project(asked.id).shot(job.task.make[0]).frames == 5


def test_only_what_needs_less_is_offered(studio):
    """A shot that is left alone, or made alone anyway, is not made 'one after the other'."""
    asked = project(studio, 3, method="lct")
    made = studio.edit(asked.id, "set_shots", shots=[asked.shots[0].id], frames=17)
    (wish,) = scene_tasks(made, made.scenes[0], [shot.id for shot in made.shots])
    states = [JobShot(shot=key, state="done" if k else "waiting") for k, key in enumerate(wish.make)]
    job = Job(id="j", project=made.id, task=wish, state="failed", place=0, message=OUT_OF_MEMORY, shots=states)
    assert studio.offer(job) == "Remember only the shot before"
    alone = wish.model_copy(update={"options": wish.options.model_copy(update={"group": 1})})
    waiting = tuple(JobShot(shot=key, state="waiting") for key in wish.make)
    offers = [studio.offer(job.model_copy(update={"task": one, "shots": waiting})) for one in (wish, alone)]
    assert offers == ["Make one shot after the other", "Remember only the shot before"]


def test_a_smaller_way_is_taken_once_and_makes_no_shot_longer(studio, monkeypatch):
    asked, inline = project(studio, 2, method="independent"), studio.executor
    first, second = (shot.id for shot in asked.shots)
    studio.edit(asked.id, "set_shots", shots=[first], frames=17)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "generate", lambda *_, **__: torch.empty(2**50))
        studio.generate(asked.id)
    job, studio.executor = studio.job(asked.id), Nobody()
    assert studio.offer(job) == "Shorten to 1.1 s"
    studio.manage(asked.id, job.id, "smaller")
    with pytest.raises(ValueError, match="this scene is being made"):
        studio.manage(asked.id, job.id, "smaller")
    (less,) = studio.jobs(asked.id)
    assert 0 < less.work < job.work
    studio.executor = inline
    inline.wake()
    assert studio.job(asked.id).state == "done"
    board = studio.project(asked.id)
    assert [(board.shot(key).frames, board.shot(key).stale) for key in (first, second)] == [(9, ()), (5, ())]


def test_a_model_that_finds_no_memory_is_told_and_the_next_job_is_made(studio):
    asked = project(studio)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studio.shelf.load", lambda *_, **__: torch.empty(2**50))
        studio.generate(asked.id)
    assert (studio.job(asked.id).state, studio.job(asked.id).message) == ("failed", OUT_OF_MEMORY)
    studio.generate(asked.id)
    assert studio.job(asked.id).state == "done"


def test_a_job_that_ends_its_workers_is_offered_less_like_one_that_found_no_memory(studio):
    """A system without memory ends processes and says nothing."""
    asked, inline = project(studio, method="lct"), studio.executor
    studio.executor = Nobody()
    (job,) = studio.generate(asked.id)
    for _ in range(TRIES):
        studio.store.ledger.claim("worker")
        studio.store.ledger.reconcile(lease=0)
    failed = studio.job(asked.id)
    assert (failed.state, failed.message, studio.offer(failed)) == ("failed", DIED, "Make one shot after the other")
    studio.executor = inline
    studio.manage(asked.id, job.id, "smaller")
    assert studio.job(asked.id).state == "done"


def test_a_log_that_cannot_be_written_is_no_second_failure(studio, monkeypatch):
    asked = project(studio)
    (studio.store.home / "logs").write_text("in the way")
    monkeypatch.setattr(engine, "generate", None)
    studio.generate(asked.id)
    assert (studio.job(asked.id).state, studio.job(asked.id).message) == ("failed", UNKNOWN)
    monkeypatch.undo()
    studio.generate(asked.id)
    assert studio.job(asked.id).state == "done"


def test_a_job_whose_end_could_not_be_written_is_taken_up_by_the_same_worker(studio):
    asked, studio.executor = project(studio), Nobody()
    (job,) = studio.generate(asked.id)
    worker = Worker(studio.store.home, os.getppid(), lambda: None)
    assert worker._next(studio.store, "hand").id == job.id
    assert worker._next(studio.store, "hand") is None  # nobody says that it is over
    with sqlite3.connect(studio.store.home / "reelboard.sqlite") as db:
        db.execute("UPDATE job SET beat = beat - 60")
    db.close()
    assert worker._next(studio.store, "hand").id == job.id


def test_an_idle_hand_leaves_the_others_their_jobs_after_the_machine_slept(studio):
    """Nobody gave a sign of life meanwhile, whose clock goes on; a job that is taken away costs a try."""
    asked, studio.executor = project(studio), Nobody()
    (job,) = studio.generate(asked.id)
    worker = Worker(studio.store.home, os.getppid(), lambda: None)
    worker.makers.append(Maker(worker._next(studio.store, "hand"), studio.store, None, "hand", engine.CancelToken()))
    with sqlite3.connect(studio.store.home / "reelboard.sqlite") as db:
        db.execute("UPDATE job SET beat = beat - 3600")
    db.close()
    assert worker._next(studio.store, "idle") is None
    assert (studio.job(asked.id).state, studio.job(asked.id).tries) == ("running", 1)
    worker.makers.clear()  # its end could not be written: now nobody is at it
    assert worker._next(studio.store, "idle").id == job.id


def test_a_hand_that_was_silent_makes_nothing_twice_of_what_another_hand_took_up(studio, monkeypatch):
    asked, studio.executor = project(studio, method="independent"), Nobody()
    studio.generate(asked.id)
    real, hands, ended = engine.generate, [], threading.Event()

    def generate(scene, backbone, **settings):
        hands.append(settings)
        silent = len(hands) == 1
        try:
            for event in real(scene, backbone, **settings):
                if silent and isinstance(event, engine.ShotDone):
                    studio.store.ledger.reconcile(lease=0)
                    wait(studio, asked.id, lambda job: job.shots[0].state == "done")
                yield event
                if not silent and isinstance(event, engine.ShotDone):
                    ended.wait(60)
        finally:
            if silent:
                ended.set()

    monkeypatch.setattr(engine, "generate", generate)
    worker = Worker(studio.store.home, os.getppid(), lambda: None)
    worker.model = OwnModel(studio.shelf)
    serving = [threading.Thread(target=worker._serve, args=(studio.store,)) for _ in range(2)]
    for hand in serving:
        hand.start()
    try:
        assert wait(studio, asked.id).state == "done"
    finally:
        worker.ending = True
        for hand in serving:
            hand.join()
    assert len(hands) == 2
    assert [len(of) for of in takes(studio, asked.id)] == [1, 1]


def test_a_hand_of_a_cluster_that_cannot_load_is_replaced_whatever_it_raised(monkeypatch):
    """Or there are fewer and fewer, and then a job waits for none."""
    cluster, started = ray.Cluster.__new__(ray.Cluster), []
    cluster._lock, cluster._free, cluster._starting = threading.Lock(), deque(), {"loading": "hand"}
    monkeypatch.setattr(cluster, "_start", lambda: started.append("another"))
    monkeypatch.setattr(ray, "_ready", lambda refs, **_: refs)
    monkeypatch.setattr(ray, "_result", lambda _: torch.empty(2**50))
    with pytest.raises(RuntimeError, match="memory"):
        cluster._take(engine.CancelToken(), wait=True)
    assert started == ["another"]


def test_a_worker_goes_on_though_the_machine_could_not_be_timed(studio, monkeypatch):
    """A large model may not fit at the sizes that are tried."""
    worker = Worker(studio.store.home, os.getppid(), lambda: None)
    worker.model = OwnModel(studio.shelf)
    monkeypatch.setattr("engine.plan.measure", lambda *_: torch.empty(2**50))
    worker._learn(studio.store)
    assert studio.store.facts.get("pace") is None
    monkeypatch.undo()
    worker._learn(studio.store)
    assert studio.store.facts.get("pace")["backbone"] == studio.settings.backbone


def test_what_was_removed_for_good_is_not_made_again(studio):
    asked = project(studio)
    studio.generate(asked.id)
    job, gone = studio.job(asked.id), asked.shots[1].id
    studio.edit(asked.id, "drop_shots", shots=[gone])
    studio.empty_trash(asked.id)
    for again in (
        *(lambda what=what: studio.manage(asked.id, job.id, what) for what in ("duplicate", "rerun", "retry")),
        lambda: studio.rerun(studio.project(asked.id).shots[0].take.id),
    ):
        with pytest.raises(ValueError, match="a shot of this job was removed for good"):
            again()
    assert studio.jobs(asked.id) == []


def test_a_studio_opens_though_its_media_can_not_be_tidied(studio):
    lock = studio.store.media.folder.with_suffix(".lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    studio.start()
    lock.rmdir()
    asked = project(studio)
    studio.generate(asked.id)
    assert studio.job(asked.id).state == "done"


def test_a_hundred_wishes_at_once_are_bounded_refused_clearly_and_cost_no_memory(studio):
    asked, studio.executor = project(studio), Nobody()
    (job,) = studio.generate(asked.id)
    heard = []

    def wish():
        try:
            heard.append(studio.manage(asked.id, job.id, "duplicate"))
        except ValueError as error:
            heard.append(str(error))

    def crowd():
        heard.clear()
        crowded = [threading.Thread(target=wish) for _ in range(100)]
        for one in crowded:
            one.start()
        for one in crowded:
            one.join()
        return psutil.Process().memory_info().rss

    crowd()
    assert Counter(heard) == {None: 19, "the queue is full (20 jobs wait); try again when one is done": 81}
    first = crowd()
    assert crowd() < first * 1.02
    assert len(studio.jobs(asked.id)) == 20
