"""The models against numbers that were worked out in other ways."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad, quad
from scipy.special import gammaln, hyp2f1

from profiles.rules import clv, histories
from profiles.rules.clv import Histories, Horizon, PurchaseModel, SpendModel

# What the papers found for the CDNOW sample (weeks, dollars).
CDNOW = PurchaseModel(r=0.243, alpha=4.414, a=0.793, b=2.426)
CDNOW_SPEND = SpendModel(p=6.25, q=3.74, v=15.44)


def simulated(model, *, customers, weeks, seed):
    """Histories of customers who behave exactly as the model says, order by order."""
    chance = np.random.default_rng(seed)
    rates = chance.gamma(model.r, 1 / model.alpha, customers)
    leaving = chance.beta(model.a, model.b, customers)
    ages = chance.uniform(weeks / 2, weeks, customers)
    frequency, recency = np.zeros(customers), np.zeros(customers)
    there, clock = np.ones(customers, dtype=bool), np.zeros(customers)
    while there.any():
        clock = clock + chance.exponential(1 / np.maximum(rates, 1e-300))
        bought = there & (clock <= ages)
        frequency[bought] += 1
        recency[bought] = clock[bought]
        there = bought & (chance.random(customers) >= leaving)
    return Histories(frequency=frequency, recency=recency, age=ages)


def spent(model, frequency, *, seed):
    chance = np.random.default_rng(seed)
    scale = chance.gamma(model.q, 1 / model.v, len(frequency))
    shape = np.maximum(model.p * frequency, 1e-9)
    return np.where(frequency > 0, chance.gamma(shape, 1 / scale) / np.maximum(frequency, 1), 0.0)


@pytest.fixture(scope="module")
def many():
    return simulated(CDNOW, customers=120_000, weeks=78, seed=7)


# --- Fitting --------------------------------------------------------------------------------------


def test_the_parameters_of_the_published_sample_are_found_again(many):
    """So many customers, that chance moves the parameters by a few per cent at most."""
    found = clv.fit_purchases(many)

    assert found.r == pytest.approx(CDNOW.r, rel=0.03)
    assert found.alpha == pytest.approx(CDNOW.alpha, rel=0.03)
    assert found.a / (found.a + found.b) == pytest.approx(CDNOW.a / (CDNOW.a + CDNOW.b), rel=0.03)
    assert found.log_likelihood >= float(np.sum(clv.log_likelihoods(CDNOW, many)))


def test_what_customers_spend_is_found_again(many):
    average = spent(CDNOW_SPEND, many.frequency, seed=8)

    found = clv.fit_spend(many.frequency, average)

    mean = CDNOW_SPEND.p * CDNOW_SPEND.v / (CDNOW_SPEND.q - 1)
    assert found.p * found.v / (found.q - 1) == pytest.approx(mean, rel=0.02)
    assert found.p == pytest.approx(CDNOW_SPEND.p, rel=0.05)
    assert found.q == pytest.approx(CDNOW_SPEND.q, rel=0.05)


def slopes(point, value):
    """How steep a function is at a point, by small steps: the derivatives are not trusted."""
    found = []
    for index in range(len(point)):
        step = np.zeros(len(point))
        step[index] = 1e-5
        found.append((value(point + step) - value(point - step)) / 2e-5)
    return np.array(found)


def test_the_hill_is_flat_at_its_top(many):
    part = Histories(
        frequency=many.frequency[:4000], recency=many.recency[:4000], age=many.age[:4000]
    )
    found = clv.fit_purchases(part)

    def height(point):
        r, alpha, a, b = np.exp(point)
        model = PurchaseModel(r=r, alpha=alpha, a=a, b=b)
        return float(np.mean(clv.log_likelihoods(model, part)))

    top = np.log([found.r, found.alpha, found.a, found.b])
    assert np.abs(slopes(top, height)).max() < 1e-6
    for direction in np.random.default_rng(1).normal(size=(20, 4)):
        assert height(top + 0.05 * direction) < height(top)


def test_the_hill_of_spending_is_flat_at_its_top(many):
    average = spent(CDNOW_SPEND, many.frequency, seed=3)[:6000]
    frequency = many.frequency[:6000]
    counted = frequency > 0
    found = clv.fit_spend(frequency, average)

    def height(point):
        p, q, v = np.exp(point)
        model = SpendModel(p=p, q=q, v=v)
        likelihoods = clv.spend_log_likelihoods(model, frequency[counted], average[counted])
        return float(np.mean(likelihoods))

    assert np.abs(slopes(np.log([found.p, found.q, found.v]), height)).max() < 1e-6


@pytest.mark.parametrize("unit", [1 / 7, 24.0, 3600.0])
def test_another_unit_of_time_changes_nothing_but_the_unit(many, unit):
    part = Histories(
        frequency=many.frequency[:3000], recency=many.recency[:3000], age=many.age[:3000]
    )
    other = Histories(frequency=part.frequency, recency=part.recency * unit, age=part.age * unit)

    weeks, others = clv.fit_purchases(part), clv.fit_purchases(other)

    assert others.alpha / unit == pytest.approx(weeks.alpha, rel=1e-4)
    assert (others.r, others.a, others.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-4)


def test_nobody_who_ordered_again_teaches_nothing():
    with pytest.raises(clv.NothingToFit):
        clv.fit_purchases(Histories.of([0, 0], [0, 0], [10, 20]))
    with pytest.raises(clv.NothingToFit):
        clv.fit_spend(np.array([0.0, 1.0]), np.array([5.0, 0.0]))


def test_a_few_very_busy_customers_break_nothing():
    busy = Histories.of([4000, 0, 3, 12], [70, 0, 20, 75], [71, 60, 78, 76])

    found = clv.fit_purchases(busy)

    assert all(math.isfinite(n) for n in (found.r, found.alpha, found.a, found.b))
    assert np.isfinite(clv.expected_purchases(found, busy, 52.0)).all()


# --- One customer, worked out in another way ------------------------------------------------------


def by_integration(model, x, recency, age):
    """The likelihood of one history, integrated over his rate and his chance of leaving."""

    def density(rate, leaving):
        gamma = math.exp(
            model.r * math.log(model.alpha)
            + (model.r - 1) * math.log(rate)
            - rate * model.alpha
            - gammaln(model.r)
        )
        beta = math.exp(
            gammaln(model.a + model.b)
            - gammaln(model.a)
            - gammaln(model.b)
            + (model.a - 1) * math.log(leaving)
            + (model.b - 1) * math.log1p(-leaving)
        )
        stays = (1 - leaving) ** x * rate**x * math.exp(-rate * age)
        goes = (
            leaving * (1 - leaving) ** (x - 1) * rate**x * math.exp(-rate * recency) if x else 0.0
        )
        return gamma * beta * (stays + goes)

    return dblquad(density, 0, 1, 0, np.inf, epsabs=1e-12, epsrel=1e-9)[0]


@pytest.mark.parametrize(
    ("x", "recency", "age"), [(0, 0, 30), (1, 4, 30), (3, 25, 30), (6, 12, 39)]
)
def test_the_likelihood_of_one_customer_is_the_integral_over_what_he_may_be_like(x, recency, age):
    model = PurchaseModel(r=1.7, alpha=6.0, a=1.4, b=2.8)

    found = clv.log_likelihoods(model, Histories.of([x], [recency], [age]))[0]

    assert math.exp(found) == pytest.approx(by_integration(model, x, recency, age), rel=1e-6)


def test_what_one_customer_spends_is_a_density():
    total = quad(
        lambda z: math.exp(
            clv.spend_log_likelihoods(CDNOW_SPEND, np.array([3.0]), np.array([z]))[0]
        ),
        0,
        np.inf,
        epsabs=1e-10,
    )[0]

    assert total == pytest.approx(1.0, abs=1e-7)


def by_the_paper(model, x, recency, age, ahead):
    """Equation 10 as it is printed, with the hypergeometric function."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    series = hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + age + ahead))
    shrink = ((alpha + age) / (alpha + age + ahead)) ** (r + x)
    gone = (a / (b + x - 1)) * ((alpha + age) / (alpha + recency)) ** (r + x) if x else 0.0
    return (a + b + x - 1) / (a - 1) * (1 - shrink * series) / (1 + gone)


