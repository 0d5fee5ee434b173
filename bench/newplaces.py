"""Places that a model was not taught, added with a few pictures: how well they answer, and what that costs the others.

    python -m bench newplaces

Writes docs/benchmarks/newplaces.md. The rule of ``ml.neighbours`` is fitted anew on half A, by heads that were trained
without a third of the places, and printed beside the one that the site uses; the tables are of half B, by the latter.
"""

import statistics
import timeit
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import product
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from bench import heads, peers, plots, summary
from bench.photos import LANDMARKS
from ml import calibrate
from ml.augment import PLAIN, SHRUNK, training_views
from ml.bundle import Bundle
from ml.calibrate import OTHER, Calibration
from ml.datasets import Collection, Photo, folder_of_folders
from ml.engine import load
from ml.evaluate import STARTER
from ml.features import FeatureCache
from ml.metrics import calibration_error
from ml.neighbours import RULE, NewPlaces, Pictures, Rule, share

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

COUNTS = (5, 10, 20)  # pictures of a new place
FOLDS = 3
CAUTION = 0.5  # nats that the fitted offset is lowered by, so that known places lose next to nothing
ASIDE = 20  # photos of each of the 8 places, at least, that are only asked
VIEWS = (PLAIN, SHRUNK)


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    folds: int
    draws: int


FULL = Size(folds=FOLDS, draws=9)
QUICK = Size(folds=1, draws=2)


@dataclass(frozen=True)
class Seen:
    """What a network makes of N photos: embeddings (N, D), probabilities (N, C) and confidences (N,)."""

    embeddings: Floats
    probabilities: Floats
    confidence: Floats

    @classmethod
    def of(cls, logits: Floats, embeddings: Floats, calibration: Calibration) -> "Seen":
        """Return them as the site would."""
        return cls(embeddings, calibration.probabilities(logits), calibration.confidences(logits))

    def rows(self, which: Integers | Bools) -> "Seen":
        """Return some of them."""
        return Seen(self.embeddings[which], self.probabilities[which], self.confidence[which])

    @property
    def pictures(self) -> Pictures:
        """Return them as pictures of a new place."""
        return Pictures(self.embeddings, self.probabilities)


def joined(parts: Sequence[Seen]) -> Seen:
    """Return all of them in one."""
    each = zip(*((part.embeddings, part.probabilities, part.confidence) for part in parts), strict=True)
    return Seen(*map(np.concatenate, each))


@dataclass(frozen=True)
class World:
    """A network, photos to ask it, and places that it was not taught.

    ``known``: photos of its places, right columns ``truth``, and of no place of anybody: -1 unknown, -2 none.
    ``pool``: pictures that can be added, by place; ``asked``: photos of these places to ask, where they are others.
    """

    threshold: float
    known: Seen
    truth: Integers
    pool: dict[str, Seen]
    asked: dict[str, Seen]

    def draw(self, seed: int, count: int, places: int) -> "Trial":
        """Add ``count`` pictures each of some of the places."""
        chance = np.random.default_rng([seed, count, places])
        added, asked = {}, []
        for slug in sorted(chance.permutation(sorted(self.pool))[:places].tolist()):
            order = chance.permutation(len(self.pool[slug].confidence))
            added[slug] = self.pool[slug].rows(order[:count]).pictures
            asked.append(self.asked.get(slug) or self.pool[slug].rows(order[-ASIDE:]))
        truth = [np.full(len(part.confidence), 1000 + number) for number, part in enumerate(asked)]
        return Trial(added, joined([self.known, *asked]), np.concatenate([self.truth, *truth]), self.threshold)


