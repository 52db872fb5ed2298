# SPDX-License-Identifier: Apache-2.0
"""Why polarity matters: errors of one direction shift every sum the same way, unless every second
weight is stored inverted. `python3 -m test_polarity` prints the table of the documents."""
import unittest

from spinbnn_system import (FASHION, MNIST, Daemon, classify_all, needs_mnist, test_set)

ONE_SIDED = {"to P": {"to_p": 1, "to_ap": 0}, "to AP": {"to_p": 0, "to_ap": 1}}
POLARITIES = ("none", "odd_columns", "odd_rows", "seeded")
SEEDS = (1, 2, 3)


class Accuracy:
    """Of a model at rates of its cells, over a whole test set."""

    def __init__(self, daemon, model, folder):
        self.daemon, self.model = daemon, model
        self.pictures, self.labels = test_set(folder)

    def at(self, rates, polarity, seed):
        """Share of right classes, and the bit error rate that was delivered."""
        point = self.daemon.program(self.model, {"mode": "iid", "bit_error_rate": rates,
                                                 "polarity": polarity, "seed": seed})
        classes = classify_all(self.daemon, self.model, self.pictures, self.labels, batch=500)
        right = sum(got == want for got, want in zip(classes, self.labels))
        return right / len(self.labels), point["result"]["bit_error_rate"]

    def mean(self, rates, polarity, seeds=SEEDS):
        got = [self.at(rates, polarity, seed) for seed in seeds]
        return tuple(sum(values) / len(got) for values in zip(*got))


def one_sided(direction, rate):
    return {to: share * rate for to, share in ONE_SIDED[direction].items()}


class Polarity(unittest.TestCase):
    @needs_mnist
    def test_inverting_every_second_column_undoes_errors_of_one_direction(self):
        with Daemon() as daemon:
            mnist = Accuracy(daemon, "mnist", MNIST)
            clean, _ = mnist.mean(0, "none", (1,))
            # Both directions alike: the same number of wrong bits does little.
            even, even_rate = mnist.mean(0.05, "none")
            self.assertGreater(clean, 0.98)
            self.assertGreater(even, clean - 0.05)
            for direction in ONE_SIDED:
                rates = one_sided(direction, 0.1)
                accuracy = {}
                for polarity in POLARITIES:
                    accuracy[polarity], rate = mnist.mean(rates, polarity)
                    # About half of the cells can fail.
                    self.assertAlmostEqual(rate / even_rate, 1, delta=0.1)
                with self.subTest(direction=direction, accuracy=accuracy, even=even):
                    self.assertLess(accuracy["none"], even - 0.5)
                    for polarity in ("odd_columns", "seeded"):
                        self.assertGreater(accuracy[polarity], even - 0.02)
                        self.assertGreater(accuracy[polarity], accuracy["none"] + 0.5)
                    # Every second neuron shifts up and every other down: between the two.
                    self.assertGreaterEqual(accuracy["odd_rows"], accuracy["none"] - 0.05)
                    self.assertLess(accuracy["odd_rows"], accuracy["odd_columns"] + 0.01)


def print_table():
    with Daemon() as daemon:
        for model, folder in (("mnist", MNIST), ("fashion", FASHION)):
            accuracy = Accuracy(daemon, model, folder)
            clean, _ = accuracy.mean(0, "none", (1,))
            print("%s, no errors: %.2f %%" % (model, 100 * clean), flush=True)
            print("| rate | direction | BER %% | %s |" % " | ".join(POLARITIES), flush=True)
            for rate in (0.02, 0.04, 0.1):
                both, ber = accuracy.mean(rate / 2, "none")
                print("| %g | both, half each | %.2f | %.2f | | | |" % (rate, 100 * ber, 100 * both),
                      flush=True)
                for direction in ONE_SIDED:
                    got = [accuracy.mean(one_sided(direction, rate), polarity)
                           for polarity in POLARITIES]
                    print("| %g | %s | %.2f | %s |" % (
                        rate, direction, 100 * got[0][1],
                        " | ".join("%.2f" % (100 * value) for value, _ in got)), flush=True)


if __name__ == "__main__":
    print_table()
