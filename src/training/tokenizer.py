"""A checkpoint's tokenizer by itself: the tokens of a text, without weights, template, torch or ms-swift."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from src.errors import ConfigError


def open_tokenizer(checkpoint: Path | str) -> Callable[[str], int]:
    """A function from a text to its number of tokens; `checkpoint` is a local folder with a tokenizer.json.

    `ConfigError` when the folder has none.
    """
    file = Path(checkpoint) / "tokenizer.json"
    if not file.is_file():
        raise ConfigError.say(
            "not a checkpoint folder with a tokenizer.json",
            path="model",
            got=str(checkpoint),
            expected="a local folder, as released or as saved by a run",
            remedy="download the checkpoint, and name its folder",
        )
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return tokens
