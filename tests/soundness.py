"""What must be true of a studio's folder after any fault."""

import sqlite3
from pathlib import Path

from safetensors import safe_open

ORPHANS = {
    "a take without its shot": "SELECT id FROM take WHERE shot NOT IN (SELECT id FROM shot)",
    "a shot that shows a take of another": "SELECT shot.id FROM shot JOIN take ON take.id = shot.take"
    " WHERE take.shot != shot.id",
    "a shot without its scene": "SELECT id FROM shot WHERE scene NOT IN (SELECT id FROM scene)",
    "a finished shot of a job without its take": "SELECT shot FROM job_shot WHERE state = 'done' AND take IS NULL",
    "a shot with two takes of one job": "SELECT shot FROM take WHERE job != '' GROUP BY shot, job HAVING count(*) > 1",
    "a job in no known state": "SELECT id FROM job WHERE state NOT IN"
    " ('queued', 'held', 'running', 'interrupted', 'done', 'failed', 'cancelled')",
    "a finished job with a shot to make": "SELECT job FROM job_shot JOIN job ON job.id = job"
    " WHERE job.state = 'done' AND job_shot.state != 'done'",
}


def check_sound(home):
    """The database is intact, nothing hangs in the air, and every file that it names is there and whole."""
    media = Path(home) / "media"
    with sqlite3.connect(Path(home) / "reelboard.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        for what, query in ORPHANS.items():
            assert db.execute(query).fetchall() == [], what
        takes = db.execute("SELECT video, poster, latents FROM take").fetchall()
        takes += db.execute("SELECT video, poster, latents FROM reference").fetchall()
        films = [name for (name,) in db.execute("SELECT film FROM project WHERE film != ''")]
        raw = [name for (name,) in db.execute("SELECT latents FROM job_shot WHERE state = 'denoised'")]
    db.close()
    for name in [*films, *(video for video, _, _ in takes)]:
        assert (media / name).read_bytes()[4:8] == b"ftyp", name
    for _, poster, _ in takes:
        content = (media / poster).read_bytes()
        assert (content[:2], content[-2:]) == (b"\xff\xd8", b"\xff\xd9"), poster
    for name, keys in [*((latents, {"frames", "latents"}) for *_, latents in takes), *((n, {"latents"}) for n in raw)]:
        with safe_open(media / name, framework="pt") as file:
            assert set(file.keys()) - {"latents"} == keys - {"latents"}, name
