"""What the settings say, and what is told or pasted where a story is asked for."""

import json

import pytest
from pydantic import SecretStr

from studio.services import Studio
from studio.settings import Settings

STORY = "A red fox with a crown walks along the beach at sunset. She jumps. She waves."
KEY = "sk-canary-77"


def opened(home, tiny_pocket, **more):
    return Studio(Settings(home=home, backbone=str(tiny_pocket), executor="inline", example=False, **more))


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    return opened(tmp_path / "home", tiny_pocket)


def accepted(studio, project, scene, story, shots):
    drafts, keep = studio.wish(project, scene, story, shots)
    *_, draft = drafts
    return studio.accept(project, draft, scene=scene, keep=keep)


def test_the_machine_the_models_and_the_disk_are_told(studio):
    told = studio.about()
    assert told.device.startswith(("cpu, ", "cuda, "))
    assert told.reason
    assert told.disk > 0
    assert not told.tried
    assert told.leaves == "Nothing leaves this machine."
    pocket = studio.models()[0]
    assert pocket.title == "pocket"
    assert pocket.bytes > 1_000_000
    assert "lct" in pocket.methods


def test_an_endpoint_is_named_without_its_key_and_what_is_sent_there(tmp_path, tiny_pocket):
    told = opened(
        tmp_path, tiny_pocket, llm_base_url="http://127.0.0.1:9/v1", llm_model="small", llm_api_key=KEY
    ).about()
    assert told.splitter == "small at 127.0.0.1, with a key"
    assert told.tried
    assert "sent to 127.0.0.1" in told.leaves
    assert KEY not in repr(told)


def test_a_try_of_nobody_is_one_sentence(tmp_path, tiny_pocket):
    studio = opened(tmp_path, tiny_pocket, llm_base_url="http://127.0.0.1:9/v1")
    assert "No language model answers at" in studio.try_splitter()


def test_strangers_read_no_folder_of_this_machine(tmp_path, tiny_pocket):
    assert str(tmp_path) not in repr(opened(tmp_path / "home", tiny_pocket, public=True).about())


def test_what_was_exported_is_let_go(studio):
    project, _ = studio.split(studio.new().id, STORY, 2)
    file = studio.export(project.id, "Shot list (CSV)")
    assert studio.about().exports == file.stat().st_size
    studio.clear_exports()
    assert studio.about().exports == 0


def test_encoded_prompts_are_weighed_and_forgotten(studio, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = tmp_path / "reelboard" / "prompts"
    kept.mkdir(parents=True)
    (kept / "a.safetensors").write_bytes(bytes(1000))
    assert studio.about().prompts == 1000
    studio.clear_prompts()
    assert studio.about().prompts == 0
    assert list(kept.iterdir()) == []


@pytest.mark.parametrize("what", ["clear_exports", "clear_prompts"])
def test_a_stranger_removes_nothing_of_others(tmp_path, tiny_pocket, what):
    with pytest.raises(ValueError, match="public page"):
        getattr(opened(tmp_path / "home", tiny_pocket, public=True), what)()


def test_a_pasted_story_json_becomes_its_shots(studio):
    pasted = json.dumps({"prompt": "[Environment] At night.", "shots": [{"prompt": "One."}, {"prompt": "Two."}]})
    project = studio.edit(studio.new().id, "add_scene")
    for text in (pasted, f"```json\n{pasted}\n```"):
        now = accepted(studio, project.id, project.scenes[0].id, text, 9)
        assert [shot.prompt for shot in now.shots] == ["One.", "Two."]
    with pytest.raises(ValueError, match="shots is 3"):
        studio.wish(project.id, project.scenes[0].id, '{"shots": 3}', 2)


def test_a_pasted_screenplay_becomes_its_scenes_in_one_edit(studio):
    project, _ = studio.split(studio.new().id, STORY, 2)
    project = studio.edit(project.id, "add_scene")
    first, last = project.scenes
    pasted = "EXT. BEACH - DAY\n\nA red fox walks. She waves.\n\nINT. ROOM - NIGHT\n\nA blue bear sits.\n"
    now = accepted(studio, project.id, first.id, pasted, 9)
    assert [scene.title for scene in now.scenes] == ["EXT. BEACH - DAY", "INT. ROOM - NIGHT", ""]
    assert [len(scene.shots) for scene in now.scenes] == [2, 1, 0]
    assert (now.scenes[0].id, now.scenes[2].id) == (first.id, last.id)
    assert [scene.id for scene in studio.undo(project.id).scenes] == [first.id, last.id]


def test_a_new_split_leaves_locked_shots_as_they_are(studio):
    project, _ = studio.split(studio.new().id, STORY, 3)
    scene, locked = project.scenes[0].id, project.shots[1]
    studio.edit(project.id, "set_shot", shot=locked.id, locked=True)
    for shots in (3, 7, 2):
        now = accepted(studio, project.id, scene, "A red fox spins. She sits. She runs to the left.", shots)
        assert len(now.shots) == shots
        assert [shot.id for shot in now.shots][:3] == [shot.id for shot in project.shots][:shots]
        assert now.shots[1].prompt == locked.prompt
        assert now.shots[0].prompt != project.shots[0].prompt
    with pytest.raises(ValueError, match="shots is 1, but shot 2 is locked; ask for 2 or unlock it"):
        accepted(studio, project.id, scene, "A red fox spins.", 1)


def test_an_endpoint_chosen_on_the_page_splits_at_once_and_after_a_restart_and_gets_no_key(tmp_path, tiny_pocket):
    studio = opened(tmp_path, tiny_pocket, llm_api_key=KEY)
    assert not studio.has_model
    studio.prefer(llm_base_url=" http://127.0.0.1:9/v1 ", llm_model="small")
    for one in (studio, opened(tmp_path, tiny_pocket, llm_api_key=KEY)):
        assert one.has_model
        assert one.about().splitter == "small at 127.0.0.1, without a key"
    studio.prefer(llm_base_url="")
    assert not studio.has_model
    assert studio.preferences.llm_model == "small"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"llm_base_url": "ollama"}, "is no address; it looks like http://127.0.0.1:11434/v1"),
        ({"llm_base_url": "http://me:secret@host/v1"}, "holds a password"),
        ({"llm_base_url": "http://[::1/v1"}, "is no address"),
        ({"llm_model": ""}, "llm_model is empty"),
        ({"llm_base_url": "http://host/" + "v" * 500}, "llm_base_url"),
        ({"llm_model": "x" * 201}, "llm_model"),
    ],
)
def test_a_wrong_choice_is_a_sentence_and_changes_nothing(studio, values, said):
    studio.prefer(llm_base_url="http://127.0.0.1:9/v1", llm_model="small")
    before = studio.about()
    with pytest.raises(ValueError, match=said):
        studio.prefer(**values)
    assert (studio.about().splitter, studio.preferences.llm_model) == (before.splitter, "small")


