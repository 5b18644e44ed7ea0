"""How often a customer will order, whether he is still there, and what he will be worth.

Purchases follow the BG/NBD model (Fader, Hardie, Lee 2005, "Counting Your Customers" the Easy Way):
while he is there a customer orders at random at his own rate, and after each order he leaves with his
own probability. The rates differ between customers as a gamma distribution (r, alpha), the
probabilities as a beta distribution (a, b). What he spends per order follows the gamma-gamma model
(Fader, Hardie 2013; p, q, v). Both are fitted by maximum likelihood, with derivatives, from several
starts, in logarithms throughout.

A history is three numbers in one unit of time: `frequency` orders after the first one, `recency` from
the first order to the last one, `age` from the first order to now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

Numbers: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = NDArray[np.float64]
Slope = Callable[[Numbers], tuple[float, Numbers]]

# Parameters are searched between e**-12 and e**12, in time scaled to an age of one on average.
FURTHEST = 12.0
SAMPLE = 20_000
NODES = 64
PURCHASE_STARTS = (
    (0.25, 0.8, 2.5),
    (1.0, 1.0, 1.0),
    (0.5, 0.5, 10.0),
    (3.0, 0.2, 2.0),
    (0.8, 2.0, 20.0),
)
SPEND_STARTS = ((6.0, 4.0), (1.0, 2.0), (2.0, 20.0), (20.0, 3.0))


class NothingToFit(ValueError):
    """Nobody ordered again, or nobody spent anything: there is nothing to learn from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Histories:
    """What is known of many customers, one number of each per customer."""

    frequency: Numbers
    recency: Numbers
    age: Numbers

    @classmethod
    def of(
        cls, frequency: Sequence[float], recency: Sequence[float], age: Sequence[float]
    ) -> Histories:
        """The same from plain sequences."""
        return cls(
            frequency=np.asarray(frequency, dtype=np.float64),
            recency=np.asarray(recency, dtype=np.float64),
            age=np.asarray(age, dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.frequency)


@dataclass(frozen=True, kw_only=True, slots=True)
class PurchaseModel:
    """The parameters of BG/NBD in the unit of time of the histories, and how well they fit."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendModel:
    """The parameters of gamma-gamma in the unit of money of the averages, and how well they fit."""

    p: float
    q: float
    v: float
    log_likelihood: float = 0.0


# --- Fitting --------------------------------------------------------------------------------------


def fit_purchases(histories: Histories) -> PurchaseModel:
    """The most likely BG/NBD parameters. Raises NothingToFit when nobody ordered again."""
    if not len(histories) or not histories.frequency.any():
        raise NothingToFit("Nobody ordered again: there is nothing to fit.")
    unit = float(np.mean(histories.age)) or 1.0
    scaled = Histories(
        frequency=histories.frequency,
        recency=histories.recency / unit,
        age=histories.age / unit,
    )
    rate = float(np.sum(scaled.frequency) / max(np.sum(scaled.age), 1e-9))
    starts = [np.log([r, r / rate, a, b]) for r, a, b in PURCHASE_STARTS]
    best = _climb(_PurchaseSlope(_sampled(scaled)), starts)
    found = _climb(_PurchaseSlope(scaled), [best])
    r, alpha, a, b = (float(number) for number in np.exp(found))
    return _judged(PurchaseModel(r=r, alpha=alpha * unit, a=a, b=b), histories)


def fit_spend(frequency: Numbers, average: Numbers) -> SpendModel:
    """The most likely gamma-gamma parameters for average values of so many orders each.

    Who has no order or spent nothing is left out. Raises NothingToFit when nobody is left.
    """
    counts = (frequency > 0) & (average > 0)
    orders, spent = frequency[counts], average[counts]
    if not len(orders) or np.ptp(spent) == 0:
        raise NothingToFit("Nobody spent anything, or all the same: there is nothing to fit.")
    unit = float(np.mean(spent))
    slope = _SpendSlope(orders, spent / unit)
    starts = [np.log([p, q, max(q - 1, 0.5) / p]) for p, q in SPEND_STARTS]
    found = _climb(slope, starts)
    p, q, v = (float(number) for number in np.exp(found))
    model = SpendModel(p=p, q=q, v=v * unit)
    likelihood = float(np.sum(spend_log_likelihoods(model, orders, spent)))
    return SpendModel(p=p, q=q, v=v * unit, log_likelihood=likelihood)


def _judged(model: PurchaseModel, histories: Histories) -> PurchaseModel:
    likelihood = float(np.sum(log_likelihoods(model, histories)))
    return PurchaseModel(
        r=model.r, alpha=model.alpha, a=model.a, b=model.b, log_likelihood=likelihood
    )


def _sampled(histories: Histories) -> Histories:
    """Every n-th of very many customers: enough to find the right hill."""
    step = -(-len(histories) // SAMPLE)
    return Histories(
        frequency=histories.frequency[::step],
        recency=histories.recency[::step],
        age=histories.age[::step],
    )


def _climb(slope: Slope, starts: Sequence[Numbers]) -> Numbers:
    """The best point that any of the starts leads to."""
    bounds = [(-FURTHEST, FURTHEST)] * len(starts[0])
    options = {"maxiter": 1000, "maxfun": 3000, "ftol": 1e-15, "gtol": 1e-9}
    results = [
        minimize(slope, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        for start in starts
    ]
    return np.asarray(min(results, key=lambda result: result.fun).x, dtype=np.float64)


class _PurchaseSlope:
    """Minus the mean log-likelihood of BG/NBD and its derivatives, at logarithms of the parameters.

    The gamma functions depend on the number of orders only, of which there are few different ones.
    """

    def __init__(self, histories: Histories) -> None:
        self._orders, self._place, self._count = np.unique(
            histories.frequency, return_inverse=True, return_counts=True
        )
        self._place = self._place.ravel()
        self._x, self._recency, self._age = (
            histories.frequency,
            histories.recency,
            histories.age,
        )
        self._again = histories.frequency > 0
        self._number = len(histories)

    def __call__(self, point: Numbers) -> tuple[float, Numbers]:
        r, alpha, a, b = np.exp(point)
        x, n, orders, count = self._x, self._number, self._orders, self._count
        survived, left = _ends(r, alpha, a, b, x, self._recency, self._age)
        either = np.logaddexp(survived, left)
        steady = count @ _steady(r, alpha, a, b, orders)
        stays, goes = np.exp(survived - either), np.exp(left - either)
        waits = stays / (alpha + self._age) + goes / (alpha + self._recency)
        slow = stays @ np.log(alpha + self._age) + goes @ np.log(alpha + self._recency)
        going = float(goes.sum())
        after = float(np.sum(goes[self._again] / (b + x[self._again] - 1)))
        whole = digamma(a + b) - digamma(a + b + orders)
        by_r = count @ (digamma(r + orders) - digamma(r)) + n * np.log(alpha) - slow
        by_alpha = n * r / alpha - (r + x) @ waits
        by_a = count @ whole + going / a
        by_b = count @ (whole + digamma(b + orders) - digamma(b)) - after
        slopes = np.array([by_r * r, by_alpha * alpha, by_a * a, by_b * b])
        return -(float(steady) + float(either.sum())) / n, -slopes / n


class _SpendSlope:
    """Minus the mean log-likelihood of gamma-gamma and its derivatives, at logarithms."""

    def __init__(self, orders: Numbers, average: Numbers) -> None:
        self._orders, self._average = orders, average

    def __call__(self, point: Numbers) -> tuple[float, Numbers]:
        p, q, v = np.exp(point)
        x, n = self._orders, len(self._orders)
        total = x * self._average
        model = SpendModel(p=float(p), q=float(q), v=float(v))
        value = float(np.sum(spend_log_likelihoods(model, x, self._average)))
        both, wide = digamma(p * x + q), np.log(v + total)
        by_p = x @ (both - digamma(p * x) + np.log(total) - wide)
        by_q = float(np.sum(both)) - n * digamma(q) + n * np.log(v) - float(np.sum(wide))
        by_v = n * q / v - float(np.sum((p * x + q) / (v + total)))
        slopes = np.array([by_p * p, by_q * q, by_v * v])
        return -value / n, -slopes / n


# --- Likelihoods ----------------------------------------------------------------------------------


def log_likelihoods(model: PurchaseModel, histories: Histories) -> Numbers:
    """The logarithm of each history's likelihood (equation 6 of the paper)."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    x = histories.frequency
    survived, left = _ends(r, alpha, a, b, x, histories.recency, histories.age)
    return np.asarray(_steady(r, alpha, a, b, x) + np.logaddexp(survived, left))


def spend_log_likelihoods(model: SpendModel, orders: Numbers, average: Numbers) -> Numbers:
    """The logarithm of the density of each average of so many orders (equation 1a of the note)."""
    p, q, v, x = model.p, model.q, model.v, orders
    shape = p * x
    return np.asarray(
        gammaln(shape + q)
        - gammaln(shape)
        - gammaln(q)
        + q * np.log(v)
        + (shape - 1) * np.log(average)
        + shape * np.log(x)
        - (shape + q) * np.log(v + x * average)
    )


def _steady(r: float, alpha: float, a: float, b: float, x: Numbers) -> Numbers:
    """What depends on the number of orders only."""
    return np.asarray(
        gammaln(r + x)
        - gammaln(r)
        + r * np.log(alpha)
        + gammaln(a + b)
        - gammaln(a + b + x)
        + gammaln(b + x)
        - gammaln(b)
    )


def _ends(
    r: float, alpha: float, a: float, b: float, x: Numbers, recency: Numbers, age: Numbers
) -> tuple[Numbers, Numbers]:
    """How likely the customer is still there, and how likely he left after his last order."""
    survived = -(r + x) * np.log(alpha + age)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(
            x > 0,
            np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency),
            -np.inf,
        )
    return survived, left