@given(
    r=st.floats(0.1, 4),
    alpha=st.floats(0.5, 30),
    a=st.floats(0.2, 4).filter(lambda a: abs(a - 1) > 0.05),
    b=st.floats(0.5, 10),
    x=st.integers(0, 12),
    age=st.floats(1, 100),
    part=st.floats(0.05, 1),
    ahead=st.floats(1, 104),
)
@settings(max_examples=200, deadline=None)
def test_expected_orders_are_those_of_the_paper(r, alpha, a, b, x, age, part, ahead):
    model = PurchaseModel(r=r, alpha=alpha, a=a, b=b)
    recency = age * part if x else 0.0

    found = clv.expected_purchases(model, Histories.of([x], [recency], [age]), ahead)[0]

    assert found == pytest.approx(by_the_paper(model, x, recency, age, ahead), rel=1e-6, abs=1e-9)


def test_expected_orders_go_smoothly_through_the_hole_of_the_formula():
    known = Histories.of([4], [20], [30])
    around = [
        clv.expected_purchases(PurchaseModel(r=0.5, alpha=5, a=a, b=2.5), known, 52.0)[0]
        for a in (1 - 1e-6, 1.0, 1 + 1e-6)
    ]

    assert around[1] == pytest.approx((around[0] + around[2]) / 2, rel=1e-9)


