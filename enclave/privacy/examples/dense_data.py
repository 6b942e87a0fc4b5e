"""People with correlated numbers and a label that follows from them in part, for `dense.rs`.

Usage: dense_data.py PEOPLE FILE. The generator is that of the benchmark of DP-SGD libraries: x ~ N(0, 1)^50, correlated; the label's log odds
are linear in x but for two products. A fifth as many people more are there to judge by.
"""

import sys

import numpy


def main():
    people, inputs = int(sys.argv[1]), 50
    random = numpy.random.default_rng([7, people])
    everybody = people + people // 5
    mixing = numpy.eye(inputs) + 0.3 * random.standard_normal((inputs, inputs)) / inputs**0.5
    numbers = (random.standard_normal((everybody, inputs)) @ mixing).astype(numpy.float32)
    weights = random.standard_normal(inputs) / inputs**0.5 * 1.5
    odds = numbers @ weights - 0.5
    odds += 0.8 * (numbers[:, 0] * numbers[:, 1] + numbers[:, 2] * numbers[:, 3])
    labels = (random.random(everybody) < 1 / (1 + numpy.exp(-odds))).astype(numpy.uint8)
    numbers = numbers / numpy.maximum(1e-6, numbers[:people].std(0))
    with open(sys.argv[2], "wb") as file:
        file.write(numpy.array([people, everybody - people, inputs], "<u4").tobytes())
        file.write(numbers.astype("<f4").tobytes())
        file.write(labels.tobytes())


main()
