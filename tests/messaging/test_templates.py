"""Templates: from what a person writes to the mail a customer reads."""

import pytest

from messaging.extensions import BlockSource, TemplateWording
from messaging.templating.compiling import compiled, faults, unknown_names
from messaging.templating.faults import TemplateFaulty

SHOP = {
    "name": "Maison & Cie",
    "sender_name": "Maison",
    "accent_color": "#aa3355",
    "on_accent_color": "#ffffff",
    "logo_url": "",
}
BLOCKS = {"parcel": BlockSource(html="<table><tr><td>P</td></tr></table>", text="Parcel P")}


def _wording(source, *, kind="markdown", subject="Hello", preheader=""):
    return TemplateWording(
        language="fr", format=kind, subject=subject, preheader=preheader, source=source
    )


def _render(source, data=None, **parts):
    return compiled(_wording(source, **parts), shop=SHOP, blocks=BLOCKS).render(data or {})


def _fault(source, data=None, **parts):
    with pytest.raises(TemplateFaulty) as caught:
        _render(source, data, **parts)
    return caught.value.faults[0]


@pytest.mark.parametrize("kind", ["markdown", "html"])
def test_what_a_customer_is_called_is_text_and_never_markup(kind):
    mail = _render("Dear {{ customer.name }}", {"customer": {"name": "<b>Zoé & Co"}}, kind=kind)

    assert "Dear &lt;b&gt;Zoé &amp; Co" in mail.html
    assert "Dear <b>Zoé & Co" in mail.text


def test_markdown_gets_the_sheet_of_the_shop():
    mail = _render('# Bonjour\n\n[Suivre](https://shop.example/t "button")')

    assert "#aa3355" in mail.html
    assert "Maison &amp; Cie" in mail.html
    assert "Suivre (https://shop.example/t)" in mail.text


def test_mjml_sections_get_the_sheet_and_repeat():
    source = (
        "<mj-section><mj-column>{% for line in lines %}<mj-text>{{ line }}</mj-text>{% endfor %}"
        "</mj-column></mj-section>"
    )

    mail = _render(source, {"lines": ["Un", "Deux"]}, kind="mjml")

    assert mail.html.index(">Un<") < mail.html.index(">Deux<")
    assert "Maison &amp; Cie" in mail.html
    assert "mj-" not in mail.html.replace("mj-column-per", "").replace("mj-outlook", "")


def test_a_whole_document_is_left_its_own_look():
    source = "<html><head><style>p { color: red }</style></head><body><p>{{ a }}</p></body></html>"

    mail = _render(source, {"a": "A"}, kind="html")

    assert '<p style="color: red;">A</p>' in mail.html
    assert "Maison" not in mail.html


def test_rows_of_a_table_repeat_where_they_stand():
    source = "<table><tbody>{% for x in xs %}<tr title='r'></tr>{% endfor %}</tbody></table>"

    mail = _render(source, {"xs": ["1", "2"]}, kind="html")

    assert '<tbody><tr title="r"></tr><tr title="r"></tr></tbody>' in mail.html


def test_a_block_of_another_module_stands_in_both_parts():
    mail = _render("Before\n\n{{ blocks.parcel }}\n\nAfter")

    assert "<td>P</td>" in mail.html
    assert mail.text.index("Before") < mail.text.index("Parcel P") < mail.text.index("After")


def test_amounts_and_days_read_as_the_language_has_it():
    mail = _render(
        '{{ price | money: "EUR" }}, {{ day | date }}', {"price": "1234.5", "day": "2026-05-04"}
    )

    assert "1\u202f234,50\xa0€, 4 mai 2026" in mail.html


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("a\n\n{{ x | shout }}", 3),
        ("a\n{{ blocks.nothing }}", 2),
        ("a\n\n{% include 'secrets' %}", 3),
        ("{% if a %}\n{% endfor %}", 2),
    ],
)
def test_a_fault_names_its_line(source, line):
    assert _fault(source).line == line


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("<mj-section>\n<mj-txt></mj-txt>\n</mj-section>", 2),
        ("<mj-section>\n<mj-column>\n</mj-section>", 3),
        ("<mj-section>\n<mj-column>\n</mj-column>", 1),
    ],
)
def test_a_fault_of_mjml_names_its_line(source, line):
    assert _fault(source, kind="mjml").line == line


def test_what_goes_wrong_for_one_recipient_names_the_line_the_author_wrote():
    source = "# Hello\n\nfirst {{ a }}\n\n{{ total | divided_by: count }}"

    assert _fault(source, {"a": "A", "total": 1, "count": 0}).line == 5


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..99999999) %}x{% endfor %}",
        "{{ (1..999999999) | join }}",
        (
            "{% assign x = 'aaaaaaaaaaaaaaaaaaaaa' %}{% for i in (1..40) %}"
            "{% assign x = x | append: x %}{% endfor %}"
        ),
        "{% assign x = 99 %}{% for i in (1..40) %}{% assign x = x | times: x %}{% endfor %}",
        (
            "{% assign x = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' %}{% for i in (1..9) %}"
            "{% assign x = x | replace: 'a', x %}{% endfor %}"
        ),
        "{% for i in (1..4000) %}{{ long }}{% endfor %}",
    ],
)
def test_a_bomb_is_a_fault_and_not_an_outage(source):
    assert _fault(source, {"long": "x" * 1000}).text


def test_a_loop_that_takes_too_long_ends():
    body = "{% if a contains 'b' %}{% endif %}" * 2000
    source = "{% for i in (1..5000) %}" + body + "{% endfor %}"

    assert "long" in _fault(source, {"a": "a" * 1000}).text


@pytest.mark.parametrize(
    "path",
    [
        "customer.__class__",
        "customer.name.__class__.__mro__",
        "customer.items",
        "customer.name.format",
        "now.__globals__",
    ],
)
def test_nothing_but_the_given_data_is_reached(path):
    mail = _render("[{{ " + path + " }}]", {"customer": {"name": "Zoé"}})

    assert "[]" in mail.html


def test_a_subject_is_one_line():
    mail = _render("x", {"name": "Zoé\r\nBcc: all@example.org"}, subject="Hi {{ name }}")

    assert mail.subject == "Hi Zoé Bcc: all@example.org"


def test_a_misspelt_name_is_pointed_out():
    found = unknown_names(
        _wording("Hello\n{{ custmer.name }}{% for l in order.lines %}{{ l.name }}{% endfor %}"),
        frozenset({"customer", "order"}),
    )

    assert [(fault.line, "custmer" in fault.text) for fault in found] == [(2, True)]


def test_a_mail_without_a_subject_cannot_be_used():
    assert [fault.field for fault in faults(_wording("x", subject=" "), blocks={})] == ["subject"]


def test_liquid_of_a_shops_name_is_text():
    shop = SHOP | {"name": "{{ customer.name }}"}

    mail = compiled(_wording("x"), shop=shop, blocks={}).render({"customer": {"name": "Zoé"}})

    assert "Zoé" not in mail.html
