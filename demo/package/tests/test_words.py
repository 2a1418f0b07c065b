import unittest

from textstat.words import frequent, longest, words

TEXT = "The cat saw the dog, and the dog saw a bird."


class Words(unittest.TestCase):
    def test_case_does_not_matter(self) -> None:
        self.assertEqual(words("The THE the"), ["the", "the", "the"])

    def test_punctuation_is_no_word(self) -> None:
        self.assertEqual(words("Well, don't!"), ["well", "don't"])

    def test_at_least_twice_includes_twice(self) -> None:
        self.assertEqual(frequent(TEXT, 2), ["the", "saw", "dog"])

    def test_the_longest_word(self) -> None:
        self.assertEqual(longest(TEXT), "bird")
