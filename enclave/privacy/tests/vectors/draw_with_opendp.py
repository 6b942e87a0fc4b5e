"""Writes opendp.json: histograms of draws by OpenDP 0.16.0, an independent implementation of
Canonne, Kamath and Steinke 2020. `pip install opendp==0.16.0 && python draw_with_opendp.py > opendp.json`;
OpenDP takes no seed, so a second run gives other draws of the same distributions."""

import collections
import json

import opendp.prelude as dp

DRAWS = 100_000

dp.enable_features("contrib")
domain = dp.vector_domain(dp.atom_domain(T=int))


def histogram(mechanism, scale):
    if mechanism == "discrete_gaussian":
        measure = dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=scale)
    else:
        measure = dp.m.make_laplace(domain, dp.l1_distance(T=int), scale=scale)
    counts = collections.Counter(measure([0] * DRAWS))
    return {
        "mechanism": mechanism,
        "scale": scale,
        "counts": {str(x): counts[x] for x in sorted(counts)},
    }


cases = [
    histogram("discrete_gaussian", 0.75),
    histogram("discrete_gaussian", 2.5),
    histogram("discrete_gaussian", 40.0),
    histogram("discrete_laplace", 0.75),
    histogram("discrete_laplace", 2.5),
    histogram("discrete_laplace", 30.0),
]
print(json.dumps({
    "source": "OpenDP 0.16.0, make_gaussian and make_laplace over integers",
    "made_by": "draw_with_opendp.py",
    "draws": DRAWS,
    "cases": cases,
}))
