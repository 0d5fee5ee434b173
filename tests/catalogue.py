"""The sentences that people read, and the catalogues of their translations; no program of gettext has to be here.

python -m tests.catalogue        # brings locale/*/LC_MESSAGES/django.po up to date and compiles them
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).parent.parent
LOCALE = ROOT / "locale"
ASKED = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}
# Their first argument is a code, all others are sentences.
ERRORS = {"UserError", "PictureError"}
# Rooms that know nothing of languages: whatever reads like a sentence in them is told to people.
SENTENCES_OF = ("ml/header", "ml/picture.py", "crawler/errors.py", "crawler/sources/base.py", "places/doors.py")
SENTENCE = re.compile(r"[A-Z{].* .*[.:]")
Found = tuple[str, str | tuple[str, str]]  # the file, and the sentence or its singular and plural


def found() -> list[Found]:
    """Return every sentence that has to be translated."""
    return [*_in_templates(), *_in_code()]


def _in_templates() -> Iterator[Found]:
    keywords = {"gettext": None, "_": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        name = path.relative_to(ROOT).as_posix()
        # What is no tag becomes X's, whose indentation would puzzle Python.
        code = "\n".join(line.strip() for line in templatize(path.read_text(), origin=name).splitlines())
        for _, function, message, _ in extract_python(io.BytesIO(code.encode()), keywords, [], {}):
            plural = function == "ngettext"
            yield name, (message[0], message[1]) if plural else message if isinstance(message, str) else message[0]


def _in_code() -> Iterator[Found]:
    for room in ("places", "geosite", "crawler", "ml"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/migrations/" in name:
                continue
            tree = ast.parse(path.read_text())
            for sentence in _of_calls(tree):
                yield name, sentence
            if name.startswith(SENTENCES_OF):
                for text in _sentences(tree):
                    yield name, text


def _of_calls(tree: ast.Module) -> Iterator[str | tuple[str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        if ASKED.get(node.func.id) == 2:
            singular, plural, *_ = texts
            assert isinstance(singular, str) and isinstance(plural, str), ast.unparse(node)
            yield singular, plural
        elif node.func.id in ASKED and texts and isinstance(texts[0], str):
            yield texts[0]
        elif node.func.id in ERRORS:
            yield from (text for text in texts[1:] if isinstance(text, str))


def _sentences(tree: ast.Module) -> Iterator[str]:
    explained = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in explained else None
        if isinstance(text, str) and SENTENCE.fullmatch(text):
            yield text


def _has_docstring(node: ast.AST) -> bool:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, documented) and bool(node.body) and ast.get_docstring(node, clean=False) is not None


def template() -> Catalog:
    """Return the catalogue without translations, as the code has it now."""
    catalog = Catalog(project="Where is this?", charset="utf-8")
    for name, sentence in found():
        catalog.add(sentence, locations=[(name, 0)])
    return catalog


def catalogue(path: Path) -> Catalog:
    """Read a catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3], domain="django")


def compiled(catalog: Catalog) -> bytes:
    """Return a catalogue as gettext reads it."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def refresh(path: Path) -> int:
    """Bring a catalogue up to date, compile it, and return how many sentences have no translation yet."""
    catalog = catalogue(path)
    catalog.update(template(), no_fuzzy_matching=True, update_creation_date=False)
    with path.open("wb") as file:
        write_po(file, catalog, width=120, ignore_obsolete=True, include_lineno=False)
    path.with_suffix(".mo").write_bytes(compiled(catalogue(path)))
    return sum(not translations(message) for message in catalog if message.id)


def translations(message: Message) -> tuple[str, ...]:
    """Return a message's translations, one for each plural form; none when one of them is missing."""
    strings = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return strings if all(strings) else ()


def main() -> None:
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        print(f"{path.relative_to(ROOT)}: {refresh(path)} sentences without a translation")


if __name__ == "__main__":
    main()
