"""What the frame's pages accept."""

from __future__ import annotations

from django import forms
from django.utils.http import url_has_allowed_host_and_scheme

MOST_COLUMNS = 40
LONGEST_KEY = 40


class ShopChoice(forms.Form):
    """One shop, or nothing for all of them."""

    shop = forms.IntegerField(required=False)


class Preferences(forms.Form):
    """The theme or the language, whichever button was pressed."""

    theme = forms.ChoiceField(
        required=False, choices=[("auto", "auto"), ("light", "light"), ("dark", "dark")]
    )
    language = forms.ChoiceField(required=False, choices=[("fr", "fr"), ("en", "en")])


class PresenceChoice(forms.Form):
    """Away or back."""

    away = forms.BooleanField(required=False)


class _OfList(forms.Form):
    """Something about the list at an address of ours."""

    list_path = forms.CharField(max_length=200)

    def clean_list_path(self) -> str:
        """Accept paths of our own only."""
        path: str = self.cleaned_data["list_path"]
        if not path.startswith("/") or not url_has_allowed_host_and_scheme(
            path, allowed_hosts=None
        ):
            raise forms.ValidationError("")
        return path


class ViewToSave(_OfList):
    """A name for the filters of a list."""

    name = forms.CharField(max_length=60)
    query = forms.CharField(max_length=1000, required=False)


class ColumnsToShow(_OfList):
    """The columns an agent ticked, or the wish to have the usual ones again."""

    columns = forms.MultipleChoiceField(required=False)
    usual = forms.BooleanField(required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Accept any few keys; a list looks only at those which it offers."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        self.fields["columns"].valid_value = is_column_key  # type: ignore[attr-defined]  # the keys are the choices

    def clean_columns(self) -> list[str]:
        """Keep no more than a list could have."""
        keys: list[str] = self.cleaned_data["columns"]
        return keys[:MOST_COLUMNS]


def is_column_key(value: object) -> bool:
    """Tell whether this could be the key of a column."""
    text = str(value)
    return text.isidentifier() and len(text) <= LONGEST_KEY


class Deliveries(forms.Form):
    """The deliveries an operator selected."""

    ids = forms.TypedMultipleChoiceField(coerce=int, choices=())

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Accept any number; the service looks only at parked ones."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        self.fields["ids"].valid_value = lambda value: str(value).isdigit()  # type: ignore[attr-defined]  # numbers are the choices
