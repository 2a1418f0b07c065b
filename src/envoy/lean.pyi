from types import ModuleType as ModuleType
from typing import Final as Final
from typing import NamedTuple as NamedTuple
from typing import Protocol as Protocol
from typing import TextIO as TextIO
from typing import TypeVar as TypeVar

FIELDS_MAX: int