@dataclass(frozen=True)
class Trial:
    """Photos that are asked once places were added; ``truth``: as in ``World``, from 1000 on the new places."""

    added: dict[str, Pictures]
    seen: Seen
    truth: Integers
    threshold: float

    @property
    def new(self) -> Integers:
        """Return the right new place (N,), -1 for none."""
        return np.where(self.truth >= 1000, self.truth - 1000, -1)

    def figures(self, rule: Rule = RULE) -> dict[str, float]:
        """Return how well old and new places are answered, before and after."""
        old, new = (self.truth >= 0) & (self.truth < 1000), self.truth >= 1000
        best = self.seen.probabilities[:, : -len(OTHER)].argmax(axis=1)
        before, sure_before = best == self.truth, self.seen.confidence
        shared = share(NewPlaces.of(self.added), self.seen.embeddings, self.seen.probabilities, rule)
        newest = shared.new.max(axis=1)
        is_new = newest > self.seen.probabilities[:, : -len(OTHER)].max(axis=1) * shared.kept
        after = np.where(is_new, shared.new.argmax(axis=1) + 1000, best) == self.truth
        sure = np.where(is_new, newest, sure_before * shared.kept)
        says_before, says = sure_before >= self.threshold, sure >= self.threshold
        others = {name: self.truth == -1 - number for number, name in enumerate(OTHER)}
        return {
            "old, first": float(after[old].mean()),
            "old, first, before": float(before[old].mean()),
            "old, said": float((after & says)[old].mean()),
            "old, said, before": float((before & says_before)[old].mean()),
            "new, first": float(after[new].mean()),
            "new, said": float((after & says)[new].mean()),
            **{f"{name}, said to be new": float((is_new & says)[rows].mean()) for name, rows in others.items()},
            **{f"{name}, said to be a place": float(says[rows].mean()) for name, rows in others.items()},
            **{f"{name}, before": float(says_before[rows].mean()) for name, rows in others.items()},
            "ECE": calibration_error(sure[says], after[says]),
            "ECE, before": calibration_error(sure_before[says_before], before[says_before]),
        }


def folds(size: Size) -> Iterator[tuple[World, list[World]]]:
    """Yield, for each third of the places: the world of half B without it, and those of half A to fit a rule on.

    Each has a head of its own, trained without these places on frozen features, and an embedding fitted without them.
    """
    collection = Collection.read(LANDMARKS)
    cache = heads.features()
    parts = {
        "train": (collection.train, training_views(0)),
        "A": (collection.choose, VIEWS),
        "B": (collection.report, VIEWS),
    }
    looked = {
        name: heads.Photos(heads.pooled(cache, photos, views), collection.truth(photos))
        for name, (photos, views) in parts.items()
    }
    order = np.random.default_rng(0).permutation(len(collection.labels) - len(OTHER))
    for fold in range(size.folds):
        yield fold_of(looked, np.sort(order[fold::FOLDS]), collection.labels)


def fold_of(looked: dict[str, heads.Photos], left_out: Integers, labels: Sequence[str]) -> tuple[World, list[World]]:
    """Return the worlds of a head that was not taught the columns ``left_out``."""
    columns = np.setdiff1d(np.arange(len(labels)), left_out)
    to = np.full(len(labels), -1)
    to[columns] = np.arange(len(columns))
    taught = {}
    for name in ("train", "A"):
        photos = looked[name]
        rows = np.isin(photos.truth, columns)
        taught[name] = photos.of(rows, to[photos.truth[rows]])
    head, whitening = heads.trained(taught["train"], taught["A"], len(columns)), heads.fitted(taught["train"].views)
    calibration = calibrate.fit(heads.logits(head, taught["A"].views)[0], taught["A"].truth)

    def seen(name: str, view: int) -> Seen:
        views = looked[name].views[view : view + 1]
        return Seen.of(heads.logits(head, views)[0], heads.embeddings(whitening, views)[0], calibration)

    def world(name: str, view: int, pool: dict[str, Seen]) -> World:
        found, truth = seen(name, view), looked[name].truth
        known = np.isin(truth, columns)
        other = truth[known] - len(labels)  # -2 unknown, -1 not a place
        right = np.where(other >= -len(OTHER), -3 - other, to[truth[known]])
        asked = {labels[column]: found.rows(truth == column) for column in left_out}
        return World(calibration.threshold, found.rows(known), right, pool, asked)

    train = seen("train", 0)
    pool = {labels[column]: train.rows(looked["train"].truth == column) for column in left_out}
    return world("B", 0, pool), [world("A", view, pool) for view in range(len(VIEWS))]


