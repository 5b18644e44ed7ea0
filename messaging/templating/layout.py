"""The sheet around every mail: the shop's logo and colour, the words, and how to stop it."""

from __future__ import annotations

from html import escape
from typing import Final

from django.utils import translation
from django.utils.translation import gettext as _

FONTS: Final = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"

_STYLE: Final = """
  .words h1 { margin: 0 0 12px; font-size: 22px; line-height: 1.3; font-weight: 650; }
  .words h2 { margin: 24px 0 8px; font-size: 17px; line-height: 1.35; font-weight: 650; }
  .words p { margin: 0 0 16px; }
  .words ul, .words ol { margin: 0 0 16px; padding-left: 22px; }
  .words img { max-width: 100%; height: auto; }
  .words hr { border: 0; border-top: 1px solid #e6e2dc; margin: 24px 0; }
  .words blockquote { margin: 0 0 16px; padding-left: 14px; border-left: 3px solid #e6e2dc; }
  .words a { color: ACCENT; }
  .words a.button { display: inline-block; padding: 12px 22px; border-radius: 6px;
    background: ACCENT; color: ONACCENT; font-weight: 600; text-decoration: none; }
  .quiet { color: #6a645c; }
  @media (prefers-color-scheme: dark) {
    body, .page { background: #191816 !important; }
    .sheet, .sheet > table { background: #24221f !important; }
    .sheet td, .sheet div, .sheet h1, .sheet h2, .sheet p, .sheet li { color: #eeebe6 !important; }
    .quiet, .sheet .quiet, .sheet td.quiet { color: #aaa399 !important; }
    .rule { border-color: #3a3733 !important; }
    .words a { color: #eeebe6 !important; }
    .words a.button { color: ONACCENT !important; }
    .logo img { background: #ffffff; padding: 6px 10px; }
  }
  @media (max-width: 480px) {
    .half { display: block !important; width: 100% !important; padding-bottom: 16px !important; }
    .inside > table > tbody > tr > td { padding: 24px 20px !important; }
  }
"""

_SHEET: Final = """<mjml lang="{language}"><mj-head>
<mj-title>{subject}</mj-title><mj-preview>{preheader}</mj-preview>
<mj-attributes>
<mj-all font-family="{fonts}" /><mj-section padding="0" /><mj-column padding="0" />
<mj-text padding="0" font-size="15px" line-height="1.55" color="#24211d" />
<mj-image padding="0 0 16px" />
<mj-divider border-width="1px" border-color="#e6e2dc" padding="8px 0 24px" />
<mj-button background-color="{accent}" color="{on_accent}" border-radius="6px" font-size="15px"
 font-weight="600" inner-padding="12px 22px" align="left" padding="8px 0 24px" />
</mj-attributes>
<mj-style>{style}</mj-style>
<mj-raw><meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark"></mj-raw>
</mj-head><mj-body width="560px" background-color="#f4f3f1" css-class="page">
<mj-section padding="32px 4px 14px"><mj-column>
<mj-text css-class="logo quiet" font-size="17px" font-weight="600" color="#6a645c">{head}
</mj-text></mj-column></mj-section>
<mj-wrapper css-class="sheet inside" background-color="#ffffff"
 border-top="4px solid {accent}" border-radius="6px" padding="36px 40px">
{body}
</mj-wrapper>
<mj-section padding="18px 4px 32px"><mj-column>
<mj-text css-class="quiet" font-size="13px" color="#6a645c">{foot}</mj-text></mj-column></mj-section>
</mj-body></mjml>"""

WORDS: Final = (
    '<mj-section><mj-column><mj-text css-class="words">{body}</mj-text></mj-column></mj-section>'
)

_LOGO: Final = (
    '<img src="{{ shop.logo_url }}" alt="{{ shop.name }}" height="40"'
    ' style="display:block;height:40px;width:auto;max-width:240px;border:0;border-radius:4px;">'
)
_QUIET_LINK: Final = '<a class="quiet" style="color:#6a645c;" href="{{ %s }}">%s</a>'


def sheet(*, language: str, subject: str, preheader: str, body: str, has_logo: bool) -> str:
    """MJML of a whole mail around sections of MJML. The values may contain Liquid."""
    return _SHEET.format(
        language=escape(language),
        subject=subject,
        preheader=preheader,
        fonts=FONTS,
        accent="{{ shop.accent_color }}",
        on_accent="{{ shop.on_accent_color }}",
        style=_STYLE.replace("ONACCENT", "{{ shop.on_accent_color }}").replace(
            "ACCENT", "{{ shop.accent_color }}"
        ),
        head=_LOGO if has_logo else "{{ shop.name }}",
        body=body,
        foot=_foot(language),
    )


def _foot(language: str) -> str:
    with translation.override(language):
        choose = _QUIET_LINK % ("links.preferences", escape(_("Choose what you receive")))
        stop = _QUIET_LINK % ("links.unsubscribe", escape(_("Unsubscribe")))
    return (
        "{{ shop.sender_name }}"
        f"{{% if links.preferences and links.preferences != blank %}}<br>{choose}{{% endif %}}"
        f"{{% if links.unsubscribe and links.unsubscribe != blank %}} · {stop}{{% endif %}}"
    )
