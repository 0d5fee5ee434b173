"""The one error that a person can cause; every room's own errors descend from it."""

from __future__ import annotations

from collections.abc import Callable


def in_english(sentence: str) -> str:
    """Return a sentence as it was written."""
    return sentence


class UserError(Exception):
    """Something a person asked for that cannot be done.

    ``code`` is for programs and stays the same; ``message`` is for the person, in their language:
    what was seen, then what to do. ``sentences`` are English and may hold ``{names}`` of ``values``.
    """

    # The site sets this to whatever knows the reader's language.
    translate: Callable[[str], str] = staticmethod(in_english)

    def __init__(self, code: str, *sentences: str, **values: object) -> None:
        self.code = code
        self.sentences = sentences
        self.values = values
        super().__init__(_joined(sentences, values, in_english))

    @property
    def message(self) -> str:
        """The sentences in the language of who reads them now."""
        return _joined(self.sentences, self.values, UserError.translate)


def _joined(sentences: tuple[str, ...], values: dict[str, object], translate: Callable[[str], str]) -> str:
    told = map(translate, sentences)
    return " ".join(sentence.format(**values) if values else sentence for sentence in told)