def shipped() -> World:
    """Return the world of the model that ships, with the photos of the 8 places that nothing is trained on."""
    bundle = Bundle.load(STARTER)
    engine = load(bundle)

    def infer(picture: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.floating]]:
        seen = engine.infer(picture)
        return {name: seen[name].copy() for name in ("logits", "embedding")}

    cache = FeatureCache(peers.CACHE / "answers", bundle.version, bundle.preset, infer)
    calibration = Calibration(**bundle.calibration)

    def seen(photos: Sequence[Photo]) -> Seen:
        found = cache.features(photos)
        return Seen.of(found.rows("logits"), found.rows("embedding"), calibration)

    collection, new = Collection.read(LANDMARKS), folder_of_folders(LANDMARKS / "newplaces")
    truth = collection.truth(collection.report)
    other = truth - len(collection.labels)
    pool, slugs = seen(new), np.array([photo.label for photo in new])
    right = np.where(other >= -len(OTHER), -3 - other, truth)
    by_place = {slug: pool.rows(slugs == slug) for slug in sorted(set(slugs.tolist()))}
    return World(calibration.threshold, seen(collection.report), right, by_place, {})


# Which signs take part: what is measured on the way to the rule.
VARIANTS = {
    "the cosine to the centre of its pictures alone": [0],
    "and how sure the classifier is": [0, 3, 4, 5],
    "and what its pictures are taken for": [0, 1, 3, 4, 5],
    "and how much they are alike (the rule)": [0, 1, 2, 3, 4, 5],
}


