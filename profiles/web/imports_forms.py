"""What agents say of a file and its columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from profiles.models import Segment
from profiles.rules import imports as rules
from profiles.rules import imports_cells as cells
from profiles.web import imports_words, words

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile
    from django.forms.boundfield import BoundField
    from django.http import QueryDict

    from company.types import ShopInfo
    from profiles.models import Import

SAMPLES = 3
# Countries which numbers without a prefix are likely to be of; the file's own country column wins.
_COUNTRIES = ("FR", "CH", "BE", "LU", "DE", "AT", "GB", "IE", "IT", "ES", "PT", "NL", "US", "CA")


class UploadForm(forms.Form):
    """A file, and whose customers it holds."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        max_length=200,
        widget=forms.FileInput({"accept": ".csv,.txt,.tsv,.xlsx"}),
        help_text=gettext_lazy(
            "A table as CSV or Excel (XLSX), with titles in its first row: at most 1,000,000 rows and 256 MB."
        ),
    )
    shop = forms.ChoiceField(label=gettext_lazy("Customers of"))

    def __init__(self, *args: Any, shops: Iterable[ShopInfo], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(shop.id), shop.name) for shop in shops]
        self.fields["shop"].choices = choices  # type: ignore[attr-defined] # a ChoiceField

    @property
    def upload(self) -> UploadedFile[bytes]:
        """The file."""
        found: UploadedFile[bytes] = self.cleaned_data["file"]
        return found


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """One column of the file: its title, some of what stands there, and what it means."""

    title: str
    samples: Sequence[str]
    field: BoundField


class MappingForm(forms.Form):
    """What each column means, and what happens with customers we know."""

    known = forms.ChoiceField(
        label=gettext_lazy("Customers we know already"),
        choices=(
            (rules.COMPLETE, gettext_lazy("Complete what is missing")),
            (rules.OVERWRITE, gettext_lazy("Overwrite with what the file says")),
            (rules.LEAVE, gettext_lazy("Leave as they are")),
        ),
        help_text=gettext_lazy("Whatever you choose, an empty cell never removes anything."),
    )
    date_order = forms.ChoiceField(
        label=gettext_lazy("Days are written"),
        choices=(
            (cells.DAY_FIRST, gettext_lazy("Day first: 31.12.1990")),
            (cells.MONTH_FIRST, gettext_lazy("Month first: 12/31/1990")),
            (cells.YEAR_FIRST, gettext_lazy("Year first: 1990-12-31")),
        ),
    )
    country = forms.ChoiceField(
        label=gettext_lazy("Telephone numbers without a prefix are of"),
        help_text=gettext_lazy("The country in the row counts more."),
    )
    segment = forms.ChoiceField(label=gettext_lazy("Put everybody on a list"), required=False)
    consent_source = forms.CharField(
        label=gettext_lazy("Where the consents were given"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("For example: newsletter form of the old shop. Kept as proof."),
    )
    consent_on = forms.DateField(
        label=gettext_lazy("Given until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("The day of the file. Later answers of the customer count more."),
    )
    wording_version = forms.CharField(
        label=gettext_lazy("Version of the wording"), required=False, max_length=40
    )
    wording_text = forms.CharField(
        label=gettext_lazy("The words they agreed to"),
        required=False,
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self,
        data: QueryDict | None,
        *,
        row: Import,
        market: str,
        lists: Iterable[Segment],
    ) -> None:
        options = row.options
        guessed = row.mapping or options.get("guessed", [])
        known = {"known": rules.COMPLETE, "country": market, "segment": row.segment_id or ""}
        columns = {f"column_{number}": name for number, name in enumerate(guessed)}
        super().__init__(data, initial={**known, **options, **columns})
        codes = dict.fromkeys((market, *_COUNTRIES))
        named = sorted((words.country(code), code) for code in codes)
        self._choose("country", [(code, name) for name, code in named])
        choices = [("", _("No list")), *((str(item.pk), item.name) for item in lists)]
        self._choose("segment", choices)
        self._row, fields = row, imports_words.field_choices()
        for number, title in enumerate(row.header):
            label = _("Column “%(title)s” means") % {"title": title}
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=label, required=False, choices=fields
            )

    def _choose(self, name: str, choices: Sequence[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined] # a ChoiceField

    @property
    def lines(self) -> list[ColumnLine]:
        """The columns with some of their values."""
        return [
            ColumnLine(
                title,
                [line[number][:60] for line in self._row.samples if line[number]][:SAMPLES],
                self[f"column_{number}"],
            )
            for number, title in enumerate(self._row.header)
        ]

    @property
    def about_known(self) -> list[BoundField]:
        """What is done with the customers."""
        return [self[name] for name in ("known", "segment", "date_order", "country")]

    @property
    def about_consents(self) -> list[BoundField]:
        """What the ledger of consents keeps."""
        names = ("consent_source", "consent_on", "wording_version", "wording_text")
        return [self[name] for name in names]

    @property
    def has_consents(self) -> bool:
        """Whether a column is taken for one of consents."""
        found = (line.field.value() for line in self.lines)
        return any(name in rules.CONSENTS for name in found)

    @property
    def columns(self) -> list[str]:
        """The field of each column."""
        return [self.cleaned_data[f"column_{number}"] for number in range(len(self._row.header))]

    @property
    def options(self) -> dict[str, str]:
        """Everything but the columns, as the import keeps it."""
        day = self.cleaned_data["consent_on"]
        texts = ("known", "date_order", "country", "consent_source", "wording_version")
        kept = {name: self.cleaned_data[name] for name in (*texts, "wording_text")}
        return kept | ({"consent_on": day.isoformat()} if day else {})

    @property
    def segment_id(self) -> int | None:
        """The list that everybody is put on."""
        chosen = self.cleaned_data["segment"]
        return int(chosen) if chosen else None

    def refuse(self, fields: dict[str, str]) -> None:
        """Show what the service refused at its field, or above all."""
        for name, text in fields.items():
            self.add_error(name if name in self.fields else None, text)