def test_the_published_customer_is_expected_to_order_so_often():
    """The paper's example: 2 orders, the last at week 30.43 of 38.86, gives 1.226 within 39 weeks."""
    found = clv.expected_purchases(CDNOW, Histories.of([2], [30.43], [38.86]), 39.0)[0]

    assert found == pytest.approx(1.226, abs=0.001)


def test_what_simulated_customers_do_next_is_what_was_expected(many):
    """Half of the time is known, the other half is expected and then counted."""
    model = PurchaseModel(r=0.8, alpha=6.0, a=0.6, b=3.0)
    chance = np.random.default_rng(11)
    rates = chance.gamma(model.r, 1 / model.alpha, 60_000)
    leaving = chance.beta(model.a, model.b, 60_000)
    known, later, recency = np.zeros(60_000), np.zeros(60_000), np.zeros(60_000)
    there, clock = np.ones(60_000, dtype=bool), np.zeros(60_000)
    while there.any():
        clock = clock + chance.exponential(1 / np.maximum(rates, 1e-300))
        first, second = there & (clock <= 40), there & (clock > 40) & (clock <= 80)
        known[first] += 1
        recency[first] = clock[first]
        later[second] += 1
        there = (first | second) & (chance.random(60_000) >= leaving)
    seen = Histories(frequency=known, recency=recency, age=np.full(60_000, 40.0))

    expected = clv.expected_purchases(model, seen, 40.0)
    silent = clv.silent(model, seen, 40.0)

    assert expected.mean() == pytest.approx(later.mean(), rel=0.03)
    assert silent.mean() == pytest.approx(np.mean(later == 0), abs=0.01)
    loyal = known >= 5
    assert expected[loyal].mean() == pytest.approx(later[loyal].mean(), rel=0.05)


@given(
    x=st.integers(0, 300), age=st.floats(0.1, 500), part=st.floats(0, 1), ahead=st.floats(0.1, 300)
)
@settings(max_examples=200, deadline=None)
def test_predictions_are_possible_numbers(x, age, part, ahead):
    known = Histories.of([x], [age * part if x else 0.0], [age])

    alive = clv.alive(CDNOW, known)[0]
    expected = clv.expected_purchases(CDNOW, known, ahead)[0]

    assert 0 <= alive <= 1
    assert 0 <= clv.silent(CDNOW, known, ahead)[0] <= 1
    assert 0 <= expected <= ahead * (CDNOW.r + x) / (CDNOW.alpha + age) * (1 + 1e-9)
    assert clv.next_order(CDNOW, known)[0] > 0


def test_an_order_is_worth_something_between_his_own_and_the_common_average():
    common = CDNOW_SPEND.p * CDNOW_SPEND.v / (CDNOW_SPEND.q - 1)

    worth = clv.expected_value(CDNOW_SPEND, np.array([0, 1, 20.0]), np.array([0, 100, 100.0]))

    assert worth[0] == pytest.approx(common)
    assert common < worth[1] < worth[2] < 100


def test_money_of_next_year_is_worth_less_today():
    known = Histories.of([4], [30], [40])
    options = {"orders": np.array([4.0]), "average": np.array([50.0])}

    def value(discount):
        horizon = Horizon(periods=13, step=4.0, discount=discount)
        return clv.lifetime_values(CDNOW, CDNOW_SPEND, known, **options, horizon=horizon)[0]

    undiscounted = clv.expected_purchases(CDNOW, known, 52.0)[0]
    worth = clv.expected_value(CDNOW_SPEND, options["orders"], options["average"])[0]
    assert value(0.0) == pytest.approx(undiscounted * worth)
    assert value(0.01) < value(0.0)


