"""What mails about orders say: the order as plain values, the blocks it fills, the built-in confirmation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from messaging.extensions import BlockSource, Sample, TemplateWording
from orders.models import Order
from orders.queries.reading import details
from orders.types import OrderDetails

CONFIRMATION = "orders.confirmation"


def confirmation_data(order: Order, *, language: str) -> dict[str, Any]:
    """Everything a mail may say of an order and its buyer, as plain values. Runs one query."""
    customer = order.document.get("customer") or {}
    first, last = customer.get("first_name") or "", customer.get("last_name") or ""
    return {
        "customer": {
            "first_name": first,
            "last_name": last,
            "name": f"{first} {last}".strip(),
            "email": customer.get("email") or "",
        },
        "order": order_values(details(order, language=language)),
    }


def order_values(order: OrderDetails) -> dict[str, Any]:
    """An order as templates see it. Amounts are numbers; `order.currency` says of what."""
    return {
        "number": order.card.number,
        "placed_at": order.card.placed_at,
        "status": order.card.status,
        "items_count": order.card.items_count,
        "currency": order.card.total.currency,
        "total": order.card.total.amount,
        "shipping": order.totals.shipping,
        "discount": order.taken_discount or None,
        "added_tax": order.added_tax or None,
        "included_tax": order.included_tax or None,
        "lines": [
            {
                "name": line.name or line.sku,
                "sku": line.sku,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "total": line.total,
            }
            for line in order.lines
        ],
        "shipping_method": order.shipping_method,
        "shipping_address": list(order.shipping_address),
        "billing_address": list(order.billing_address),
        "parcels": [
            {"carrier": p.carrier, "number": p.tracking_number, "url": p.tracking_url}
            for p in order.parcels
        ],
    }


def sample(shop_id: int, profile_id: int | None, language: str) -> Sample | None:
    """The customer's newest order, or the shop's newest one; None without any. Two queries."""
    rows = Order.objects.of_shops([shop_id]).for_list()
    if profile_id is not None:
        rows = rows.filter(profile_id=profile_id)
    order = rows.first()
    if order is None:
        return None
    data = confirmation_data(order, language=language)
    label = f"{data['customer']['name'] or data['customer']['email']} · {order.number}"
    return Sample(label=label, data=data)


# --- Words ----------------------------------------------------------------------------------------


def wordings() -> Mapping[str, TemplateWording]:
    """The confirmation as it comes with the product."""
    return {
        language: TemplateWording(
            language=language,
            format="markdown",
            subject=subject,
            preheader=preheader,
            source=source.strip() + "\n",
        )
        for language, (subject, preheader, source) in _CONFIRMATION.items()
    }


_CONFIRMATION = {
    "en": (
        "Your order {{ order.number }} at {{ shop.name }}",
        (
            "{{ order.items_count }} {% if order.items_count == 1 %}item{% else %}items{% endif %},"
            " {{ order.total | money: order.currency }}"
        ),
        """
# Thank you{% if customer.first_name != "" %}, {{ customer.first_name }}{% endif %}!

We have received your order **{{ order.number }}** and are taking care of it.

{{ blocks.order_lines }}

{{ blocks.order_addresses }}

A question about your order? Simply answer this e-mail.
""",
    ),
    "fr": (
        "Votre commande {{ order.number }} chez {{ shop.name }}",
        (
            "{{ order.items_count }} {% if order.items_count < 2 %}article{% else %}articles{% endif %},"
            " {{ order.total | money: order.currency }}"
        ),
        """
# Merci{% if customer.first_name != "" %}, {{ customer.first_name }}{% endif %} !

Nous avons bien reçu votre commande **{{ order.number }}** et nous nous en occupons.

{{ blocks.order_lines }}

{{ blocks.order_addresses }}

Une question sur votre commande ? Répondez simplement à cet e-mail.
""",
    ),
    "de": (
        "Ihre Bestellung {{ order.number }} bei {{ shop.name }}",
        "{{ order.items_count }} Artikel, {{ order.total | money: order.currency }}",
        """
# Vielen Dank{% if customer.first_name != "" %}, {{ customer.first_name }}{% endif %}!

Wir haben Ihre Bestellung **{{ order.number }}** erhalten und kümmern uns darum.

{{ blocks.order_lines }}

{{ blocks.order_addresses }}

