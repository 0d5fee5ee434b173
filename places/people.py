"""Who may do what, and who did what: two groups, and one line of the trail for every deed."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import models

log_file = logging.getLogger(__name__)
CURATORS, OPERATORS = "Curators", "Operators"
LONGEST_REPR = 200

# Model: what may be done with its rows. Nobody deletes places: they are retired.
CURATOR_MAY = {
    "admin.logentry": "view",
    "places.alias": "view add change delete",
    "places.attraction": "view add change delete",
    "places.collection": "view add change",
    "places.collectrun": "view add change",
    "places.decision": "view add change",
    "places.denied": "view",
    "places.feedback": "view change",
    "places.modelversion": "view",
    "places.picture": "view add change delete",
    "places.place": "view add change",
    "places.report": "view change",
    "places.search": "view",
    "places.trainingrun": "view add change",
}
OPERATOR_MAY = CURATOR_MAY | {
    "auth.user": "view add change",  # of curators only: places.admin.people
    "places.collection": "view add change delete",
    "places.collectrun": "view add change delete",
    "places.denied": "view add delete",
    "places.modelversion": "view add change",
    "places.trainingrun": "view add change delete",
}


def make_groups(**_: Any) -> None:
    """Give both groups just these permissions; those of models that are not there yet come with their migration."""
    for name, may in ((CURATORS, CURATOR_MAY), (OPERATORS, OPERATOR_MAY)):
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.set(_permissions(may))


def _permissions(may: dict[str, str]) -> list[Permission]:
    wanted = {
        (app, f"{deed}_{model}")
        for app, model, deeds in ((*about.split("."), deeds) for about, deeds in may.items())
        for deed in deeds.split()
    }
    found = Permission.objects.select_related("content_type")
    return [each for each in found if (each.content_type.app_label, each.codename) in wanted]


def log(user: User | None, obj: models.Model | None, what: str) -> None:
    """Put one deed into the trail; a command's, which nobody is logged in for, goes to the log file instead."""
    if user is None:
        log_file.info("%s: %s", obj if obj is not None else "-", what)
        return
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(obj) if obj is not None else None,
        object_id=str(obj.pk) if obj is not None else None,
        object_repr=str(obj if obj is not None else "")[:LONGEST_REPR],
        action_flag=CHANGE,
        change_message=what,
    )
