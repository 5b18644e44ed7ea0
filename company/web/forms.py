"""What the settings pages accept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import time
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from company import rules
from company.models import Agent
from company.models.shops import Weekday
from company.services.logos import MAX_BYTES
from ecrm.kernel.errors import DomainError

COLUMNS = {"class": "ec-options"}
SHOP_LANGUAGES = ("fr", "en", "de", "it", "es", "nl", "pt", "pl", "sv", "da", "cs", "fi")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")  # noqa: RUF001 - people type both


def refuse(form: forms.Form, error: DomainError) -> None:
    """Show a refusal at the fields it names, or at the top of the form."""
    for name, text in error.fields.items():
        form.add_error(name if name in form.fields else None, text)
    if not error.fields:
        form.add_error(None, error.message)


def _reader() -> Locale:
    try:
        return Locale.parse((get_language() or "en").replace("-", "_"))
    except UnknownLocaleError:
        return Locale("en")


def _named(codes: Iterable[str], names: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(
        ((code, names.get(code, code).capitalize()) for code in codes), key=lambda pair: pair[1]
    )


def _languages() -> list[tuple[str, str]]:
    names = _reader().languages
    return [(code, names.get(code, code).capitalize()) for code in SHOP_LANGUAGES]


def _markets() -> list[tuple[str, str]]:
    territories = _reader().territories
    codes = [code for code in map(str, territories) if re.fullmatch("[A-Z]{2}", code)]
    return _named(codes, territories)


@lru_cache(maxsize=1)
def _currency_codes() -> frozenset[str]:
    """What is legal tender somewhere today."""
    return frozenset(
        code
        for uses in get_global("territory_currencies").values()
        for code, _start, end, is_tender in uses
        if end is None and is_tender
    )


def _currencies() -> list[tuple[str, str]]:
    names = _reader().currencies
    return [(code, f"{code} · {names.get(code, code)}") for code in sorted(_currency_codes())]


def _time_zones() -> list[tuple[str, str]]:
    zones = [zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")]
    return [(zone, zone.replace("_", " ")) for zone in sorted(zones)]


class ShopForm(forms.Form):
    """A shop's properties."""

    slug = forms.CharField(
        label=_("Short name"),
        max_length=40,
        help_text=_("Part of addresses, such as maison-fr. It can't be changed later."),
    )
    name = forms.CharField(label=_("Name"), max_length=80)
    brand = forms.CharField(label=_("Brand"), max_length=80)
    market = forms.ChoiceField(label=_("Market"), choices=_markets)
    languages = forms.MultipleChoiceField(
        label=_("Languages"), choices=_languages, widget=forms.CheckboxSelectMultiple(COLUMNS)
    )
    default_language = forms.ChoiceField(label=_("Main language"), choices=_languages)
    currency = forms.ChoiceField(label=_("Currency"), choices=_currencies, initial="EUR")
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=_time_zones, initial="Europe/Paris")
    sender_name = forms.CharField(
        label=_("Sender name"), max_length=80, help_text=_("Customers see it on your mails.")
    )
    support_email = forms.EmailField(
        label=_("Support address"),
        help_text=_("Mails go out from it, and answers come back to it."),
    )
    accent_color = forms.CharField(
        label=_("Accent colour"), initial="#2f5fd0", widget=forms.TextInput({"type": "color"})
    )
    domains = forms.CharField(
        label=_("Domains"),
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text=_("One host name per line, such as shop.example.com."),
    )
    is_active = forms.BooleanField(
        label=_("Active"),
        required=False,
        initial=True,
        help_text=_("The API keys of an inactive shop stop working."),
    )

    def __init__(self, *args: Any, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_new:
            del self.fields["is_active"]
        else:
            del self.fields["slug"]

    def clean_domains(self) -> list[str]:
        """The host names, without empty lines."""
        text: str = self.cleaned_data["domains"]
        return [
            line.strip().lower() for line in text.replace(",", "\n").splitlines() if line.strip()
        ]

    def clean_accent_color(self) -> str:
        """The colour in small letters."""
        return str(self.cleaned_data["accent_color"]).lower()


class LogoForm(forms.Form):
    """A picture file; the service says whether it is one."""

    picture = forms.FileField(
        label=_("Picture file"),
        max_length=255,
        widget=forms.FileInput({"accept": "image/png,image/jpeg,image/webp"}),
        help_text=_("PNG, JPEG or WebP, at most 2 MB. It is made at most 512 pixels wide."),
    )

    def clean_picture(self) -> UploadedFile[bytes]:
        """The file, unless it is too large to be read."""
        picture: UploadedFile[bytes] = self.cleaned_data["picture"]
        if (picture.size or 0) > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 2 MB."))
        return picture


class SpansField(forms.CharField):
    """Spans of a day, as people write them: 09:00-12:00, 14:00-18:00."""

    def clean(self, value: Any) -> list[tuple[time, time]]:
        """The spans in order of writing."""
        text = super().clean(value)
        parts = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
        return [self._span(part) for part in parts]

    def _span(self, part: str) -> tuple[time, time]:
        match = _SPAN.fullmatch(part)
        try:
            if match:
                hours = [int(group) for group in match.groups()]
                return time(hours[0], hours[1]), time(hours[2] % 24, hours[3])
        except ValueError:
            pass
        raise forms.ValidationError(_("Write hours like 09:00-12:00, 14:00-18:00."))


class HoursForm(forms.Form):
    """The ordinary week of a shop; an empty day is closed."""

    def __init__(self, *args: Any, schedule: rules.Schedule, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day in Weekday:
            self.fields[f"day{day.value}"] = SpansField(
                label=day.label,
                required=False,
                initial=", ".join(
                    f"{opens:%H:%M}-{closes:%H:%M}"
                    for opens, closes in schedule.weekly.get(day.value, ())
                ),
                widget=forms.TextInput({"placeholder": _("Closed"), "inputmode": "text"}),
            )

    def weekly(self) -> dict[int, list[tuple[time, time]]]:
        """The spans by weekday."""
        return {day.value: self.cleaned_data[f"day{day.value}"] for day in Weekday}


class DayForm(forms.Form):
    """A date which differs from its weekday."""

    on = forms.DateField(label=_("Date"), widget=forms.DateInput({"type": "date"}))
    name = forms.CharField(label=_("Occasion"), max_length=80)
    hours = SpansField(
        label=_("Hours"), required=False, widget=forms.TextInput({"placeholder": _("Closed")})
    )

    def clean_hours(self) -> tuple[time, time] | None:
        """One span, or None for closed."""
        spans = self.cleaned_data["hours"]
        if len(spans) > 1:
            raise forms.ValidationError(_("Write one span."))
        return spans[0] if spans else None


Choices = list[tuple[str, str]]


class GrantForm(forms.Form):
    """A role, and where it is held."""

    role = forms.ChoiceField(label=_("Role"))
    shop = forms.TypedChoiceField(label=_("Where"), coerce=int, empty_value=None, required=False)

    def __init__(self, *args: Any, roles: Choices, shops: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self.fields["role"], roles)
        _choose(self.fields["shop"], shops)


class InviteForm(GrantForm):
    """Somebody to come, with a first role."""

    email = forms.EmailField(label=_("E-mail address"))
    name = forms.CharField(label=_("Name"), max_length=120, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=Agent.Language.choices)

    field_order = ["email", "name", "role", "shop", "language"]


class TeamForm(forms.Form):
    """A team and who belongs to it."""

    name = forms.CharField(label=_("Name"), max_length=60)
    shop = forms.TypedChoiceField(label=_("Shop"), coerce=int, empty_value=None, required=False)
    members = forms.TypedMultipleChoiceField(
        label=_("Members"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple(COLUMNS)
    )

    def __init__(self, *args: Any, shops: Choices, agents: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = [int(value) for value, _name in agents]
        _choose(self.fields["shop"], shops)
        _choose(self.fields["members"], agents)


class RoleForm(forms.Form):
    """A role and what it allows."""

    name = forms.CharField(label=_("Name"), max_length=60)
    permissions = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: Any, codes: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self.fields["permissions"], [(code, code) for code in codes])


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("What uses the key, such as “Shop server”.")
    )
    shop = forms.TypedChoiceField(label=_("Shop"), coerce=int)
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), widget=forms.CheckboxSelectMultiple
    )
    expires_at = forms.DateTimeField(
        label=_("Expires"),
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}),
        help_text=_("Empty: it works until it is revoked."),
    )

    def __init__(self, *args: Any, shops: Choices, scopes: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self.fields["shop"], shops)
        _choose(self.fields["scopes"], scopes)


class PreferencesForm(forms.Form):
    """How an agent is called and how he sees the product."""

    name = forms.CharField(label=_("Name"), max_length=120)
    language = forms.ChoiceField(label=_("Language"), choices=Agent.Language.choices)
    theme = forms.ChoiceField(label=_("Theme"), choices=Agent.Theme.choices)


class AcceptForm(forms.Form):
    """What an invited person tells us."""

    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput({"autocomplete": "name"})
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text=_("At least 12 characters. A short sentence is easy to remember."),
    )


def _choose(field: forms.Field, choices: Choices | Callable[[], Choices]) -> None:
    if isinstance(field, forms.ChoiceField):
        field.choices = choices