# --- Looking ahead --------------------------------------------------------------------------------


def alive(model: PurchaseModel, histories: Histories) -> Numbers:
    """The probability that each customer is still there; one after a single order, by the model."""
    survived, left = _ends(
        model.r,
        model.alpha,
        model.a,
        model.b,
        histories.frequency,
        histories.recency,
        histories.age,
    )
    return np.asarray(np.exp(survived - np.logaddexp(survived, left)))


def expected_purchases(model: PurchaseModel, histories: Histories, ahead: float) -> Numbers:
    """How many orders each customer will place in the time ahead (equation 10 of the paper).

    The hypergeometric function of the paper is an integral over the customer's chance of leaving,
    here taken as a weighted sum over fixed points (Gauss-Jacobi): nothing overflows, and a = 1 is
    no exception.
    """
    found = np.empty(len(histories))
    stretch = ahead / (model.alpha + histories.age)
    for x in np.unique(histories.frequency):
        chosen = histories.frequency == x
        chance, weight = _leaving(model.a, model.b + float(x))
        lasting = -np.expm1(-(model.r + x) * np.log1p(np.outer(stretch[chosen], chance)))
        found[chosen] = lasting @ (weight / chance)
    return found * alive(model, histories)


@lru_cache(maxsize=1024)
def _leaving(a: float, b: float) -> tuple[Numbers, Weights]:
    """Points and weights for means over a beta distribution (Golub, Welsch 1969).

    They are the eigenvalues, and the first parts of the eigenvectors, of the matrix that links the
    Jacobi polynomials; no gamma function is asked, so no parameter is too large.
    """
    order = np.arange(1, NODES, dtype=np.float64)
    total = a + b - 2
    middle, step = b - 1, 2 * order + total
    centre = np.empty(NODES)
    centre[0] = (a - b) / (a + b)
    centre[1:] = (a - b) * total / (step * (step + 2))
    link = np.empty(NODES - 1)
    link[0] = 4 * a * b / ((a + b) ** 2 * (a + b + 1))
    later, wide = order[1:], step[1:]
    link[1:] = (
        4 * later * (later + middle) * (later + a - 1) * (later + total)
        / (wide**2 * (wide + 1) * (wide - 1))
    )  # fmt: skip
    points, vectors = eigh_tridiagonal(centre, np.sqrt(link))
    chance = np.maximum((points + 1) / 2, np.finfo(np.float64).tiny)
    return chance, np.asarray(vectors[0] ** 2)


