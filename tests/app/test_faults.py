"""Workers and studios that are killed at any moment: nothing torn, nothing lost, nothing made twice."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import safe_open

from studio.services import Studio
from studio.settings import Settings

ROOT = Path(__file__).parents[2]
STORY = "A red fox with a crown walks along the beach at sunset. She jumps. She waves."
SETTINGS = {"method": "lct-ar", "seed": 1, "steps": 6, "guidance": 1}


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    made = Studio(Settings(home=tmp_path / "home", backbone=str(tiny_pocket), example=False))
    yield made
    made.close()


def project(studio, shots=4, **settings):
    made, _ = studio.split(studio.open(None).id, STORY, shots)
    studio.edit(made.id, "set_shots", shots=[s.id for s in made.shots], frames=5)
    return studio.edit(made.id, "set_options", **SETTINGS | settings)


def wait(studio, project_id, *, seconds=120, until=lambda job: not job.busy):
    end = time.monotonic() + seconds
    while not until(studio.job(project_id)) and time.monotonic() < end:
        time.sleep(0.01)
    return studio.job(project_id)


def takes(studio, project_id):
    """Number of takes of every shot."""
    return [len(studio.store.projects.takes(shot.id)) for shot in studio.project(project_id).shots]


def check(studio):
    """The database is sound and every file it names is whole; no half-written one is named."""
    with sqlite3.connect(studio.store.home / "reelboard.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        rows = db.execute("SELECT video, poster, latents FROM take").fetchall()
    for video, poster, latents in rows:
        assert studio.media(video).read_bytes()[4:8] == b"ftyp"
        assert studio.media(poster).read_bytes()[:2] == b"\xff\xd8"
        with safe_open(studio.media(latents), framework="pt") as file:
            assert set(file.keys()) == {"frames", "latents"}


def films(studio, project_id):
    found = studio.project(project_id)
    return [studio.media(shot.take.latents).read_bytes() for shot in found.shots]


def test_the_worker_is_a_process_that_makes_films_and_comes_back_after_a_kill(studio):
    asked = project(studio)
    studio.generate(asked.id)
    wait(studio, asked.id, until=lambda job: any(shot.state == "done" for shot in job.shots))
    os.kill(studio.executor.pid, signal.SIGKILL)
    job = wait(studio, asked.id)
    assert (job.state, job.tries) == ("done", 2)
    assert takes(studio, asked.id) == [1, 1, 1, 1]
    broken = films(studio, asked.id)
    studio.generate(asked.id)
    assert wait(studio, asked.id).state == "done"
    assert films(studio, asked.id) == broken  # the same bytes as without the kill
    check(studio)


def test_a_studio_that_ends_gives_its_job_back_and_the_next_one_finishes_it(studio, tiny_pocket):
    asked = project(studio)
    studio.generate(asked.id)
    wait(studio, asked.id, until=lambda job: any(shot.state == "done" for shot in job.shots))
    studio.close()
    assert studio.job(asked.id).state == "interrupted"
    again = Studio(studio.settings)
    try:
        again.start()
        job = wait(again, asked.id)
        assert (job.state, job.tries) == ("done", 1)
        assert takes(again, asked.id) == [1, 1, 1, 1]
    finally:
        again.close()


SERVER = """
import sys, time
from pathlib import Path
from studio.services import Studio
from studio.settings import Settings
studio = Studio(Settings(home=Path(sys.argv[1]), backbone=sys.argv[2]))
studio.start()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("REELBOARD_KILLS", "20"))))
def test_kill_worker_server_or_both_at_a_random_point(tmp_path, tiny_pocket, seed):
    """Twenty points by default; REELBOARD_KILLS=200 for the table of README."""
    draw = random.Random(seed)
    studio = Studio(Settings(home=tmp_path, backbone=str(tiny_pocket), executor="inline", example=False))
    asked = project(studio)
    studio.executor = Nobody()
    studio.generate(asked.id)
    server = serve(tmp_path, tiny_pocket)
    point = draw.uniform(0, 30)
    wait(studio, asked.id, until=lambda job: job.done >= min(point, 27) or not job.busy)
    whom = draw.choice(("worker", "server", "both"))
    if whom != "server":
        subprocess.run(["pkill", "-KILL", "-f", f"studio.worker {tmp_path}"], check=False)
    if whom != "worker":
        server.kill()
        server.wait()
        server = serve(tmp_path, tiny_pocket)
    try:
        assert wait(studio, asked.id).state == "done"
        assert takes(studio, asked.id) == [1, 1, 1, 1]
        check(studio)
    finally:
        server.terminate()
        subprocess.run(["pkill", "-KILL", "-f", f"studio.worker {tmp_path}"], check=False)


class Nobody:
    """An executor that leaves the work to another process."""

    def wake(self):
        pass

    def close(self):
        pass


def serve(home, backbone):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(home), str(backbone)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_full_disk_is_said_and_the_film_goes_on_when_there_is_room(tmp_path, tiny_pocket):
    """A tiny file system of our own is full after a few takes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs more rights than this process has")
    try:
        studio = Studio(Settings(home=disk, backbone=str(tiny_pocket), executor="inline", example=False))
        asked, inline = project(studio), studio.executor
        studio.executor = Nobody()
        studio.generate(asked.id)
        filler = disk / "filler"  # another program takes the room that was there when the film was asked for
        room = os.statvfs(disk)
        filler.write_bytes(bytes(max(room.f_bavail * room.f_frsize - 120_000, 0)))
        studio.executor = inline
        inline.wake()
        job = studio.job(asked.id)
        assert job.state == "failed"
        assert "disk is full" in job.message
        before = takes(studio, asked.id)
        filler.unlink()
        studio.generate(asked.id)
        assert studio.job(asked.id).state == "done", studio.job(asked.id)
        assert studio.job(asked.id).id == job.id
        assert all(new == 1 for new in takes(studio, asked.id)), before
        check(studio)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
