"""Language models that write text piece by piece: behind an OpenAI-compatible endpoint, or on this machine."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from engine import CancelToken
from studio.answers import MAX_ANSWER

if TYPE_CHECKING:
    import openai

    from studio.settings import Settings

PATIENCE, LONGEST = 120.0, 600.0  # seconds of silence; of a whole answer
LONGEST_WAIT = 10.0  # seconds that a busy endpoint may ask for
TICK = 0.05  # seconds between looks at the cancel token
MAX_TOKENS = 4_096  # of an answer
IDENTITY = ("OpenAI-Organization", "OpenAI-Project")  # headers that the library fills from the environment
Messages = list[dict[str, str]]


class UnavailableError(OSError):
    """Why a language model gives no more, in a creator's words."""


class Writer(Protocol):
    """Text for messages, piece by piece, or UnavailableError."""

    def write(self, messages: Messages, schema: dict[str, Any], stop: threading.Event) -> Iterator[str]:
        """schema: of the JSON object that the text shall be; a hint. stop: set when nobody reads on."""
        ...


class Endpoint:
    """A model behind an OpenAI-compatible endpoint: OpenAI, Ollama, vLLM, llama.cpp..."""

    def __init__(self, settings: Settings) -> None:
        try:
            address = urlsplit(settings.llm_base_url)
        except ValueError:  # of its brackets
            address = urlsplit("")
        if "@" in address.netloc:
            raise ValueError(
                "the endpoint (REELBOARD_LLM_BASE_URL) holds a password; give the key in REELBOARD_LLM_API_KEY instead"
            )
        if address.scheme not in ("http", "https") or not address.netloc:
            raise ValueError(
                "the endpoint (REELBOARD_LLM_BASE_URL) is no address; it looks like http://127.0.0.1:11434/v1"
            )
        self._settings = settings
        self._address = f"{address.scheme}://{address.netloc}{address.path}"

    def write(self, messages: Messages, schema: dict[str, Any], stop: threading.Event) -> Iterator[str]:
        started = False
        try:
            with self._client() as client:
                for piece in _pieces(self._open(client, messages, schema, stop)):
                    started = True
                    yield piece
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - by version, the library wraps what its transport raises, or not
            raise UnavailableError(self._in_words(error, started=started)) from None

    def _in_words(self, error: Exception, *, started: bool) -> str:
        """What went wrong. What the endpoint itself said of it is never repeated: it may hold the key."""
        import openai

        silent, broke = f"No language model answers at {self._address}", f"The model at {self._address} broke off"
        wait = _wait(error) if isinstance(error, openai.APIStatusError) else 0
        words = {
            openai.AuthenticationError: "The language model refused the key (REELBOARD_LLM_API_KEY)",
            openai.PermissionDeniedError: "The language model is not open to this key (REELBOARD_LLM_API_KEY)",
            openai.NotFoundError: f"There is no model {self._settings.llm_model!r} at {self._address}"
            " (REELBOARD_LLM_MODEL; the address of an endpoint often ends in /v1)",
            openai.RateLimitError: "The language model is busy or its quota is used up"
            + (f"; it asks to wait {wait:.0f} s" if wait > LONGEST_WAIT else ""),
            openai.APITimeoutError: f"The language model did not answer within {PATIENCE:.0f} s",
            openai.APIConnectionError: broke if started else silent,
        }
        kind = next((kind for kind in words if isinstance(error, kind)), None)
        return words[kind] if kind else f"The language model failed ({type(error).__name__})"

    def _client(self) -> openai.OpenAI:
        import openai

        key, told = self._settings.llm_api_key.get_secret_value(), {"timeout": PATIENCE, "max_retries": 0}
        if not key:  # then what OPENAI_... variables hold is meant for somebody else
            lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
            named = (*IDENTITY, *(line.partition(":")[0].strip() for line in lines))
            told["default_headers"] = {name: openai.Omit() for name in named if name}
        return openai.OpenAI(base_url=self._settings.llm_base_url, api_key=key or "none", **told)

    def _open(self, client: openai.OpenAI, messages: Messages, schema: dict[str, Any], stop: threading.Event) -> Any:  # noqa: ANN401 - a raw response, whose class has no public name
        """The endpoint's response; asked again twice at most, when it is busy or knows no schemas."""
        import openai

        named = {"type": "json_schema", "json_schema": {"name": "storyboard", "strict": True, "schema": schema}}
        wanted: dict[str, Any] = {"response_format": named}
        for again in (True, True, False):
            try:
                return client.chat.completions.with_raw_response.create(
                    model=self._settings.llm_model, messages=messages, stream=True, **wanted
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError):
                if not wanted:
                    raise
                wanted = {}
            except (openai.RateLimitError, openai.InternalServerError) as error:
                if not again or _wait(error) > LONGEST_WAIT or stop.wait(_wait(error)):
                    raise
        raise UnavailableError("The language model is busy")


