"""What is known of the pocket model without loading it: its measures, its words, and what in a text it cannot know."""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import Path

from safetensors import SafetensorError
from tokenizers import Encoding, Tokenizer

UNKNOWN = "<unk>"
DAMAGE = (OSError, ValueError, KeyError, RuntimeError, SafetensorError)  # what loading a damaged part raises
HARMLESS = frozenset(
    "then at last and or but so as along over under through from into onto to of for by she he it her his him its "
    "they their them this that these those there here now very too just still again up down out off back away near "
    "next who which when where while because after before until once suddenly finally slowly quickly be was were been "
    "am are do does did has had have will would can could one some any all both each every other another i you we us "
    "our my your me not no yes if than more most much many".split()
)  # words that change nothing in a picture
UNLIKE = frozenset({"glass"})  # what looks like a form of something else: nobody wears a glass
IRREGULAR = {
    form: told
    for told, forms in {
        "falls": ("fell", "fallen"),
        "goes": ("go", "going", "went", "gone"),
        "holds": ("held",),
        "leaps": ("leapt",),
        "runs": ("ran",),
        "says": ("said",),
        "sits": ("sat",),
        "spends": ("spent",),
        "spins": ("spun",),
        "stands": ("stood",),
        "takes": ("took", "taken"),
    }.items()
    for form in forms
}  # "ran" is read as "runs"


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a folder of weights; ValueError when it is missing or broken."""
    try:
        return Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
    except Exception as error:  # tokenizers raises bare Exception for every fault
        raise ValueError(broken(folder, "tokenizer")) from error


def token_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """What the model reads of a text: captions have one form of a verb, so "spin" is read as "spins"."""
    encoding = tokenizer.encode(text)
    forms = _forms(tokenizer, text, encoding)
    return [tokenizer.token_to_id(forms.get(k) or token) for k, token in enumerate(encoding.tokens)]


def unknown_words(tokenizer: Tokenizer, text: str) -> tuple[str, ...]:
    """Words without a meaning to the model, as they were written, each once."""
    encoding = tokenizer.encode(text)
    forms = _forms(tokenizer, text, encoding)
    found = [text[slice(*encoding.offsets[k])] for k, form in forms.items() if form is None]
    return tuple(dict.fromkeys(word for word in found if word.lower() not in HARMLESS))


def _forms(tokenizer: Tokenizer, text: str, encoding: Encoding) -> dict[int, str | None]:
    """For each place with an unknown word the form of it that the model knows, None where there is none."""
    known = set(tokenizer.get_vocab()) - HARMLESS
    places = [k for k, token in enumerate(encoding.tokens) if token == UNKNOWN]
    return {k: _form(text[slice(*encoding.offsets[k])].lower(), known) for k in places}


def _form(word: str, known: Set[str]) -> str | None:
    wanted = [IRREGULAR.get(word, ""), *(form for verb in _verbs(word) for form in _told(verb))]
    return next((form for form in wanted if form in known and word not in UNLIKE), None)


def _verbs(word: str) -> list[str]:
    """What a word may be a form of: itself; wav and wave of waved, hopp and hop of hopping."""
    if not (ending := re.search("(ing|ed)$", word)):
        return [word]
    stem = word[: ending.start()]
    return [stem, f"{stem}e", *([stem[:-1]] if stem[-2:-1] == stem[-1:] else [])]


def _told(verb: str) -> list[str]:
    """How captions may have it: spins, dashes, hurries; nothing of a word that is too short to tell."""
    if len(verb) < 3:
        return []
    return [f"{verb}s", f"{verb}es", *([f"{verb[:-1]}ies"] if verb.endswith("y") else [])]


def broken(folder: Path, part: str, shipped: str = "assets/pocket") -> str:
    """The sentence for a damaged part, and where this repository has a whole one."""
    return f"{folder / part} is missing or damaged; restore the folder (git checkout -- {shipped}) and start again"
