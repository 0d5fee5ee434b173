"""What people may write to the operator."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from places.models import Report


class ReportForm(forms.Form):
    """A report about one picture: why, and what else there is to say."""

    reason = forms.ChoiceField(choices=Report.Reason.choices, error_messages={"required": _("Please choose a reason.")})
    words = forms.CharField(max_length=2000, required=False)
    email = forms.EmailField(
        required=False, error_messages={"invalid": _("This is not an e-mail address. It may stay empty.")}
    )
    # People do not see this field; programs that fill in everything do.
    website = forms.CharField(required=False)

    @property
    def from_a_program(self) -> bool:
        """Whether what only programs see was filled in."""
        return bool(self.data.get("website"))


class ContactForm(ReportForm):
    """A report about any address, or a question."""

    address = forms.CharField(max_length=2000, required=False)
    field_order = ["address", "reason", "words", "email"]

    def clean(self) -> dict[str, Any]:
        """Ask for something to go by."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned.get("address") and not cleaned.get("words"):
            self.add_error("address", _("Please give an address, or write what it is about."))
        return cleaned
