"""One name for what many programs call differently: “Viewed Product”, `view_item`, “PRODUCT viewed”."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

PAGE_VIEWED = "page-viewed"
SCREEN_VIEWED = "screen-viewed"
GROUP_JOINED = "group-joined"
PRODUCT_VIEWED = "product-viewed"
PRODUCT_CLICKED = "product-clicked"
PRODUCT_ADDED = "product-added"
PRODUCT_REMOVED = "product-removed"
PRODUCT_SEARCHED = "product-searched"
PRODUCT_LIST_VIEWED = "product-list-viewed"
CART_VIEWED = "cart-viewed"
CART_UPDATED = "cart-updated"
CHECKOUT_STARTED = "checkout-started"
ORDER_COMPLETED = "order-completed"

# Looking around: many rows which say little one by one.
BROWSING = frozenset(
    {
        PAGE_VIEWED,
        SCREEN_VIEWED,
        PRODUCT_VIEWED,
        PRODUCT_CLICKED,
        PRODUCT_LIST_VIEWED,
        "product-list-filtered",
        PRODUCT_SEARCHED,
        CART_VIEWED,
        "promotion-viewed",
    }
)
LONGEST = 80
LONGEST_RAW = 400

# What the e-commerce specification names, as noun and verb: version 2 puts the noun first, version 1 last.
_SPECIFIED = {
    "product": "viewed clicked added removed shared reviewed",
    "product-list": "viewed filtered",
    "products": "searched",
    "cart": "viewed updated shared",
    "checkout": "started",
    "checkout-step": "viewed completed",
    "payment-info": "entered",
    "order": "completed updated refunded cancelled",
    "coupon": "entered applied denied removed",
    "promotion": "viewed clicked",
    "page": "viewed",
    "screen": "viewed",
}
_OTHERWISE = {
    "products-searched": PRODUCT_SEARCHED,
    "searched-products": PRODUCT_SEARCHED,
    "searched-product": PRODUCT_SEARCHED,
    "search-submitted": PRODUCT_SEARCHED,
    "search": PRODUCT_SEARCHED,
    "view-search-results": PRODUCT_SEARCHED,
    "viewed-product-category": PRODUCT_LIST_VIEWED,
    "product-category-viewed": PRODUCT_LIST_VIEWED,
    "collection-viewed": PRODUCT_LIST_VIEWED,
    "category-viewed": PRODUCT_LIST_VIEWED,
    "viewed-category": PRODUCT_LIST_VIEWED,
    "view-item-list": PRODUCT_LIST_VIEWED,
    "view-item": PRODUCT_VIEWED,
    "view-content": PRODUCT_VIEWED,
    "select-item": PRODUCT_CLICKED,
    "add-to-cart": PRODUCT_ADDED,
    "added-to-cart": PRODUCT_ADDED,
    "product-added-to-cart": PRODUCT_ADDED,
    "added-product-to-cart": PRODUCT_ADDED,
    "remove-from-cart": PRODUCT_REMOVED,
    "product-removed-from-cart": PRODUCT_REMOVED,
    "removed-product-from-cart": PRODUCT_REMOVED,
    "view-cart": CART_VIEWED,
    "begin-checkout": CHECKOUT_STARTED,
    "initiate-checkout": CHECKOUT_STARTED,
    "order-started": CHECKOUT_STARTED,
    "started-order": CHECKOUT_STARTED,
    "add-payment-info": "payment-info-entered",
    "initiated-checkout": CHECKOUT_STARTED,
    "checkout-completed": ORDER_COMPLETED,
    "purchase": ORDER_COMPLETED,
    "purchased": ORDER_COMPLETED,
    "order-placed": ORDER_COMPLETED,
    "placed-order": ORDER_COMPLETED,
    "order-canceled": "order-cancelled",
    "canceled-order": "order-cancelled",
    "page-view": PAGE_VIEWED,
    "pageview": PAGE_VIEWED,
    "screen-view": SCREEN_VIEWED,
    "product-added-to-wishlist": "product-added-to-wishlist",
    "added-product-to-wishlist": "product-added-to-wishlist",
    "add-to-wishlist": "product-added-to-wishlist",
    "product-removed-from-wishlist": "product-removed-from-wishlist",
    "removed-product-from-wishlist": "product-removed-from-wishlist",
    "wishlist-product-added-to-cart": "wishlist-product-added-to-cart",
    "view-promotion": "promotion-viewed",
    "select-promotion": "promotion-clicked",
}
_KNOWN = {
    spelling: f"{noun}-{verb}"
    for noun, verbs in _SPECIFIED.items()
    for verb in verbs.split()
    for spelling in (f"{noun}-{verb}", f"{verb}-{noun}")
} | _OTHERWISE

# Some programs leave no sign between the words.
_WITHOUT_GAPS = {spelling.replace("-", ""): name for spelling, name in _KNOWN.items()}

_INNER_CAPITAL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=4096)
def canonical(raw: str) -> str | None:
    """`product-viewed` for whatever spelling; None when nothing is left to call it by.

    Names which nobody specified stay themselves, in small letters with hyphens.
    """
    text = unicodedata.normalize("NFKC", raw[:LONGEST_RAW])
    words = _WORD.findall(_INNER_CAPITAL.sub(" ", text).casefold())
    if not words:
        return None
    name = "-".join(words)
    known = _KNOWN.get(name) or _WITHOUT_GAPS.get(name.replace("-", ""))
    return known or name[:LONGEST].rstrip("-")
