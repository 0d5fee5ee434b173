"""Trainings and versions in Chromium: followed while they go on, on a desktop and a phone, light and dark."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.axe import in_both_colours
from tests.site import ROOT, Site
from tests.test_browser import DESKTOP, PHONE, Page, browser, page

__all__ = ["browser", "page"]
pytestmark = pytest.mark.browser
BEGIN = """
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from places.models import ModelVersion, TrainingRun
client = Client()
user, new = User.objects.get_or_create(username='trainer', defaults={'is_staff': True})
user.groups.add(Group.objects.get(name='Operators'))
client.force_login(user)
told = {'step': 'training', 'phase': 'tail', 'epoch': 3, 'epochs': 10, 'done': 5, 'total': 20, 'rate': 2.5,
        'left_s': 300, 'unit': 'batch', 'figures': {'loss': 0.5, 'val_accuracy': 0.912}}
counts = {'pictures': 120, 'places': 3, 'unknown': 0, 'not_a_place': 9, 'train': 100, 'choose': 10, 'report': 10,
          'visitors': {'train': 4, 'choose': 0, 'report': 1}, 'left_out': ['Far Wall', 'Old Gate']}
run = TrainingRun.objects.create(state='running', started_at=timezone.now(), progress=told, counts=counts, by=user,
                                 heartbeat=timezone.now() + timezone.timedelta(hours=1))
print(run.pk, ModelVersion.objects.get(kind='places', serving=True).pk, client.cookies['sessionid'].value)
"""
END = """
from places.models import TrainingRun
row = {'photos': 40, 'old': 30, 'new': 33}
cost = {'megabytes': 60.5, 'prepare_ms': 3.0, 'compute_ms': 20.1, 'engine': 'OpenVINO f32, 2 threads'}
TrainingRun.objects.filter(pk=%s).update(state='done', progress={}, outcome={
    'compared': True, 'old_name': 'places 2026.11.20-aaaaaaaa',
    'rows': {name: row for name in ('all', 'both', 'places', 'others', 'visitors', 'rest')},
    'classes': [{'name': 'petra', 'known': True, 'photos': 4, 'old': 4, 'new': 3},
                {'name': 'stonehenge', 'known': True, 'photos': 4, 'old': 1, 'new': 4}],
    'confusions': [{'truth': 'petra', 'said': 'unknown', 'old': 0, 'new': 1}], 'cost': {'old': cost, 'new': cost}})
"""


def shell(site: Site, code: str) -> str:
    """Run code that belongs to the site."""
    command = [sys.executable, "-W", "ignore", "manage.py", "shell", "-v", "0", "-c", code]
    environment = {**os.environ, "VAR_DIR": str(site.var_dir)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def begun(site: Site) -> list[str]:
    """A training that goes on: its number, the serving version's, and an operator's session."""
    return shell(site, BEGIN.replace("timezone.timedelta", "__import__('datetime').timedelta")).split()


@pytest.fixture
def operator(page: Page, begun: list[str]) -> Iterator[Page]:
    """An operator's browser."""
    page.browser.add_cookie({"name": "sessionid", "value": begun[2]})
    yield page
    page.size(*DESKTOP)


def test_the_pages_fit_a_phone_and_axe_finds_nothing(operator: Page, begun: list[str]) -> None:
    run, version, _ = begun
    for path in (
        f"/admin/places/trainingrun/{run}/change/",
        "/admin/places/trainingrun/train/",
        f"/admin/places/modelversion/{version}/change/",
    ):
        for size in (DESKTOP, PHONE):
            operator.size(*size)
            operator.open(path)
            operator.one(".training #content")
            assert operator.wide() <= 0, (path, size)
        assert not in_both_colours(operator.browser), path


def test_a_training_is_followed_to_its_end_without_a_press(operator: Page, site: Site, begun: list[str]) -> None:
    operator.open(f"/admin/places/trainingrun/{begun[0]}/change/")
    assert "fine-tuning" in operator.one("#live [role=status]").text
    shell(site, END % begun[0])
    operator.until("!document.querySelector('#live[data-open]') && document.querySelector('.wide table')")
    assert "Done." in operator.one("#live [role=status]").text
    assert operator.complaints() == []
    operator.size(*PHONE)
    assert operator.wide() <= 0
    assert not in_both_colours(operator.browser)
