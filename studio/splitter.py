"""Story to shot list: by rules, or by an OpenAI-compatible model with the rules to fall back on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine import MAX_PROMPT

if TYPE_CHECKING:
    from engine.splitter import Storyboard
    from studio.settings import Settings

PROMPT = Path(__file__).parents[1] / "prompts" / "split.md"
PATIENCE = 60.0  # seconds for a model's answer
MAX_ANSWER, MOST = 60_000, 300  # characters and shots of an answer that are looked at
STRING = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'  # a whole JSON string


class Splitter(Protocol):
    """Exactly ``shots`` shots, always, or a ValueError."""

    def split(self, story: str, shots: int) -> tuple[Storyboard, str]:
        """The storyboard, and a sentence for the creator ("" when there is nothing to say)."""
        ...


class Rules:
    """The deterministic splitter; needs nothing."""

    def split(self, story: str, shots: int) -> tuple[Storyboard, str]:
        from engine.splitter import split

        return split(story, shots), ""


class Answer(BaseModel):
    """What the model must answer."""

    model_config = ConfigDict(extra="ignore")

    prompt: str = Field(default="", max_length=MAX_PROMPT)
    shots: list[str] = Field(max_length=MOST)


class Model:
    """A language model behind an OpenAI-compatible endpoint. Its answer is untrusted data."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._rules = settings, Rules()

    def split(self, story: str, shots: int) -> tuple[Storyboard, str]:
        """Ask, ask once more with what was wrong, keep what is good, and let the rules fill in the rest."""
        from engine.splitter import Storyboard

        by_rules, _ = self._rules.split(story, shots)
        told = [{"role": "system", "content": PROMPT.read_text()}]
        told.append({"role": "user", "content": f"Number of shots: {shots}\n\nStory:\n{story}"})
        try:
            text = self._ask(told)
            answer = salvage(text)
            if answer is None or len(answer.shots) != shots:
                wrong = "was no JSON of that form" if answer is None else f"had {len(answer.shots)} shots"
                repair = f"Your answer {wrong}. Answer again, with exactly {shots} shots."
                told += [{"role": "assistant", "content": text[:MAX_ANSWER]}, {"role": "user", "content": repair}]
                second = salvage(self._ask(told))
                answer = min(filter(None, (second, answer)), key=lambda a: abs(len(a.shots) - shots), default=None)
        except OSError as error:
            return by_rules, f"{error}; the shots were split by rules."
        if answer is None:
            return by_rules, "The language model's answer was not a shot list; the shots were split by rules."
        filled = (*answer.shots[:shots], *by_rules.shots[len(answer.shots) :])
        given = len(answer.shots)
        note = "" if given == shots else f"The model gave {given} shots; rules made it {shots}."
        return Storyboard(prompt=answer.prompt or by_rules.prompt, shots=filled), note

    def _ask(self, told: list[dict[str, str]]) -> str:
        import openai

        settings = self._settings
        key = settings.llm_api_key.get_secret_value() or "none"
        client = openai.OpenAI(base_url=settings.llm_base_url, api_key=key, timeout=PATIENCE, max_retries=1)
        try:
            reply = client.chat.completions.create(
                model=settings.llm_model, messages=told, response_format={"type": "json_object"}
            )
        except openai.AuthenticationError:
            raise OSError("The language model refused the key (REELBOARD_LLM_API_KEY)") from None
        except openai.RateLimitError:
            raise OSError("The language model is busy or its quota is used up") from None
        except openai.APITimeoutError:
            raise OSError(f"The language model did not answer within {PATIENCE:.0f} s") from None
        except openai.APIConnectionError:
            raise OSError(f"No language model answers at {settings.llm_base_url}") from None
        except openai.OpenAIError as error:
            raise OSError(f"The language model failed ({type(error).__name__})") from None
        return (reply.choices[0].message.content or "") if reply.choices else ""


def salvage(text: str) -> Answer | None:
    """What is usable of an answer: whole JSON, JSON in a fence or amid words, or the whole shots of a cut-off one."""
    text = text[:MAX_ANSWER]
    start, end = text.find("{"), text.rfind("}")
    for candidate in (text, text[start : end + 1]):
        try:
            return _clean(Answer.model_validate_json(candidate))
        except ValidationError:
            continue
    listed = re.search(r'"shots"\s*:\s*\[(.*)', text, flags=re.DOTALL)
    if listed is None:
        return None
    shots = [json.loads(found) for found in re.findall(STRING, listed[1])][:MOST]
    prompt = re.search(rf'"prompt"\s*:\s*({STRING})', text)
    said = json.loads(prompt[1])[:MAX_PROMPT] if prompt else ""
    return _clean(Answer(prompt=said, shots=shots)) if shots else None


def _clean(answer: Answer) -> Answer | None:
    shots = [shot.strip()[:MAX_PROMPT] for shot in answer.shots if shot.strip()]
    return answer.model_copy(update={"shots": shots}) if shots else None


def choose_splitter(settings: Settings) -> Splitter:
    return Model(settings) if settings.llm_base_url else Rules()
