"""What the studio keeps and shows, as values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, field_validator

from engine import MAX_PROMPT, MAX_SHOT_SEED, MAX_SHOTS, nearest_length

FPS = 8  # frames a second of a film
LONGEST = 33  # frames of a shot on the pocket backbone
MOST_SCENES = 200  # of a project
MOST_ENTRIES = 60  # of a bible
MOST_REFERENCES = 200  # of a project
MAX_NOTE = 500  # characters of a remark
MAX_SAID = 300  # characters of a subtitle
SCENE = "scene"  # among what a shot remembers: all other made shots of its scene
Method = Literal["lct", "lct-ar", "lct-causal", "independent"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


WORDLESS = "?"  # what is read with a shot that only stands in a context and has no words (any more)


class TakeInfo(_Value):
    """A finished version of a shot; files are relative to the media folder."""

    id: str
    seed: int
    video: str
    poster: str
    latents: str
    job: str = ""
    saw: dict[str, str] = Field(default_factory=dict)  # shot id -> take id, or the job that made both together
    file: str = ""  # the name of the file that it came from; empty: made here


class Reference(_Value):
    """What shots may look at beside each other: a file of the creator's, a take that was kept, or one frame of one.

    origin: where it came from: "file", "sha256" and "bytes", or "take" and "frame".
    """

    id: str
    kind: Literal["upload", "take", "still"]
    name: str = Field(default="", max_length=120)
    prompt: str = Field(default="", max_length=MAX_PROMPT)  # what it shows, in words
    entry: str = ""  # of the bible, that it shows
    frames: int = Field(ge=1, le=LONGEST)
    video: str
    poster: str
    latents: str
    origin: dict[str, str | int] = Field(default_factory=dict)

    @property
    def take(self) -> TakeInfo:
        """As what a shot looks at."""
        return TakeInfo(id=self.id, seed=0, video=self.video, poster=self.poster, latents=self.latents)


class ShotInfo(_Value):
    """One shot and the take that was chosen for it."""

    id: str
    prompt: str = Field(default="", max_length=MAX_PROMPT)
    said: str = Field(default="", max_length=MAX_SAID)  # spoken, or to be read: the subtitle; no model reads it
    frames: int = 17
    cut: bool = True
    seed: int | None = Field(default=None, ge=0, le=MAX_SHOT_SEED)  # of every new take; None: another one each time
    see: tuple[str, ...] | None = None  # shots and references that it looks at, or SCENE; None: SCENE alone
    noises: dict[str, Annotated[int, Field(ge=0, lt=1000)]] = Field(default_factory=dict)  # t_c of those, in 1000ths
    approved: bool = False  # this very take
    locked: bool = False  # nothing makes a new take of it
    fade: float = Field(default=0.0, ge=0, le=2)  # seconds over which the shot before dissolves into it; 0: a cut
    take: TakeInfo | None = None
    stale: tuple[str, ...] = ()  # why the take is no longer what the board asks for

    @field_validator("frames")
    @classmethod
    def _legal(cls, frames: int) -> int:
        return min(nearest_length(frames), LONGEST)


class Entry(_Value):
    """A character, a place or a look: written once in the bible, read by every scene that uses it."""

    id: str
    kind: Literal["character", "place", "look"]
    name: str = Field(default="", max_length=80)
    text: str = Field(default="", max_length=600)


class Making(_Value):
    """How a scene's shots are made, where that differs from the rest of the film. group: shots made at once."""

    method: Method | None = None
    group: int | None = Field(default=None, ge=1, le=MAX_SHOTS)


class SceneInfo(_Value):
    """Shots in one context. ``story`` is what the creator told, ``summary`` what all its shots read of it."""

    id: str
    title: str = Field(default="", max_length=120)
    story: str = ""
    summary: str = Field(default="", max_length=MAX_PROMPT)
    cast: tuple[str, ...] = ()  # entries, in order: Character 1, Character 2 ...
    setting: str = ""  # the entry of its place
    making: Making = Making()
    shots: Annotated[tuple[ShotInfo, ...], FailFast()] = Field(default=(), max_length=MAX_SHOTS)


class Removed(_Value):
    """Shots that left a scene in one edit, in their order, and the scene itself where it is off the board.

    place: of the scene; places: of the shots. lost: entries in the trash that the scene reads.
    """

    scene: SceneInfo
    gone: bool
    place: int
    shots: tuple[ShotInfo, ...] = ()
    places: tuple[int, ...] = ()
    lost: tuple[Entry, ...] = ()


class Options(_Value):
    """How a project's shots are made."""

    method: Method = "lct"
    group: int | None = Field(default=None, ge=1, le=MAX_SHOTS)  # shots made at once; None: the method's own number
    seed: int = Field(default=0, ge=0, lt=2**31)
    steps: int | None = Field(default=None, ge=1, le=200)
    guidance: float | None = Field(default=None, ge=1, le=20)
    backbone: str = Field(default="", max_length=200)  # what the shelf calls it; empty: the studio's own
    offload: Literal["", "none", "model", "group"] = ""  # where its weights wait; empty: as the studio's settings say
    draft: bool = False  # to look at; the final has the same seeds


class Finish(_Value):
    """What a film has beside its shots. sound: a media file; sound_name: what its creator calls it.

    aspect: to which the middle of every picture is cropped; "": pictures stay as they are made.
    """

    title: str = Field(default="", max_length=120)
    credits: str = Field(default="", max_length=600)
    sound: str = Field(default="", max_length=80)
    sound_name: str = Field(default="", max_length=120)
    aspect: Literal["", "1:1", "9:16", "16:9", "2.39:1"] = ""


