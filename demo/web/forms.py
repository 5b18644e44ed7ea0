"""What customers write in the demo: an answer, a mail of their own, an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from demo import mime

MAX_TEXT = 20_000


class AnswerForm(forms.Form):
    text = forms.CharField(
        label=_("Your answer"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "data-demo-text": ""}),
    )
    file = forms.FileField(label=_("Attachment"), required=False)

    def files_to_send(self) -> Sequence[mime.File]:
        """The attachment as the mail carries it; the file is read here."""
        upload = self.cleaned_data.get("file")
        if upload is None:
            return ()
        kind = upload.content_type or "application/octet-stream"
        return (mime.File(name=upload.name, content_type=kind, content=upload.read()),)


class WriteForm(AnswerForm):
    to_address = forms.ChoiceField(label=_("To"))
    name = forms.CharField(label=_("Your name"), max_length=100)
    address = forms.EmailField(label=_("Your e-mail address"), max_length=200)
    subject = forms.CharField(label=_("Subject"), max_length=200)

    field_order = ("to_address", "name", "address", "subject", "text", "file")

    def __init__(self, *args: Any, mailboxes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].label = _("Message")
        choice = self.fields["to_address"]
        if isinstance(choice, forms.ChoiceField):
            choice.choices = [(address, address) for address in mailboxes]


class OrderForm(forms.Form):
    first_name = forms.CharField(label=_("First name"), max_length=60)
    last_name = forms.CharField(label=_("Last name"), max_length=60)
    email = forms.EmailField(label=_("E-mail address"), max_length=200)
    language = forms.ChoiceField(
        label=_("Language"), choices=[("fr", "Français"), ("de", "Deutsch"), ("en", "English")]
    )
    products = forms.MultipleChoiceField(label=_("Products"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, products: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["products"]
        if isinstance(choice, forms.MultipleChoiceField):
            choice.choices = list(products)
