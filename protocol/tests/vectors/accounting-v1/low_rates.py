"""Makes low_rates.json: python3 low_rates.py > low_rates.json, with dp_accounting 0.6.0 and mpmath 1.3.

Training runs with low sampling rates, where the losses that matter are rare and small beside the
largest. eps_rdp is of dp_accounting's default orders; eps_pld_pess of its pessimistic grid with step dx,
fine enough to be within 5e-4 of the exact value; eps_pld_pess_reference_step of the step 2e-5. Where delta is too small for its transform,
one step is solved from the closed form P(L > e) - exp(e) Q(L > e) = delta, with 60 digits.
"""

import json

from dp_accounting import dp_event, rdp
from dp_accounting.pld import privacy_loss_distribution as pld
from mpmath import erfc, exp, expm1, log1p, mp, mpf, sqrt

RUNS = [
    (0.8, 1e-5, 200_000, 1e-8, 1e-6),
    (0.8, 3e-5, 100_000, 1e-8, 2e-6),
    (0.6, 1e-5, 200_000, 1e-8, 5e-6),
    (0.6, 1e-5, 100_000, 1e-6, 2e-6),
    (0.6, 1e-5, 100_000, 1e-5, 2e-6),
    (0.8, 1e-4, 200_000, 1e-8, 1e-5),
    (0.7, 1e-5, 1_000, 1e-8, 1e-6),
    (0.6, 1e-5, 1_000, 1e-8, 2e-6),
    (1.0, 1e-4, 10_000, 1e-6, 2e-6),
]
# Sigma, rate, delta of one step.
STEPS = [(0.5, 1e-5, 1e-15), (1.0, 1e-5, 1e-14), (1.0, 1e-3, 1e-20), (0.3, 1e-3, 1e-16)]
# For the Renyi figure alone; of the last two it is zero by Bretagnolle and Huber.
LEDGERS = [(1.0, 1e-4, 10_000, 1e-6), (1.316, 1.23e-5, 625_231, 2.01e-6), (0.4, 1e-3, 1_000, 1e-5),
           (3.0, 1e-4, 1_000, 1e-3), (30.0, 1e-4, 100, 1e-3)]


def renyi(sigma, rate, steps, delta):
    accountant = rdp.RdpAccountant()
    accountant.compose(dp_event.PoissonSampledDpEvent(rate, dp_event.GaussianDpEvent(sigma)), steps)
    return float(accountant.get_epsilon(delta))


def pessimistic(sigma, rate, steps, delta, dx):
    one = pld.from_gaussian_mechanism(
        sigma, sampling_prob=rate, value_discretization_interval=dx, use_connect_dots=True)
    return float(one.self_compose(steps).get_epsilon_for_delta(delta))


def exact(sigma, rate, delta):
    mp.dps = 60
    sigma, rate, delta = mpf(repr(sigma)), mpf(repr(rate)), mpf(repr(delta))
    tail = lambda t: erfc(t / sqrt(2)) / 2
    def curve(epsilon):
        z = sigma * log1p(expm1(epsilon) / rate) + 1 / (2 * sigma)
        return (1 - rate) * tail(z) + rate * tail(z - 1 / sigma) - exp(epsilon) * tail(z)
    low, high = mpf(0), mpf(200)
    for _ in range(150):
        middle = (low + high) / 2
        low, high = (middle, high) if curve(middle) > delta else (low, middle)
    return float(high)


def case(sigma, rate, steps, delta, **more):
    base = {"sigma": sigma, "q": rate, "steps": steps, "delta": delta}
    return base | {"eps_rdp": renyi(sigma, rate, steps, delta)} | more


cases = [case(*run, dx=dx, eps_pld_pess=pessimistic(*run, dx),
              eps_pld_pess_reference_step=pessimistic(*run, 2e-5)) for *run, dx in RUNS]
cases += [case(s, q, 1, d, eps_exact=exact(s, q, d)) for s, q, d in STEPS]
cases += [case(*run) for run in LEDGERS]
made = {"source": "dp_accounting 0.6.0, mpmath", "made_by": "low_rates.py"}
lines = ",\n".join("    " + json.dumps(case) for case in cases)
print(json.dumps(made)[:-1] + ',\n  "cases": [\n' + lines + "\n]}")