class Project(_Value):
    """A film: its bible and its scenes."""

    id: str
    name: str = Field(default="", max_length=120)
    bible: Annotated[tuple[Entry, ...], FailFast()] = Field(default=(), max_length=MOST_ENTRIES)
    references: Annotated[tuple[Reference, ...], FailFast()] = Field(default=(), max_length=MOST_REFERENCES)
    scenes: Annotated[tuple[SceneInfo, ...], FailFast()] = Field(default=(), max_length=MOST_SCENES)
    options: Options = Options()
    finish: Finish = Finish()
    film: str = ""
    film_of: tuple[str, ...] = ()  # the takes in it
    version: int = 0  # grows with every change: what a page shows is old when it differs
    revision: int = 0  # grows with every edit: an edit made on an older one is refused

    @property
    def shots(self) -> tuple[ShotInfo, ...]:
        """All shots in the order of the film."""
        return tuple(shot for scene in self.scenes for shot in scene.shots)

    def cuts(self, shot: ShotInfo) -> bool:
        """Whether a shot starts with a cut; the film's first has nothing to go on from."""
        return shot.cut or shot.id == next(one.id for scene in self.scenes for one in scene.shots)

    @property
    def film_is_old(self) -> bool:
        """Whether the film shows other takes than the board, or another order."""
        return self.film_of != tuple(shot.take.id for shot in self.shots if shot.take)

    @property
    def slates(self) -> dict[str, str]:
        """What a shot is called on set, by id: "2C" is the third shot of scene 2."""
        scenes = enumerate(self.scenes, start=1)
        return {shot.id: f"{n}{chr(ord('A') + k)}" for n, scene in scenes for k, shot in enumerate(scene.shots)}

    def scene_of(self, shot_id: str) -> SceneInfo:
        """The scene with this shot; ValueError when it is not on the board."""
        for scene in self.scenes:
            if any(shot.id == shot_id for shot in scene.shots):
                return scene
        raise ValueError(f"shot is {shot_id[:40]!r}; it is not on this board any more")

    def shot(self, shot_id: str) -> ShotInfo:
        """The shot of this id; ValueError when it is not on the board."""
        return next(shot for shot in self.scene_of(shot_id).shots if shot.id == shot_id)

    def reference(self, reference_id: str) -> Reference:
        """The reference of this id; ValueError when there is none."""
        for reference in self.references:
            if reference.id == reference_id:
                return reference
        raise ValueError(f"reference is {reference_id[:40]!r}; it is not in the pool any more")

    def shown(self, key: str) -> TakeInfo | None:
        """What a shot that picked this sees: the chosen take of a shot, or a reference; None when there is nothing."""
        takes = {shot.id: shot.take for shot in self.shots} | {one.id: one.take for one in self.references}
        return takes.get(key)

    def scene(self, scene_id: str) -> SceneInfo:
        """The scene of this id; ValueError when there is none."""
        for scene in self.scenes:
            if scene.id == scene_id:
                return scene
        raise ValueError(f"scene is {scene_id[:40]!r}; it is not on this board any more")


class Note(_Value):
    """A remark on a take, at a moment of it (seconds)."""

    id: str
    take: str
    at: float = Field(ge=0)
    text: str = Field(min_length=1, max_length=MAX_NOTE)


class TaskShot(_Value):
    """A shot as it was when a job was asked for; its take is filled in when the job begins."""

    id: str
    prompt: str
    frames: int
    cut: bool
    seed: int | None = None  # of its own
    take: TakeInfo | None = None
    noise: int | None = None  # t_c, when it is looked at; None: the model's
    picked: bool = False  # by the creator, so it stays when a context outgrows the window


class Task(_Value):
    """What a job shall make, whole: later edits of the project change nothing in it.

    shots: what is looked at and what is made, in the order of the context; references stand among them.
    """

    scene: str = ""  # id
    prompt: str
    shots: tuple[TaskShot, ...]
    make: tuple[str, ...]  # shot ids
    see: tuple[str, ...] | None = None  # shots that are context; None: all that have a take
    options: Options
    seed: int
    begun: bool = False  # the takes that it looks at are settled
    choose: bool = True  # a new take becomes the one that counts

    def depends(self, other: Task) -> bool:
        """Whether one of the two looks at what the other makes, or both make the same shot: the last take counts."""
        mine, others = set(self.make), set(other.make)
        return bool(self._given & others or other._given & mine or mine & others)

    @property
    def _given(self) -> set[str]:
        if self.options.method == "independent":
            return set()
        wanted = {shot.id for shot in self.shots} if self.see is None else set(self.see)
        return wanted - set(self.make)


class JobShot(_Value):
    """How far a job is with a shot: waiting, denoised (``latents`` are safe) or done (``take`` is)."""

    shot: str
    state: str
    latents: str = ""
    take: str = ""
    looks: int = 0


class Job(_Value):
    """An entry of the ledger."""

    id: str
    project: str
    task: Task
    state: str
    place: float
    stop: str = ""
    tries: int = 0
    done: int = 0
    total: int = 0
    work: float = 0.0
    seconds: float = 0.0
    message: str = ""
    shots: tuple[JobShot, ...] = ()

    @property
    def busy(self) -> bool:
        return self.state in ("queued", "held", "interrupted", "running")

    @property
    def making(self) -> tuple[str, ...]:
        """Shots that are still to come."""
        return tuple(shot.shot for shot in self.shots if shot.state != "done") if self.busy else ()