def silent(model: PurchaseModel, histories: Histories, ahead: float) -> Numbers:
    """The probability that each customer places no order in the time ahead: gone, or just slow."""
    shrink = np.log1p(ahead / (model.alpha + histories.age))
    speaks = -np.expm1(-(model.r + histories.frequency) * shrink)
    return np.asarray(1 - alive(model, histories) * speaks)


def next_order(model: PurchaseModel, histories: Histories) -> Numbers:
    """The time from now until a customer who is still there has ordered with a chance of one half."""
    shape = model.r + histories.frequency
    return np.asarray((model.alpha + histories.age) * np.expm1(np.log(2) / shape))


def expected_value(model: SpendModel, orders: Numbers, average: Numbers) -> Numbers:
    """What an order of each customer will be worth: his own average, drawn towards everybody's.

    Without a mean (q at most one and no orders) the result is infinite; `has_mean` tells.
    """
    weight = model.p * orders + model.q - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        found = model.p * (model.v + orders * average) / weight
    return np.asarray(np.where(weight > 0, found, np.inf))


def has_mean(model: SpendModel) -> bool:
    """True when the model has an average order at all."""
    return model.q > 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Horizon:
    """How far to look: `periods` of length `step`, each worth less than the one before."""

    periods: int
    step: float
    discount: float

    @property
    def length(self) -> float:
        """The whole time ahead."""
        return self.periods * self.step


def discounted_purchases(model: PurchaseModel, histories: Histories, horizon: Horizon) -> Numbers:
    """The orders each customer will place, each worth what an order of that period is worth today."""
    total = np.zeros(len(histories))
    before = np.zeros(len(histories))
    for period in range(1, horizon.periods + 1):
        until = expected_purchases(model, histories, period * horizon.step)
        total += (until - before) / (1 + horizon.discount) ** period
        before = until
    return total


def lifetime_values(
    model: PurchaseModel,
    spend: SpendModel,
    histories: Histories,
    *,
    orders: Numbers,
    average: Numbers,
    horizon: Horizon,
) -> Numbers:
    """What each customer will bring within the horizon, in today's money."""
    worth = expected_value(spend, orders, average)
    return np.asarray(discounted_purchases(model, histories, horizon) * worth)
