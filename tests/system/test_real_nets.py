# SPDX-License-Identifier: Apache-2.0
"""Networks that others trained give what a correct program gives for them."""
import unittest

from real_nets import (DATA, NETS, PICTURES, accuracy, classify, here, reference, upload)
from small_nets import logits_of
from spinbnn_system import Daemon


def needs(net):
    return unittest.skipUnless(here(net), "%s or its pictures are not in %s and %s"
                               % (net, NETS, DATA))


class RealNets(unittest.TestCase):
    def start(self, net):
        daemon = self.enterContext(Daemon())
        answer = upload(daemon, net)
        return daemon, answer

    @needs("mnist-lfc")
    def test_mnist_lfc_gives_every_logit_of_the_reference(self):
        daemon, answer = self.start("mnist-lfc")
        self.assertEqual(answer["model"]["memory"]["weights"], 784 * 1024 + 2 * 1024 * 1024 +
                         10 * 1024)
        rows = reference("mnist-lfc")
        pictures, _ = PICTURES["mnist-lfc"](len(rows))
        for row, result in zip(rows, classify(daemon, "mnist-lfc", pictures, 10)):
            self.assertEqual(result["class"], row["pred"])
            self.assertEqual(logits_of(result, 10), [row["logit%d" % c] for c in range(10)])

    @needs("gtsrb-30")
    def test_gtsrb_30_gives_the_probabilities_of_the_reference(self):
        daemon, _ = self.start("gtsrb-30")
        rows = reference("gtsrb-30")
        pictures, _ = PICTURES["gtsrb-30"](len(rows))
        # The reference has them after the softmax, which only ranks by and reports.
        for row, result in zip(rows, classify(daemon, "gtsrb-30", pictures, 43)):
            self.assertEqual(result["class"], row["pred"])
            for score in result["scores"]:
                self.assertAlmostEqual(score["probability"], row["logit%d" % score["class"]],
                                       delta=1e-6)

    @needs("cifar10-resnet18")
    def test_cifar10_resnet18_agrees_with_the_reference(self):
        daemon, _ = self.start("cifar10-resnet18")
        n = 100
        pictures, labels = PICTURES["cifar10-resnet18"](n)
        results = classify(daemon, "cifar10-resnet18", pictures, 1, 25)
        rows = reference("cifar10-resnet18")[:n]
        # Two correct programs agree on 98 % of all classes: a sign near zero flips.
        same = sum(r["class"] == row["pred"] for r, row in zip(results, rows))
        self.assertGreaterEqual(same, 0.92 * n)
        self.assertGreater(accuracy(results, labels), 75)


if __name__ == "__main__":
    unittest.main()
