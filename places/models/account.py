"""Passwords that were handed out and have to be changed."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User
from django.db import models, transaction


class FirstPassword(models.Model):
    """Says that a user still has the password that was printed for them."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="first_password")
    password = models.CharField(max_length=128, help_text="the hash; once the user's differs, this row says nothing")

    def __str__(self) -> str:
        return str(self.user)

    @classmethod
    def hand_out(cls, user: User) -> str:
        """Give ``user`` a random password and return it, to be shown once."""
        password = secrets.token_urlsafe(12)
        user.set_password(password)
        with transaction.atomic():
            user.save()
            cls.objects.update_or_create(user=user, defaults={"password": user.password})
        return password

    @classmethod
    def unchanged(cls, user: User) -> bool:
        """Whether ``user`` has to choose a password of their own first."""
        return user.pk is not None and cls.objects.filter(user=user, password=user.password).exists()
