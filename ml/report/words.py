"""How figures and labels are written."""

LOWER = frozenset(
    {"a", "and", "at", "d", "da", "de", "del", "der", "des", "di", "du", "in", "la", "of", "on", "the", "to"}
)


def titled(label: str) -> str:
    """Return a label as a name: "arc-de-triomphe" as "Arc de Triomphe"."""
    words = label.replace("-", " ").replace("_", " ").split()
    small = [word if i and word in LOWER else word[:1].upper() + word[1:] for i, word in enumerate(words)]
    return {"not_a_place": "Not a place", "unknown": "Unknown place"}.get(label, " ".join(small))


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share in percent, a dash where there is none."""
    return "–" if value is None else f"{value * 100:.{digits}f}%"


def decimal(value: float | None, digits: int = 3) -> str:
    """Return a number, a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def tail(path: str) -> str:
    """Return the last two parts of a path: enough to find the photo."""
    return "/".join(path.split("/")[-2:])
