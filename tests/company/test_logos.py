"""Logos of shops: drawn anew, served to everybody who knows the key, and gone when removed."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string
from django.test import Client
from PIL import Image

from company import queries
from company.models import AuditEntry, Logo, Shop
from company.services import logos
from ecrm.kernel.models import EventRecord
from tests.company.factories import AgentFactory, ShopFactory, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_second_factor(settings) -> None:
    settings.ECRM_REQUIRE_MFA = False


@pytest.fixture
def shop() -> Shop:
    return ShopFactory(name="Maison Lune")


@pytest.fixture
def manager(shop: Shop) -> Client:
    client = Client()
    client.force_login(AgentFactory(role="manager", shop=shop))
    return client


def opened(logo: Logo) -> Image.Image:
    return Image.open(BytesIO(bytes(logo.body)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_one_that_every_mail_program_shows(shop, kind):
    logo = logos.set_logo(shop.pk, data=picture(kind), by=None)

    assert opened(logo).size == (512, 171)
    assert opened(logo).get_format_mimetype() == logo.content_type == "image/jpeg"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_see_through_stays_so(shop, kind):
    data = BytesIO()
    Image.new("RGBA", (40, 20), (10, 20, 30, 0)).save(data, kind)

    logo = logos.set_logo(shop.pk, data=data.getvalue(), by=None)

    assert logo.content_type == "image/png"
    assert opened(logo).getpixel((0, 0))[3] == 0


def test_a_small_picture_keeps_its_size(shop):
    logo = logos.set_logo(shop.pk, data=picture(size=(64, 32)), by=None)

    assert opened(logo).size == (64, 32)


def test_nothing_comes_along_that_is_no_picture(shop):
    exif = Image.Exif()
    exif[0x010E] = "taken at 48.85, 2.35"
    data = picture("JPEG", exif=exif, comment=b"secret remark") + b"<script>hidden</script>"

    body = bytes(logos.set_logo(shop.pk, data=data, by=None).body)

    for leftover in (b"Exif", b"48.85", b"secret remark", b"<script>"):
        assert leftover in data
        assert leftover not in body


def test_a_picture_lying_on_its_side_is_put_upright(shop):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter

    logo = logos.set_logo(shop.pk, data=picture("JPEG", size=(300, 100), exif=exif), by=None)

    assert opened(logo).size == (100, 300)


def enormous_png(width: int, height: int) -> bytes:
    """The head of a picture of this size and its first few pixels; the rest is never reached."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG"),
        (b"GIF89a" + bytes(100), "no PNG"),
        (picture()[:200], "no PNG"),
        (enormous_png(8001, 5000), "too many pixels"),
        (enormous_png(10_000, 10_000), "too many pixels"),
        (enormous_png(60_000, 60_000), "too many pixels"),
        (picture() + bytes(2 * 1024 * 1024), "larger than 2 MB"),
    ],
    ids=["empty", "svg", "gif", "cut off", "40 MP", "bomb warning", "bomb", "2 MB"],
)
def test_what_is_no_picture_of_ours_is_refused(shop, data, words):
    with pytest.raises(logos.LogoInvalid, match=words):
        logos.set_logo(shop.pk, data=data, by=None)

    assert not Logo.objects.exists()


def test_every_shop_is_told_and_the_change_is_audited(shop):
    logo = logos.set_logo(shop.pk, data=picture(), by=None)

    assert queries.shop(shop.pk).logo == f"/logos/{logo.key}/"
    assert queries.shop(shop.pk).logo_url.endswith(f"/logos/{logo.key}/")
    assert queries.shop(shop.pk).logo_url.startswith("http")
    assert EventRecord.objects.filter(name="company.shop-changed").count() == 1
    assert AuditEntry.objects.filter(action="company.shop-logo-changed").count() == 1


def test_mails_sent_before_keep_their_logo_until_it_is_removed(shop):
    former = logos.set_logo(shop.pk, data=picture(), by=None)
    latter = logos.set_logo(shop.pk, data=picture(size=(30, 30)), by=None)
    client = Client()

    assert former.key != latter.key
    assert client.get(f"/logos/{former.key}/").status_code == 200

    logos.remove_logo(shop.pk, by=None)

    assert queries.shop(shop.pk).logo == queries.shop(shop.pk).logo_url == ""
    assert client.get(f"/logos/{former.key}/").status_code == 404
    assert client.get(f"/logos/{latter.key}/").status_code == 404


def test_removing_what_is_not_there_changes_nothing(shop):
    logos.remove_logo(shop.pk, by=None)

    assert not AuditEntry.objects.exists()


def test_strangers_get_the_picture_and_may_keep_it(shop):
    logo = logos.set_logo(shop.pk, data=picture("PNG"), by=None)

    response = Client().get(f"/logos/{logo.key}/")

    assert response.content == bytes(logo.body)
    assert response["Content-Type"] == logo.content_type
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "sandbox" in response["Content-Security-Policy"]
    assert not response.cookies


def test_a_manager_uploads_a_logo_and_sees_it_on_both_grounds(shop, manager):
    upload = SimpleUploadedFile("logo.png", picture(), content_type="image/png")

    response = manager.post(f"/settings/shops/{shop.slug}/logo/", {"picture": upload})

    page = manager.get(response["Location"]).content.decode()
    shop.refresh_from_db()
    assert page.count(f'src="/logos/{shop.logo_id}/"') >= 2


def test_a_wrong_file_keeps_the_page_and_says_why(shop, manager):
    upload = SimpleUploadedFile("logo.png", b"<svg/>", content_type="image/png")

    response = manager.post(f"/settings/shops/{shop.slug}/logo/", {"picture": upload})

    assert response.status_code == 422
    assert "This is no PNG, JPEG or WebP picture." in response.content.decode()
    assert "Maison Lune" in response.content.decode()


def test_a_manager_removes_a_logo(shop, manager):
    logos.set_logo(shop.pk, data=picture(), by=None)

    manager.post(f"/settings/shops/{shop.slug}/logo/remove/")

    assert not Logo.objects.exists()


def test_nobody_changes_the_logo_of_another_shop(manager):
    other = ShopFactory()
    upload = SimpleUploadedFile("logo.png", picture(), content_type="image/png")

    answers = [
        manager.post(f"/settings/shops/{other.slug}/logo/", {"picture": upload}).status_code,
        manager.post(f"/settings/shops/{other.slug}/logo/remove/").status_code,
    ]

    assert answers == [404, 404]
    assert not Logo.objects.exists()


def test_whoever_is_invited_sees_the_logo_of_the_shop(shop):
    logo = logos.set_logo(shop.pk, data=picture(), by=None)
    invitation = {"shop": Shop.objects.get(pk=shop.pk), "email": "new@lune.example"}

    page = render_to_string(
        "company/invitation_accept.html", {"invitation": invitation, "form": []}
    )

    assert f"/logos/{logo.key}/" in page
