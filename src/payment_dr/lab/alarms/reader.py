"""Words of a text one after another, for what reads and computes in one pass."""

import re
from collections.abc import Container

from payment_dr.lab.errors import LabError


class Reader:
    """What is left of a text.

    Args:
        text: all of it.
        word: matches a word, after space; its groups hold each kind of word.
        refusal: what is said of a text that cannot be read, before the word in question.

    Raises:
        LabError: something in the text is no word.
    """

    def __init__(self, text: str, word: re.Pattern[str], refusal: str) -> None:
        self._refusal = refusal
        self._words = _words(text, word, refusal)

    def at(self, words: Container[str]) -> bool:
        """Whether the next word is one of these."""
        return bool(self._words) and self._words[0] in words

    def take(self) -> str:
        """The next word."""
        return self._words.pop(0) if self._words else "its end"

    def expect(self, wanted: str) -> None:
        """Take that word.

        Raises:
            LabError: another one comes.
        """
        found = self.take()
        if found != wanted:
            raise self.refused(found)

    def expect_end(self) -> None:
        """Nothing is left.

        Raises:
            LabError: something is.
        """
        if self._words:
            raise self.refused(self._words[0])

    def refused(self, word: str) -> LabError:
        """The error that names a word."""
        return LabError(f"{self._refusal}: at {word}")


def _words(text: str, word: re.Pattern[str], refusal: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        matched = word.match(text, at)
        if matched is None:
            raise LabError(f"{refusal}: at {text[at:].strip()}")
        found.append(next(part for part in matched.groups() if part))
        at = matched.end()
    return found
