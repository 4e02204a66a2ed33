"""A Ray cluster that is there already, joined by its address: only our work is handed to it."""

import socket
import subprocess
import sys
from contextlib import closing, suppress
from importlib.util import find_spec

import psutil
import pytest
from patience import until
from soundness import check_sound

from studio.services import Studio
from studio.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(monkeypatch):
    """The process of a cluster of two workers, and its address."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # tokens, which Ray keeps in a home folder, are tried nowhere
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asked = ["start", "--head", "--block", f"--port={port}", "--num-cpus=2"]
    asked += ["--include-dashboard=false", "--disable-usage-stats"]
    process = subprocess.Popen([sys.executable, "-m", "ray.scripts.scripts", *asked], stdout=subprocess.DEVNULL)
    until(lambda: answers(port))
    yield process, f"127.0.0.1:{port}"
    process.terminate()
    process.wait(60)


def answers(port):
    with closing(socket.socket()) as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def film(home, backbone, watch=lambda: None, **settings):
    """Names of the latents, which are hashes of their content, of a film of three shots."""
    studio = Studio(Settings(home=home, backbone=str(backbone), example=False, **settings))
    studio.start()
    try:
        asked, _ = studio.split(studio.new().id, "A red fox walks. She jumps. She waves.", 3)
        studio.edit(asked.id, "set_options", method="lct-ar", seed=1, steps=20, guidance=1)
        studio.generate(asked.id)
        until(lambda: watch() or not studio.job(asked.id).busy)
        until(lambda: not studio.job(asked.id).busy)
        job = studio.job(asked.id)
        assert job.state == "done", job.message
        check_sound(home)
        return [shot.take.latents for shot in studio.project(asked.id).shots]
    finally:
        studio.close()


def test_a_cluster_is_joined_by_its_address_and_makes_the_same_film(cluster, tmp_path, tiny_pocket):
    process, address = cluster
    seen = set()

    def hands():
        for one in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):  # it has ended
                if "Hand" in " ".join(one.cmdline()):
                    seen.add(one.pid)
        return seen

    made = film(tmp_path / "far", tiny_pocket, hands, executor="ray", ray_address=address, ray_workers=2)
    assert seen, "no process of the cluster made anything"
    assert made == film(tmp_path / "near", tiny_pocket, executor="inline")
