import unittest

from textstat.numbers import mean, spread


class Numbers(unittest.TestCase):
    def test_the_mean_of_equal_values(self) -> None:
        self.assertEqual(mean([4, 4, 4]), 4)

    def test_the_mean_is_not_rounded(self) -> None:
        self.assertEqual(mean([1, 2]), 1.5)

    def test_the_spread(self) -> None:
        self.assertEqual(spread([3, 9, 5]), 6)
