"""What conditions of segments are made of. Modules above build theirs from these pieces.

`sql` puts pieces together; `Rows` are rows which belong to customers, asked with `counted`, `owned`,
`summed`, `figured` and `dated`; `moments`, `numbers` and `texts` know the operators.
"""

from profiles.queries.criteria import deeds, moments, numbers, texts
from profiles.queries.criteria.history import ORDERS_EVER
from profiles.queries.criteria.moments import ANY_TIME, IN_THE_LAST, PAST
from profiles.queries.criteria.numbers import (
    AMOUNTS,
    INTEGERS,
    NUMBERS,
    currency_of,
    dated,
    figured,
    summed,
)
from profiles.queries.criteria.rows import COUNTS, HAS, Rows, counted, owned
from profiles.queries.criteria.sql import earliest, joined, sql
from profiles.queries.criteria.texts import TEXTS, choice_operators

__all__ = [
    "AMOUNTS",
    "ANY_TIME",
    "COUNTS",
    "HAS",
    "INTEGERS",
    "IN_THE_LAST",
    "NUMBERS",
    "ORDERS_EVER",
    "PAST",
    "TEXTS",
    "Rows",
    "choice_operators",
    "counted",
    "currency_of",
    "dated",
    "deeds",
    "earliest",
    "figured",
    "joined",
    "moments",
    "numbers",
    "owned",
    "sql",
    "summed",
    "texts",
]