# --- The command ----------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "histories.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def fitted(capsys, path):
    call_command("clv", "fit", "--file", path)
    return json.loads(capsys.readouterr().out)


def table(known, average=None, *, head="frequency,recency,T"):
    columns = [known.frequency, known.recency, known.age]
    columns += [average] if average is not None else []
    rows = [
        ",".join(f"{n:.6f}".rstrip("0").rstrip(".") for n in row)
        for row in zip(*columns, strict=True)
    ]
    return "\n".join([head + (",monetary" if average is not None else ""), *rows])


def test_the_command_prints_the_parameters(capsys, file, many):
    part = Histories(
        frequency=many.frequency[:3000], recency=many.recency[:3000], age=many.age[:3000]
    )
    average = spent(CDNOW_SPEND, part.frequency, seed=5)

    plain = fitted(capsys, file(table(part)))
    with_money = fitted(capsys, file(table(part, average)))

    expected = clv.fit_purchases(part)
    assert list(plain) == ["r", "alpha", "a", "b"]
    assert plain["r"] == pytest.approx(expected.r, rel=1e-3)
    assert list(with_money) == ["r", "alpha", "a", "b", "p", "q", "v"]
    assert with_money["p"] == pytest.approx(clv.fit_spend(part.frequency, average).p, rel=1e-3)


def test_a_table_may_have_other_columns_a_mark_and_semicolons():
    text = "\ufeffcustomer;T;Recency;frequency\nana;10,5;x;1\n".replace("10,5", "10.5").replace(
        "x", "3"
    )

    found = histories.read(text.splitlines())

    assert found.histories == (histories.History(1, 3, 10.5),)
    assert not found.has_monetary


@pytest.mark.parametrize(
    "text",
    [
        "frequency,recency,T,monetary\n1,3,10.5,22.35\n",
        "ID;frequency;recency;T;monetary\r\n7;1;3;10,5;22,35\r\n",
        "T|monetary_value|frequency|recency\n10.5|22.35|1.0|3.0\n",
        '"frequency"\t"recency"\t"T"\t"monetary"\n"1"\t"3"\t"10.5"\t"22.35"\n',
    ],
)
def test_a_table_is_read_however_programs_write_it(text):
    found = histories.read(text.splitlines())

    assert found.histories == (histories.History(1, 3, 10.5, 22.35),)
    assert found.has_monetary


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file is empty"),
        ("frequency,recency\n1,2", "line 1: the head lacks the column T"),
        ("frequency,recency,T", "line 1: there is no customer"),
        ("frequency,recency,T\n1,2,5\n\n2,x,5", "line 4: recency is no number: x"),
        ("frequency,recency,T\n1.5,2,5", "line 2: frequency is no whole number"),
        ("frequency,recency,T\n1,6,5", "line 2: recency is later than T"),
        ("frequency,recency,T\n0,3,5", "line 2: who did not order again has recency 0"),
        ("frequency,recency,T\n-1,3,5", "line 2: frequency is negative"),
        ("frequency,recency,T\n1,3", "line 2: T is missing"),
        ("frequency,recency,T\n1,nan,5", "line 2: recency is no number: nan"),
        ("frequency,recency,T\n0,0,5\n0,0,9", "Nobody ordered again"),
        (b"frequency,recency,T\n\xff\xfe,2,3", "is not UTF-8 text"),
    ],
)
def test_a_bad_file_is_refused_with_the_line(file, text, message):
    with pytest.raises(CommandError, match=message.replace("(", r"\(")):
        call_command("clv", "fit", "--file", file(text))


def test_every_bad_line_is_named_up_to_a_number(file):
    text = "frequency,recency,T\n" + "1,9,5\n" * 30

    with pytest.raises(CommandError) as refusal:
        call_command("clv", "fit", "--file", file(text))

    assert str(refusal.value).count("line ") == histories.MOST_FAULTS
    assert "and perhaps more" in str(refusal.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CommandError, match="can't be read"):
        call_command("clv", "fit", "--file", str(tmp_path / "nowhere.csv"))


def test_a_web_process_does_not_load_scipy():
    """Loading it takes a second and forty megabytes; only the nightly job and the command need it."""
    code = (
        "import django, sys; django.setup(); import ecrm.urls, ecrm.asgi; from django.urls import "
        "get_resolver; get_resolver().url_patterns; print('scipy' in sys.modules, 'numpy' in sys.modules)"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["False", "False"]
