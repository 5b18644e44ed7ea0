"""The page behind the faces of the mail that asks what a customer thought of our answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from allauth.core.internal import ratelimit
from django.shortcuts import redirect
from django.utils import translation
from django.views.decorators.http import require_http_methods

from company import queries as company
from contacts import rules, services
from contacts.models import Rating
from contacts.queries import ratings
from contacts.services.rating import UnusableRating
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

RATES = {"rating": "60/m/ip"}
UNPROCESSABLE = 422
ICONS = {1: "mood-cry", 2: "mood-sad", 3: "mood-empty", 4: "mood-smile", 5: "mood-happy"}
PAGE = "contacts/rating.html"


@require_http_methods(["GET", "HEAD", "POST"])
@access.public
def rating(request: HttpRequest, token: str) -> HttpResponse:
    """Five faces, one chosen beforehand by the link; only the button keeps it. Tries are counted."""
    if too_many := ratelimit.consume_or_429(
        request, app="contacts", action="rating", config=RATES, limit_get=True
    ):
        return cast("HttpResponse", too_many)
    question = ratings.question(token)
    if question is None:
        return render_page(request, PAGE, {}, status=404)
    with translation.override(question.language):
        if request.method == "POST":
            return _answer(request, token, question)
        chosen = _score(request.GET.get("score", "")) or question.score
        is_done = "thanks" in request.GET and question.score is not None
        return _page(request, question, chosen=chosen, is_done=is_done)


def _answer(request: HttpRequest, token: str, question: ratings.Question) -> HttpResponse:
    score, comment = _score(request.POST.get("score", "")), request.POST.get("comment", "")
    try:
        services.rate(question.rating_id, score=score, comment=comment)
    except UnusableRating as refusal:
        return _page(
            request,
            question,
            chosen=score,
            comment=comment,
            faults=refusal.fields,
            status=UNPROCESSABLE,
        )
    answer = redirect("contacts-public:rating", token)
    answer["Location"] += "?thanks"
    return answer


def _page(
    request: HttpRequest,
    question: ratings.Question,
    *,
    chosen: int | None,
    comment: str | None = None,
    faults: Any = None,
    is_done: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "question": question,
        "shop": company.shop(question.shop_id),
        "faces": [
            {"score": score.value, "label": score.label, "icon": ICONS[score.value]}
            for score in Rating.Score
        ],
        "chosen": chosen,
        "comment": question.comment if comment is None else comment,
        "longest": rules.LONGEST_COMMENT,
        "faults": faults or {},
        "is_done": is_done,
    }
    return render_page(request, PAGE, context, status=status).render()


def _score(text: str) -> int:
    """1 to 5, or 0 for anything else."""
    return int(text) if text in {str(score) for score in Rating.Score.values} else 0