def test_a_variable_has_the_last_word_and_nobody_chooses_for_others(tmp_path, tiny_pocket):
    opened(tmp_path, tiny_pocket).prefer(llm_base_url="http://127.0.0.1:9/v1", llm_model="small")
    named = opened(tmp_path, tiny_pocket, llm_base_url="http://127.0.0.1:8/v1", llm_model="large", llm_api_key=KEY)
    assert named.about().splitter == "large at 127.0.0.1, with a key"
    with pytest.raises(ValueError, match="llm_base_url is set by REELBOARD_LLM_BASE_URL"):
        named.prefer(llm_base_url="http://127.0.0.1:9/v1")
    for others in ({"public": True}, {"user": "ada", "password": "correct horse battery"}):
        shared = opened(tmp_path, tiny_pocket, **others)
        assert not shared.has_model
        assert shared.preferences is None
        with pytest.raises(ValueError, match="by variables alone"):
            shared.prefer(mcp=True)


def test_a_choice_that_cannot_be_kept_does_not_come_into_force(studio, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("studio.services.keep", full)
    with pytest.raises(OSError, match="No space"):
        studio.prefer(llm_base_url="http://127.0.0.1:9/v1", llm_model="small")
    assert not studio.has_model
    assert studio.about().leaves == "Nothing leaves this machine."


def test_a_variable_that_says_no_is_a_word_too(tmp_path, tiny_pocket):
    pytest.importorskip("mcp")
    opened(tmp_path, tiny_pocket).prefer(mcp=True, llm_base_url="http://127.0.0.1:9/v1", llm_model="small")
    told = opened(tmp_path, tiny_pocket, mcp=False, llm_model="large").about()
    assert not told.mcp
    assert told.splitter.startswith("large at")


def test_an_endpoint_without_a_key_is_told_nothing_of_other_accounts(tmp_path, tiny_pocket, monkeypatch):
    from studio.language_models import Endpoint

    monkeypatch.setenv("OPENAI_ORG_ID", KEY)
    monkeypatch.setenv("OPENAI_PROJECT_ID", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Team: {KEY}")
    settings = Settings(home=tmp_path, llm_base_url="http://127.0.0.1:9/v1")
    sent = Endpoint(settings)._client()._build_request(options("/models"))
    assert KEY not in repr(sent.headers.multi_items())
    keyed = Endpoint(settings.model_copy(update={"llm_api_key": SecretStr("sk-1")}))._client()
    assert KEY in repr(keyed._build_request(options("/models")).headers.multi_items())


def options(url):
    from openai._models import FinalRequestOptions

    return FinalRequestOptions(method="get", url=url)


def test_what_was_kept_and_cannot_be_read_is_no_choice(tmp_path, tiny_pocket):
    (tmp_path / "preferences.json").write_text('{"llm_base_url": ')
    assert not opened(tmp_path, tiny_pocket).has_model


def test_tools_for_agents_are_switched_on_for_the_next_start(tmp_path, tiny_pocket):
    pytest.importorskip("mcp")
    studio = opened(tmp_path, tiny_pocket)
    studio.prefer(mcp=True)
    assert not studio.about().mcp
    assert opened(tmp_path, tiny_pocket).about().mcp
