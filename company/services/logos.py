"""Logos of shops: whatever is uploaded is decoded and drawn anew, so nothing else comes along."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from company.events import ShopChanged
from company.models import Logo, Shop
from company.services.audit import record_audit
from company.services.shops import forget_shops_on_commit
from company.types import Agent as Actor
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError

MAX_BYTES = 2 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_WIDTH = 512
FORMATS = ("PNG", "JPEG", "WEBP")
# Every mail program shows these two; WebP it might not.
_JPEG_QUALITY = 90


class LogoInvalid(DomainError):
    """The file is no picture we can use, or too large; `fields` says which."""

    code = "logo_invalid"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Picture:
    content_type: str
    body: bytes


@transaction.atomic
def set_logo(shop_id: int, *, data: bytes, by: Actor | None, at: datetime | None = None) -> Logo:
    """Give a shop this picture; mails sent before keep the former one.

    Raises LogoInvalid; publishes ShopChanged.
    """
    picture = _drawn_anew(data)
    shop = Shop.objects.select_for_update().get(pk=shop_id)
    shop.logo = Logo.objects.create(
        key=secrets.token_urlsafe(32),
        shop=shop,
        content_type=picture.content_type,
        body=picture.body,
        added_at=at or now(),
    )
    shop.save(update_fields=["logo"])
    _changed(shop, "company.shop-logo-changed", by=by, at=at)
    return shop.logo


@transaction.atomic
def remove_logo(shop_id: int, *, by: Actor | None, at: datetime | None = None) -> None:
    """Forget every logo the shop ever had; without one it changes nothing. Publishes ShopChanged."""
    shop = Shop.objects.select_for_update().get(pk=shop_id)
    if shop.logo_id is None:
        return
    shop.logo = None
    shop.save(update_fields=["logo"])
    shop.logos.all().delete()
    _changed(shop, "company.shop-logo-removed", by=by, at=at)


def _changed(shop: Shop, action: str, *, by: Actor | None, at: datetime | None) -> None:
    outbox.publish(ShopChanged(shop_id=shop.pk))
    record_audit(action=action, target=f"shop:{shop.pk}", by=by, shop_id=shop.pk, at=at)
    forget_shops_on_commit()


def _drawn_anew(data: bytes) -> _Picture:
    """The picture without anything that came with it: no place, no camera, no hidden file."""
    if len(data) > MAX_BYTES:
        raise _invalid(_("The file is larger than 2 MB."))
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _invalid(_("The picture has too many pixels."))
            return _encoded(_shrunk(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _invalid(_("The picture has too many pixels.")) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise _invalid(_("This is no PNG, JPEG or WebP picture.")) from error


def _shrunk(image: Image.Image) -> Image.Image:
    """Upright, at most 512 pixels wide and high, in plain colours."""
    image.draft("RGB", (MAX_WIDTH, MAX_WIDTH))
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain.thumbnail((MAX_WIDTH, MAX_WIDTH), Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(plain)
    upright.info.clear()
    return upright


def _encoded(image: Image.Image) -> _Picture:
    target = BytesIO()
    if image.mode == "RGBA":
        image.save(target, "PNG", optimize=True)
        return _Picture(content_type="image/png", body=target.getvalue())
    image.save(target, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return _Picture(content_type="image/jpeg", body=target.getvalue())


def _invalid(text: str) -> LogoInvalid:
    return LogoInvalid(text, fields={"picture": text})
