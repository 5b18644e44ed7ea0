"""Writing templates: one draft at a time, published when it is right, taken back when it was not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.text import slugify
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company import services as company_services
from ecrm.kernel.errors import DomainError
from messaging import extensions
from messaging.extensions import TemplateWording
from messaging.models import MessageTemplate, TemplateText, TemplateVersion
from messaging.queries import templates as queries
from messaging.templating import compiling
from messaging.templating.faults import Fault
from messaging.templating.language import LONGEST_SOURCE
from messaging.types import TemplateRef

if TYPE_CHECKING:
    from company.types import Agent

LONGEST_KEY = 64


class UnusableTemplate(DomainError):
    """Something about the template can't be kept or sent; `fields` and `faults` say what and where."""

    code = "unusable_template"
    status = 422

    def __init__(
        self, message: str, *, fields: dict[str, str] | None = None, faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(message, fields=fields)
        self.faults = tuple(faults)


class DraftOutdated(DomainError):
    """Somebody else saved the draft, or published it, since it was opened."""

    code = "draft_outdated"


class NothingToPublish(DomainError):
    """There is no draft, or no such version."""

    code = "nothing_to_publish"


@transaction.atomic
def create_template(
    *, shop_id: int, name: str, purpose: str, by: Agent | None, at: datetime | None = None
) -> MessageTemplate:
    """A new template of the shop with an empty draft in its main language. Raises UnusableTemplate."""
    name = " ".join(name.split())
    if not name:
        text = _("A template needs a name.")
        raise UnusableTemplate(text, fields={"name": text})
    moment = at or now()
    template = MessageTemplate.objects.create(
        shop_id=shop_id,
        key=_free_key(shop_id, name),
        name=name[:120],
        purpose=purpose,
        created_at=moment,
    )
    language = company.shop(shop_id).default_language
    draft = _new_draft(template, by=by, at=moment)
    TemplateText.objects.create(version=draft, language=language, format="markdown")
    _audit(template, "messaging.template-created", by=by, at=moment)
    return template


@transaction.atomic
def adopt_template(shop_id: int, *, key: str, at: datetime | None = None) -> MessageTemplate:
    """The shop's own row for a built-in template, made when there was none. Raises UnusableTemplate."""
    built_in = extensions.templates.get(key)
    if built_in is None:
        raise UnusableTemplate(_("There is no such template."))
    template, _is_new = MessageTemplate.objects.get_or_create(
        shop_id=shop_id,
        key=key,
        defaults={
            "name": str(built_in.name),
            "purpose": built_in.purpose,
            "created_at": at or now(),
        },
    )
    return template


@transaction.atomic
def save_draft(
    template_id: int,
    *,
    texts: Sequence[TemplateWording],
    seen: datetime | None,
    by: Agent | None,
    at: datetime | None = None,
) -> TemplateVersion:
    """Keep what somebody wrote, faults and all, in the languages given; others stay as they are.

    `seen` is when the draft he had before him was last changed (None: there was none). Raises
    DraftOutdated when it was changed since, and UnusableTemplate for texts that are too long.
    """
    template = _locked(template_id)
    moment = at or now()
    draft = template.versions.filter(published_at__isnull=True).first()
    if (draft.changed_at if draft else None) != seen:
        raise DraftOutdated(
            _("Somebody else changed this template meanwhile. Open it again to see his text.")
        )
    if draft is None:
        draft = _new_draft(template, by=by, at=moment)
        _copy(queries.wordings(_ref(template)), draft)
    for text in texts:
        _require_size(text)
        TemplateText.objects.update_or_create(
            version=draft,
            language=text.language,
            defaults={
                "format": text.format,
                "subject": text.subject,
                "preheader": text.preheader,
                "source": text.source,
            },
        )
    draft.changed_at, draft.changed_by_id = moment, by.pk if by else None
    draft.save(update_fields=["changed_at", "changed_by"])
    return draft


@transaction.atomic
def remove_language(template_id: int, *, language: str, at: datetime | None = None) -> None:
    """Take a language out of the draft; recipients get the shop's main one. Raises UnusableTemplate."""
    template = _locked(template_id)
    draft = template.versions.filter(published_at__isnull=True).first()
    if draft is None or not draft.texts.exclude(language=language).exists():
        raise UnusableTemplate(_("A template needs at least one language."))
    draft.texts.filter(language=language).delete()
    draft.changed_at = at or now()
    draft.save(update_fields=["changed_at"])


@transaction.atomic
def publish(template_id: int, *, by: Agent | None, at: datetime | None = None) -> TemplateVersion:
    """Send the draft from now on. Raises NothingToPublish, and UnusableTemplate with all its faults."""
    template = _locked(template_id)
    draft = template.versions.filter(published_at__isnull=True).first()
    if draft is None:
        raise NothingToPublish(_("There are no changes to publish."))
    faults = faults_of(draft)
    if faults:
        raise UnusableTemplate(_("Correct the template before you publish it."), faults=faults)
    moment = at or now()
    draft.published_at = moment
    draft.save(update_fields=["published_at"])
    template.published, template.archived_at = draft, None
    template.save(update_fields=["published", "archived_at"])
    _audit(template, "messaging.template-published", by=by, at=moment, version=draft.number)
    return draft


@transaction.atomic
def use_version(
    template_id: int, *, number: int | None, by: Agent | None, at: datetime | None = None
) -> None:
    """Send an earlier published version again, or (None) the built-in default. The draft stays.

    Raises NothingToPublish.
    """
    template = _locked(template_id)
    version = None
    if number is not None:
        version = template.versions.filter(number=number, published_at__isnull=False).first()
    if version is None and (number is not None or extensions.templates.get(template.key) is None):
        raise NothingToPublish(_("There is no such version."))
    template.published = version
    template.save(update_fields=["published"])
    _audit(template, "messaging.template-reverted", by=by, at=at or now(), version=number)


@transaction.atomic
def discard_draft(template_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Forget what was not published. Raises NothingToPublish when that is everything there is."""
    template = _locked(template_id)
    if template.published_id is None and extensions.templates.get(template.key) is None:
        raise NothingToPublish(_("This template was never published: archive it instead."))
    template.versions.filter(published_at__isnull=True).delete()
    _audit(template, "messaging.template-draft-discarded", by=by, at=at or now())


@transaction.atomic
def archive_template(
    template_id: int, *, is_archived: bool, by: Agent | None, at: datetime | None = None
) -> None:
    """Put a template away, or take it out again. A built-in one put away is the default again."""
    template = _locked(template_id)
    moment = at or now()
    template.archived_at = moment if is_archived else None
    template.save(update_fields=["archived_at"])
    done = "messaging.template-archived" if is_archived else "messaging.template-restored"
    _audit(template, done, by=by, at=moment)


def note_fault(ref: TemplateRef, *, fault: str, at: datetime | None = None) -> None:
    """Remember that a version could not be filled for somebody, for the list of templates. One query."""
    if ref.version_id is not None:
        TemplateVersion.objects.filter(pk=ref.version_id).update(
            fault=fault[:2000], failed_at=at or now()
        )


def faults_of(version: TemplateVersion) -> list[Fault]:
    """Everything that keeps a version from being sent, each with its language."""
    return [
        Fault(text=f"{language.upper()}: {fault.text}", field=fault.field, line=fault.line)
        for language, wording in sorted(queries.texts_of(version.pk).items())
        for fault in compiling.faults(wording, blocks=queries.block_sources(language))
    ]


def _ref(template: MessageTemplate) -> TemplateRef:
    return TemplateRef(shop_id=template.shop_id, key=template.key, version_id=template.published_id)


def _locked(template_id: int) -> MessageTemplate:
    return MessageTemplate.objects.select_for_update(of=("self",)).get(pk=template_id)


def _new_draft(template: MessageTemplate, *, by: Agent | None, at: datetime) -> TemplateVersion:
    last = template.versions.order_by("-number").values_list("number", flat=True).first()
    return TemplateVersion.objects.create(
        template=template,
        number=(last or 0) + 1,
        changed_at=at,
        changed_by_id=by.pk if by else None,
    )


def _copy(wordings: dict[str, TemplateWording], draft: TemplateVersion) -> None:
    TemplateText.objects.bulk_create(
        TemplateText(
            version=draft,
            language=language,
            format=wording.format,
            subject=wording.subject,
            preheader=wording.preheader,
            source=wording.source,
        )
        for language, wording in wordings.items()
    )


def _require_size(text: TemplateWording) -> None:
    faults = {
        name: _("This is too long.")
        for name, value, limit in (
            ("subject", text.subject, compiling.LONGEST_SUBJECT),
            ("preheader", text.preheader, compiling.LONGEST_SUBJECT),
            ("source", text.source, LONGEST_SOURCE),
        )
        if len(value) > limit
    }
    if text.format not in compiling.FORMATS:
        faults["format"] = _("There is no such format.")
    if faults:
        raise UnusableTemplate(_("Please correct the marked fields."), fields=faults)


def _free_key(shop_id: int, name: str) -> str:
    """A short name nobody has yet, from the long one."""
    stem = slugify(name)[: LONGEST_KEY - 4] or "template"
    taken = set(
        MessageTemplate.objects.filter(shop_id=shop_id, key__startswith=stem).values_list(
            "key", flat=True
        )
    )
    candidates = (stem if number == 1 else f"{stem}-{number}" for number in range(1, 1000))
    return next(key for key in candidates if key not in taken)


def _audit(
    template: MessageTemplate,
    action: str,
    *,
    by: Agent | None,
    at: datetime,
    version: int | None = None,
) -> None:
    company_services.record_audit(
        action=action,
        target=f"template:{template.pk}",
        by=by,
        shop_id=template.shop_id,
        changes={"version": version} if version is not None else None,
        at=at,
    )
