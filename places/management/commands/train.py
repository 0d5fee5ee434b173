"""``train``: a model from what the curators approved."""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from errors import UserError
from places import training
from places.management.commands.collect import stopping
from places.models import Collection, TrainingRun

EXAMPLES = """
examples:
  manage.py train                                 all current places
  manage.py train --collection seoul --leave-out  a collection, without places that have too few pictures
  manage.py train --agreed                        on what nobody decided too, where model and collector agree
  manage.py train --quick                         a head on frozen layers only: minutes rather than an hour
  manage.py train --go-on 7                       training number 7, which failed or was cancelled

It runs here, not in the train worker, and shows in the admin too. Stop with Ctrl-C: what was computed is kept, and
--go-on goes on from there. The new version serves after `manage.py promote VERSION`.
"""


class Command(BaseCommand):
    """Train."""

    help = "Train a model on the pictures that were approved, and register it as a version that does not serve yet."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the examples as they stand."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to train on, and how."""
        parser.add_argument("--collection", metavar="SLUG", help="the places of a collection (default: all)")
        parser.add_argument("--leave-out", action="store_true", help="do without places that have too few pictures")
        parser.add_argument(
            "--agreed", action="store_true", help="also train on undecided pictures that the model agrees with"
        )
        parser.add_argument("--quick", action="store_true", help="no fine-tuning and no 8-bit model")
        parser.add_argument("--go-on", type=int, metavar="NUMBER", help="continue a training that ended early")

    def handle(self, *args: Any, **options: Any) -> None:
        """Train, showing how it goes, and say what became of it."""
        try:
            with stopping() as should_stop, Bar() as bar:
                run = self._run(options)

                def watch(now: TrainingRun) -> None:
                    bar.show(now)
                    if should_stop() and not now.cancel_wanted:
                        training.cancel(now, None)

                ended = training.run(run.pk, watch)
        except UserError as error:
            raise CommandError(error.message) from error
        if ended is None:
            raise CommandError(f"Training {run.pk} is being run by somebody else.")
        self._tell(ended)

    def _run(self, options: dict[str, Any]) -> TrainingRun:
        if options["go_on"] is not None:
            run = TrainingRun.objects.filter(pk=options["go_on"]).first()
            if run is None or run.state not in (TrainingRun.State.FAILED, TrainingRun.State.CANCELLED):
                raise CommandError(f"There is no training {options['go_on']} that failed or was cancelled.")
            training.go_on(run, None, here=True)
            return run
        return training.start(
            collection_of(options["collection"]),
            None,
            leave_out=options["leave_out"],
            agreed=options["agreed"],
            quick=options["quick"],
            here=True,
        )

    def _tell(self, run: TrainingRun) -> None:
        if run.state == TrainingRun.State.CANCELLED:
            raise CommandError(f"Stopped. `manage.py train --go-on {run.pk}` goes on from here.", returncode=130)
        if run.state != TrainingRun.State.DONE or run.model_version is None:
            raise CommandError(run.error_told)
        rows = run.outcome["rows"]
        for name in ("all", "both", "visitors"):
            if photos := rows[name]["photos"]:
                before = f", before {rows[name]['old'] / photos:.1%}" if run.outcome["compared"] else ""
                self.stdout.write(f"{name:<9} {rows[name]['new'] / photos:.1%} of {photos} held-out photos{before}")
        self.stdout.write(f"Version {run.model_version.version} is ready. `manage.py promote` has it serve.")


def collection_of(slug: str | None) -> Collection | None:
    """Return the collection of that name, None for no name; raises CommandError."""
    if slug is None:
        return None
    found = Collection.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Collection.objects.values_list("slug", flat=True))
        raise CommandError(f"There is no collection {slug}. There are: {known}")
    return found


class Bar:
    """One line on stderr: what is being done, how far, the figures."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] = tqdm(file=sys.stderr, unit="", mininterval=0.5, leave=False)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def show(self, run: TrainingRun) -> None:
        """Draw where the run stands."""
        told = run.progress
        epoch = f" {told['epoch']}/{told['epochs']}" if "epoch" in told else ""
        name = f"{told['step']}: {told.get('phase', 'starting')}{epoch}"
        if name != self._bar.desc.removesuffix(": "):
            self._bar.reset(told.get("total"))
            self._bar.set_description(name, refresh=False)
        self._bar.total, self._bar.n = told.get("total"), told.get("done", 0)
        figures = {key: f"{value:.3f}" for key, value in told.get("figures", {}).items()}
        self._bar.set_postfix(figures, refresh=False)
        self._bar.refresh()
