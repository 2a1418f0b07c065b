import unittest

from textstat.table import column, rows

TABLE = "name,age\nada,36\ngrace,85\n"


class Table(unittest.TestCase):
    def test_every_row_after_the_names_is_read(self) -> None:
        self.assertEqual(len(rows(TABLE)), 2)

    def test_a_column_holds_numbers(self) -> None:
        self.assertEqual(column(TABLE, "age"), [36.0, 85.0])

    def test_names_alone_are_no_rows(self) -> None:
        self.assertEqual(rows("name,age\n"), [])