Eine Frage zu Ihrer Bestellung? Antworten Sie einfach auf diese E-Mail.
""",
    ),
}

_CELL = 'style="padding:12px 12px 12px 0;border-top:1px solid #e6e2dc;vertical-align:top;"'
_SUM = (
    '<tr><td class="quiet" style="padding:2px 12px 2px 0;color:#6a645c;">{label}</td>'
    '<td align="right" style="padding:2px 0;white-space:nowrap;">{value}</td></tr>'
)
_MONEY = "{{{{ order.{name} | money: order.currency }}}}"


def lines_block() -> BlockSource:
    """What was ordered, and what it adds up to, in the active language."""
    discount, shipping, tax = _("Discount"), _("Shipping"), _("Tax")
    total, included = _("Total"), _("including {tax} tax").format(tax=_money("included_tax"))
    html = (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
        ' style="border-collapse:collapse;font-size:15px;margin:12px 0 8px;">'
        "{% for line in order.lines %}<tr>"
        f'<td class="rule" {_CELL}>{{{{ line.name }}}}<br><span class="quiet" style="font-size:13px;'
        'color:#6a645c;">{{ line.quantity | number }} &times; {{ line.unit_price | money: order.currency }}'
        "</span></td>"
        '<td class="rule" align="right" style="padding:12px 0;border-top:1px solid #e6e2dc;'
        'vertical-align:top;white-space:nowrap;">{{ line.total | money: order.currency }}</td>'
        "</tr>{% endfor %}"
        '<tr><td class="rule" colspan="2" style="padding:0 0 8px;border-top:1px solid #e6e2dc;'
        'font-size:0;line-height:0;">&nbsp;</td></tr>'
        f"{{% if order.discount %}}{_sum(discount, '&minus;' + _money('discount'))}{{% endif %}}"
        f"{_sum(shipping, _money('shipping'))}"
        f"{{% if order.added_tax %}}{_sum(tax, _money('added_tax'))}{{% endif %}}"
        '<tr><td style="padding:8px 12px 0 0;font-size:17px;font-weight:650;">'
        f"{total}</td>"
        '<td align="right" style="padding:8px 0 0;font-size:17px;font-weight:650;white-space:nowrap;">'
        f"{_money('total')}</td></tr>"
        '{% if order.included_tax %}<tr><td colspan="2" align="right" class="quiet"'
        f' style="font-size:13px;color:#6a645c;">{included}</td></tr>{{% endif %}}'
        "</table>"
    )
    text = (
        "{% for line in order.lines %}{{ line.quantity | number }} × {{ line.name }}"  # noqa: RUF001
        "  {{ line.total | money: order.currency }}\n{% endfor %}\n"
        f"{{% if order.discount %}}{discount}: -{_money('discount')}\n{{% endif %}}"
        f"{shipping}: {_money('shipping')}\n"
        f"{{% if order.added_tax %}}{tax}: {_money('added_tax')}\n{{% endif %}}"
        f"{total}: {_money('total')}"
        f"{{% if order.included_tax %}}\n{included}{{% endif %}}\n"
    )
    return BlockSource(html=html, text=text)


def addresses_block() -> BlockSource:
    """Where the order goes and who pays, in the active language."""
    delivery, invoice = _("Delivery to"), _("Invoice to")
    method = '<span class="quiet" style="color:#6a645c;">{{ order.shipping_method }}</span>'
    html = (
        "{% if order.shipping_address.size > 0 or order.billing_address.size > 0 %}<table"
        ' role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
        ' style="margin:20px 0 24px;font-size:14px;"><tr>'
        f"{_address(delivery, 'shipping_address', method)}{_address(invoice, 'billing_address', '')}"
        "</tr></table>{% endif %}"
    )
    text = (
        f"{{% if order.shipping_address.size > 0 %}}{delivery}"
        "{% if order.shipping_method != '' %} ({{ order.shipping_method }}){% endif %}:\n"
        "{% for line in order.shipping_address %}{{ line }}\n{% endfor %}{% endif %}"
        f"{{% if order.billing_address.size > 0 %}}\n{invoice}:\n"
        "{% for line in order.billing_address %}{{ line }}\n{% endfor %}{% endif %}"
    )
    return BlockSource(html=html, text=text)


def _address(label: str, name: str, below: str) -> str:
    return (
        f'{{% if order.{name}.size > 0 %}}<td class="half" width="50%" style="vertical-align:top;'
        'padding-right:16px;"><div class="quiet" style="font-size:13px;color:#6a645c;'
        f'padding-bottom:4px;">{label}</div>'
        f"{{% for line in order.{name} %}}{{{{ line }}}}<br>{{% endfor %}}{below}</td>{{% endif %}}"
    )


def _sum(label: str, value: str) -> str:
    return _SUM.format(label=label, value=value)


def _money(name: str) -> str:
    return _MONEY.format(name=name)
