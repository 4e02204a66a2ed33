"""Story to shot list: by rules, or by an OpenAI-compatible model with the rules to fall back on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine import MAX_PROMPT

if TYPE_CHECKING:
    from engine.splitter import Storyboard
    from studio.settings import Settings

PROMPT = Path(__file__).parents[1] / "prompts" / "split.md"
PATIENCE = 60.0  # seconds for a model's answer


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


class _Answer(BaseModel):
    """What the model must answer; anything else is refused."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(max_length=MAX_PROMPT)
    shots: list[str]


class Model:
    """A language model behind an OpenAI-compatible endpoint. Its answer is untrusted data."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._rules = settings, Rules()

    def split(self, story: str, shots: int) -> tuple[Storyboard, str]:
        from engine.splitter import Storyboard

        by_rules, _ = self._rules.split(story, shots)
        try:
            answer = _Answer.model_validate_json(self._ask(story, shots))
        except ValidationError:
            return by_rules, "The language model's answer was not a shot list; the shots were split by rules."
        except OSError as error:
            return by_rules, f"The language model could not be reached ({error}); the shots were split by rules."
        kept = [shot.strip()[:MAX_PROMPT] for shot in answer.shots if shot.strip()][:shots]
        filled = (*kept, *by_rules.shots[len(kept) :])
        note = (
            "" if len(answer.shots) == shots else f"The model gave {len(answer.shots)} shots; rules made it {shots}."
        )
        return Storyboard(prompt=answer.prompt, shots=filled), note

    def _ask(self, story: str, shots: int) -> str:
        import openai

        settings = self._settings
        key = settings.llm_api_key.get_secret_value() or "none"
        client = openai.OpenAI(base_url=settings.llm_base_url, api_key=key, timeout=PATIENCE, max_retries=1)
        asked = f"Number of shots: {shots}\n\nStory:\n{story}"
        try:
            reply = client.chat.completions.create(
                model=settings.llm_model,
                messages=[{"role": "system", "content": PROMPT.read_text()}, {"role": "user", "content": asked}],
                response_format={"type": "json_object"},
            )
        except openai.OpenAIError as error:
            raise OSError(type(error).__name__) from None
        return (reply.choices[0].message.content or "") if reply.choices else ""


def choose_splitter(settings: Settings) -> Splitter:
    return Model(settings) if settings.llm_base_url else Rules()
