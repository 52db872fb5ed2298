# SPDX-License-Identifier: Apache-2.0
"""Ends of every kind: kill -9 while programming, SIGTERM under load."""
import random
import threading
import time
import unittest

from spinbnn_system import Daemon, Load, PATIENCE


class KillWhileProgramming(unittest.TestCase):
    def test_the_array_is_one_generation_or_the_one_before(self):
        rng = random.Random(20260)
        with Daemon() as daemon:
            for _ in range(12):
                answered, asked = {}, {}

                def program():
                    """Programs without pause; keeps what was answered."""
                    try:
                        while True:
                            body = {"mode": "uniform", "program_over": "random", "pulse_ns": 10,
                                    "target_write_error_rate": rng.choice((1e-2, 1e-3, 1e-4))}
                            asked["rate"] = body["target_write_error_rate"]
                            point = daemon.patch("mnist", body).json()
                            answered[point["generation"]] = point
                    except OSError:
                        pass
                    except Exception as error:  # an answer cut by the kill
                        if "http" not in type(error).__module__ and \
                                "json" not in type(error).__module__:
                            raise
                thread = threading.Thread(target=program)
                before = daemon.point("mnist")
                thread.start()
                time.sleep(rng.uniform(0.02, 0.25) * PATIENCE)
                daemon.kill()
                thread.join()
                daemon.start()
                after = daemon.point("mnist")
                last = max(answered) if answered else before["generation"]
                # What was answered is there. One more may have reached the disk unanswered.
                self.assertIn(after["generation"], (last, last + 1))
                if after["generation"] == last:
                    self.assertEqual(after, answered.get(last, before))
                else:
                    self.assertEqual(after["target_write_error_rate"], asked["rate"])
                answer = daemon.ask("POST", "/api/v1/models/mnist/classify", bytes(784)).json()
                self.assertEqual(answer["memory"]["wrong_bits"], after["result"]["wrong_bits"])


class StopUnderLoad(unittest.TestCase):
    def test_sigterm_under_load_loses_no_request(self):
        """Be it answered on the spot, by a worker, or some of it while it still accepts."""
        for settings in ({"inline_budget_us": 1000}, {"inline_budget_us": 0},
                         {"drain_delay_s": 1}):
            with self.subTest(**settings), Daemon(**settings) as daemon:
                with Load(daemon, n_threads=6) as load:
                    time.sleep(0.5)
                    code = daemon.stop()
                self.assertEqual(code, 0)
                self.assertEqual(load.failures, [])
                self.assertGreater(load.answered, 100)

    def test_readiness_says_no_while_it_drains_and_requests_are_still_served(self):
        with Daemon(drain_delay_s=2) as daemon:
            connection = daemon.connection()
            self.assertEqual(daemon.get("/v2/health/ready", connection=connection).status, 200)
            daemon.process.terminate()
            time.sleep(0.5)
            answer = daemon.get("/v2/health/ready")
            self.assertEqual((answer.status, answer.json()["ready"]), (503, False))
            self.assertEqual(daemon.get("/v2/health/live").status, 200)
            served = daemon.ask("POST", "/api/v1/models/mnist/classify", bytes(784))
            self.assertEqual((served.status, served.headers["Connection"]), (200, "close"))
            connection.close()
            self.assertEqual(daemon._ended(daemon.process.wait(timeout=30 * PATIENCE)), 0)

    def test_idle_connections_do_not_hold_it_up_and_a_second_signal_hurries(self):
        with Daemon(drain_delay_s=30) as daemon:
            connections = [daemon.connection() for _ in range(20)]
            for connection in connections:
                daemon.get("/v2/health/live", connection=connection)
            began = time.monotonic()
            daemon.process.terminate()
            time.sleep(0.2)
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - began, 10 * PATIENCE)
            for connection in connections:
                connection.close()


if __name__ == "__main__":
    unittest.main()