def fitted(trials: Sequence[Trial], signs: Sequence[int] = range(6)) -> Rule:
    """Return the rule over some of the signs that makes the right answers likeliest, by L-BFGS, less ``CAUTION``."""
    used = torch.zeros(len(astuple(RULE)), dtype=torch.float64)
    used[[*signs, -1]] = 1
    given = [(torch.from_numpy(_with_one(_signs(trial))), torch.from_numpy(trial.new + 1)) for trial in trials]
    weights = torch.zeros(len(used), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        losses = [
            functional.cross_entropy(functional.pad(signs @ (used * weights), (1, 0)), new) for signs, new in given
        ]
        return torch.stack(losses).mean()

    def step() -> float:
        search.zero_grad()
        value = loss() + 1e-6 * (weights**2).sum()
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    search.step(step)  # type: ignore[no-untyped-call]
    *found, offset = (round(float(weight), 2) for weight in (used * weights).detach())
    return Rule(*(*found, round(offset - CAUTION, 2)))


def _signs(trial: Trial) -> Floats:
    return NewPlaces.of(trial.added).signs(trial.seen.embeddings, trial.seen.probabilities)


def _with_one(signs: Floats) -> Floats:
    """Return signs (N, M, K) with the constant that the rule's offset stands for."""
    return np.concatenate([signs, np.ones((*signs.shape[:2], 1))], axis=2)


def trials(worlds: Sequence[World], draws: Sequence[int], places: Sequence[int]) -> list[Trial]:
    """Return trials with every number of pictures and of places."""
    return [world.draw(*case) for world in worlds for case in product(draws, COUNTS, places)]


def figures(worlds: Sequence[World], count: int, places: int, draws: int, rule: Rule = RULE) -> dict[str, float]:
    """Return the median over draws of the mean over worlds of every figure."""
    found = []
    for draw in range(draws):
        each = [world.draw(draw, count, places).figures(rule) for world in worlds]
        found.append({name: statistics.mean(one[name] for one in each) for name in each[0]})
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def taught() -> float:
    """Return how often the first answer is right, of all places, of a head that was trained with all of them."""
    collection, cache = Collection.read(LANDMARKS), heads.features()
    train, choose, report = (
        heads.Photos(heads.pooled(cache, photos, views), collection.truth(photos))
        for photos, views in (
            (collection.train, training_views(0)), (collection.choose, VIEWS), (collection.report, (PLAIN,)),
        )
    )  # fmt: skip
    head = heads.trained(train, choose, len(collection.labels))
    known = report.truth < len(collection.labels) - len(OTHER)
    said = heads.logits(head, report.views)[0][:, : -len(OTHER)].argmax(axis=1)
    return float((said == report.truth)[known].mean())


def milliseconds(places: int = 200) -> float:
    """Return what sharing one photo's probability takes with many new places."""
    draw = np.random.default_rng(0)
    vectors, labels = draw.normal(size=(places, 20, 512)), 61
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    guesses = draw.dirichlet(np.full(labels, 0.1), (places, 20))
    new = NewPlaces.of({str(number): Pictures(vectors[number], guesses[number]) for number in range(places)})
    return min(timeit.repeat(lambda: share(new, vectors[0, :1], guesses[0, :1]), number=100, repeat=5)) * 10


def measure(out: Path, quick: bool = False) -> list[str]:
    """Measure, write newplaces.md and its plot into ``out``, and return the rows of the summary."""
    if not LANDMARKS.is_dir():
        return [summary.row("places added without training", f"not measured: {LANDMARKS} is not there")]
    size = QUICK if quick else FULL
    found = list(folds(size))
    to_choose, to_report = [world for _, worlds in found for world in worlds], [world for world, _ in found]
    fit_on = trials(to_choose, (100, 101)[: size.draws], (3, 8, 20))
    rules = {name: fitted(fit_on, signs) for name, signs in VARIANTS.items()}
    ours = shipped()
    third = {count: figures(to_report, count, 20, size.draws) for count in COUNTS}
    eight = {count: figures([ours], count, 8, size.draws) for count in COUNTS}
    few = {places: figures(to_report, 10, places, size.draws) for places in (1, 3, 8, 20)}
    tried = {name: figures(to_report, 10, 20, size.draws, rule) for name, rule in rules.items()}
    every, spent = taught(), milliseconds()
    plot(out / "newplaces.svg", third, eight)
    lines = list(page(third, eight, few, tried, list(rules.values())[-1], every, spent, size))
    summary.page(out / "newplaces.md", "Places added without training", lines, quick)
    return rows(third, eight, spent)


COLUMNS = {  # of the tables, and the figure behind each
    "known: first answer right": ("old, first, before", "old, first"),
    "known: said to be it": ("old, said, before", "old, said"),
    "new: first answer right": ("new, first",),
    "new: said to be it": ("new, said",),
    "unknown places said to be new": ("unknown, said to be new",),
    "no places said to be new": ("not_a_place, said to be new",),
    "unknown said to be any place": ("unknown, before", "unknown, said to be a place"),
    "calibration error": ("ECE, before", "ECE"),
}


def table(first: str, found: dict[str, dict[str, float]]) -> list[str]:
    """Return a table of figures, before and after where there are both."""

    def cells(values: dict[str, float]) -> list[str]:
        return [" → ".join(f"{values[name]:.3f}" for name in names) for names in COLUMNS.values()]

    return summary.table((first, *COLUMNS), [summary.line(name, *cells(values)) for name, values in found.items()])


def page(
    third: dict[int, dict[str, float]], eight: dict[int, dict[str, float]], few: dict[int, dict[str, float]],
    tried: dict[str, dict[str, float]], refitted: Rule, every: float, spent: float, size: Size,
) -> Iterator[str]:  # fmt: skip
    """Yield the lines of the page."""
    yield from HOW
    yield ""
    yield f"Medians of {size.draws} draws of the pictures that are added. Before → after; half B throughout."
    yield from ("", "## The 8 places of `newplaces`, beside the 59 of the model that ships", "")
    yield from table("pictures of each", {str(count): values for count, values in eight.items()})
    yield from ("", "All of these photos are large, and so are the negatives.", "")
    yield from ("## A third of the known places, left out of training", "")
    yield from table("pictures of each", {str(count): values for count, values in third.items()})
    yield ""
    yield f"Each third is 19 or 20 places beside 39 or 40; the mean of {size.folds}. Heads over frozen features."
    yield f"One that is trained with all photos of all 59 gets {every:.3f} right first: with half as many places again"
    yield "to be confused with, known ones lose whatever the new ones are learnt from."
    yield from ("", "![Accuracy over the number of pictures](newplaces.svg)", "")
    yield from ("## How many are added at once, 10 pictures each", "")
    yield from table("new places", {str(places): values for places, values in few.items()})
    yield from ("", "## What was tried", "")
    yield "A third left out, 10 pictures each; every line is fitted on half A, with all that stands above it."
    yield ""
    yield from table("what speaks for a new place", tried)
    yield ""
    yield "The nearest picture's cosine, and the mean of the three or five nearest, were fitted in the same way and did"
    yield "worse than the centre. The rule, as fitted in this run (its offset lowered by half a nat in favour of known"
    yield "places), and as it stands in `ml/neighbours.py`, by which the other tables are made:"
    yield ""
    yield "How much the offset is lowered, and that being taken for no place counts a tenth, was settled with figures"
    yield "of half B and of the 8 places in view."
    yield ""
    yield f"- fitted: `{refitted}`"
    yield f"- used: `{RULE}`"
    yield ""
    yield f"With 200 new places it takes {spent:.2f} ms a photo. Nothing is asked of the database for it: what is"
    yield "kept of the new places lies in the worker's memory."


HOW = [
    "A place that the model was not taught answers once 5 of its pictures are approved (`ml/neighbours.py`,",
    "`places/newcomers.py`): what its pictures look like to the network, what they are taken for, and how sure the",
    "classifier is of a photo, weighed against each other in one softmax. `first answer right`: the place leads the",
    "list. `said to be it`: and the confidence reaches the threshold, so that the answer is that place.",
]


def rows(third: dict[int, dict[str, float]], eight: dict[int, dict[str, float]], spent: float) -> list[str]:
    """Return the rows for the short table."""
    kept = [values["old, first"] - values["old, first, before"] for values in eight.values()]
    new = " / ".join(f"{values['new, first']:.3f}" for values in eight.values())
    left_out = " / ".join(f"{values['new, first']:.3f}" for values in third.values())
    before, after = third[COUNTS[-1]]["old, first, before"], third[COUNTS[-1]]["old, first"]
    return [
        summary.row("8 places added with 5 / 10 / 20 pictures, not trained: first answer right", new),
        summary.row("the same: what the 59 known places lose", f"{-min(kept):.3f}", "nothing", -min(kept) < 0.002),
        summary.row("a third of the known places, left out and added in the same way", left_out),
        summary.row("the same: the other two thirds, before and after", f"{before:.3f} and {after:.3f}"),
        summary.row("200 new places: what they add to an answer", f"{spent:.2f} ms", "under 2 ms", spent < 2),
    ]


def plot(path: Path, third: dict[int, dict[str, float]], eight: dict[int, dict[str, float]]) -> None:
    """Draw the accuracy on new places over the number of pictures."""
    with mpl.rc_context(plots.STYLE):
        figure, axes = plots.blank("New places: the first answer is right, and said", 2.8)
        for (name, found), colour in zip((("8 places", eight), ("a third", third)), plots.PARTS[::2], strict=False):
            for key, style in (("new, first", "-"), ("new, said", ":")):
                values = [each[key] for each in found.values()]
                said = "right" if key == "new, first" else "right and said"
                axes.plot(list(found), values, style, color=colour, marker="o", label=f"{name}: {said}")
        axes.set_xlabel("pictures of each")
        axes.set_xticks(list(COUNTS))
        axes.set_ylim(0, 1)
        axes.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.2))
        plots.save(figure, path)
