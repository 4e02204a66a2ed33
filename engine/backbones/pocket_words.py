"""The words of the pocket model: its tokenizer, and what in a text it cannot know. Loads no model."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

UNKNOWN = "<unk>"
HARMLESS = frozenset(
    "then at last and or but so as along over under through from into onto to of for by she he it her his him its "
    "they their them this that these those there here now very too just still again up down out off back away near "
    "next who which when where while because after before until once suddenly finally slowly quickly be was were been "
    "am are do does did has had have will would can could one some any all both each every other another i you we us "
    "our my your me not no yes if than more most much many".split()
)  # words that change nothing in a picture
WINDOW = 2_560  # tokens: nine shots of 17 frames with their prompts


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a folder of weights; ValueError when it is missing or broken."""
    try:
        return Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
    except Exception as error:  # tokenizers raises bare Exception for every fault
        raise ValueError(broken(folder, "tokenizer")) from error


def unknown_words(tokenizer: Tokenizer, text: str) -> tuple[str, ...]:
    """Words without a meaning to the model, as they were written, each once."""
    encoding = tokenizer.encode(text)
    found = [text[a:b] for token, (a, b) in zip(encoding.tokens, encoding.offsets, strict=True) if token == UNKNOWN]
    return tuple(dict.fromkeys(word for word in found if word.lower() not in HARMLESS))


def broken(folder: Path, part: str) -> str:
    """The sentence for a damaged part."""
    return f"{folder / part} is missing or damaged; restore the folder (git checkout -- assets/pocket) and start again"
