"""What the frame's pages accept."""

from __future__ import annotations

from django import forms
from django.utils.http import url_has_allowed_host_and_scheme


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


class ViewToSave(forms.Form):
    """A name for the filters of a list."""

    name = forms.CharField(max_length=60)
    list_path = forms.CharField(max_length=200)
    query = forms.CharField(max_length=1000, required=False)

    def clean_list_path(self) -> str:
        """Accept paths of our own only."""
        path: str = self.cleaned_data["list_path"]
        if not path.startswith("/") or not url_has_allowed_host_and_scheme(
            path, allowed_hosts=None
        ):
            raise forms.ValidationError("")
        return path


class Deliveries(forms.Form):
    """The deliveries an operator selected."""

    ids = forms.TypedMultipleChoiceField(coerce=int, choices=())

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Accept any number; the service looks only at parked ones."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        self.fields["ids"].valid_value = lambda value: str(value).isdigit()  # type: ignore[attr-defined]  # numbers are the choices