class Local:
    """A transformers model in a folder of this machine, or in its cache; nothing is ever downloaded."""

    def __init__(self, settings: Settings) -> None:
        self._name = settings.llm_local
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    def write(self, messages: Messages, schema: dict[str, Any], stop: threading.Event) -> Iterator[str]:  # noqa: ARG002
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

        class Stop(StoppingCriteria):
            def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:  # noqa: ARG002
                return torch.full((len(input_ids),), stop.is_set(), device=input_ids.device)

        tokenizer, model = self._load()
        tokens = _tokens(tokenizer, messages).to(model.device)
        room = tokenizer.model_max_length - tokens.shape[1]
        if room < 1:
            raise UnavailableError(f"The story is too long for the language model {self._name}")
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        settings = {
            "attention_mask": torch.ones_like(tokens),
            "max_new_tokens": min(room, MAX_TOKENS),
            "do_sample": False,
            "stopping_criteria": StoppingCriteriaList([Stop()]),
            "streamer": streamer,
        }
        failed: list[Exception] = []

        def run() -> None:
            try:
                model.generate(tokens, **settings)
            except Exception as error:  # noqa: BLE001 - whatever a stranger's model raises is said, by its name
                failed.append(error)
                streamer.end()

        with self._lock:
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            yield from streamer
            thread.join()
        if failed:
            raise UnavailableError(f"The language model {self._name} failed ({type(failed[0]).__name__})")

    def _load(self) -> tuple[Any, Any]:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        with self._lock:
            if self._loaded is None:
                try:
                    tokenizer = AutoTokenizer.from_pretrained(self._name, local_files_only=True)
                    model = AutoModelForCausalLM.from_pretrained(self._name, local_files_only=True, dtype="auto")
                except Exception as error:  # noqa: BLE001 - as above: a damaged file raises what its reader likes
                    missing = "there is no such model on this machine"
                    reason = missing if isinstance(error, OSError) else f"it can't be read ({type(error).__name__})"
                    raise UnavailableError(f"REELBOARD_LLM_LOCAL is {self._name!r}, but {reason}") from None
                self._loaded = tokenizer, model.eval()
            return self._loaded


def watched(
    write: Callable[[threading.Event], Iterator[str]],
    cancel: CancelToken,
    *,
    patience: float = PATIENCE,
    longest: float = LONGEST,
) -> Iterator[str]:
    """The pieces as they come, written in a thread of their own: a silent model holds nobody up.

    Raises Cancelled at once when ``cancel`` is set, UnavailableError after ``patience`` seconds of silence or
    ``longest`` in all; the writer is told to stop.
    """
    box: queue.Queue[str | Exception | None] = queue.Queue()
    stop = threading.Event()

    def run() -> None:
        try:
            for piece in write(stop):
                box.put(piece)
                if stop.is_set():
                    return
            box.put(None)
        except Exception as error:  # noqa: BLE001 - it is raised again where the pieces are read
            box.put(error)

    threading.Thread(target=run, daemon=True, name="splitter").start()
    try:
        until = time.monotonic() + longest
        while (piece := _next(box, cancel, patience)) is not None:
            if isinstance(piece, Exception):
                raise piece
            if time.monotonic() > until:
                raise UnavailableError(f"The language model did not finish within {longest:g} s")
            yield piece
    finally:
        stop.set()


def _next(box: queue.Queue[str | Exception | None], cancel: CancelToken, patience: float) -> str | Exception | None:
    """What comes next out of the box, waited for in small steps."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        cancel.check()
        try:
            return box.get(timeout=TICK)
        except queue.Empty:
            continue
    raise UnavailableError(f"The language model was silent for {patience:g} s")


def _pieces(raw: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    """The text of a response, streamed or (where an endpoint knows no streams) whole."""
    if "event-stream" not in raw.headers.get("content-type", ""):
        import json

        choice = json.loads(raw.http_response.read()[: 4 * MAX_ANSWER])["choices"][0]
        _not_refused(choice.get("finish_reason"), choice["message"].get("refusal"))
        yield choice["message"].get("content") or ""
        return
    stream = raw.parse()
    try:
        for chunk in stream:
            for choice in chunk.choices[:1]:
                _not_refused(choice.finish_reason, getattr(choice.delta, "refusal", None))
                yield choice.delta.content or ""
    finally:
        stream.close()


def _not_refused(finish: str | None, refusal: str | None) -> None:
    if refusal or finish == "content_filter":
        raise UnavailableError("The language model declined to split this story")


def _wait(error: openai.APIStatusError) -> float:
    """Seconds to wait before asking again, as the endpoint says."""
    try:
        return max(0.0, float(error.response.headers.get("retry-after", 0.5)))
    except ValueError:
        return LONGEST_WAIT + 1  # a date: not soon


def _tokens(tokenizer: Any, messages: Messages) -> Any:  # noqa: ANN401 - transformers' own classes
    """The messages in the form that the model was taught, or one after the other."""
    if tokenizer.chat_template:
        return tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )["input_ids"]
    text = "\n\n".join(message["content"] for message in messages)
    return tokenizer(f"{text}\n\nJSON:\n", return_tensors="pt")["input_ids"]
