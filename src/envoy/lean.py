"""Named tuples for a process that lives 40 ms: what `typing.NamedTuple` gives, without its price.

Every command that only reads loads the rows of `views.rows`. Through the standard library these
fifteen classes cost 8 ms of the 12 that a bare Python takes: 2 to import `typing`, the rest because
each class compiles its constructor. Here a class is made from its annotations alone. Type checkers
read `lean.pyi` beside this file, where the name is the standard one, so nothing is lost there.

Laws: immutable, no `__dict__`, equal to a plain tuple of its values; fields without annotations or
defaults do not exist; a missing, extra or unknown value raises TypeError.
"""

FIELDS_MAX = 64  # of one class; the row of a space has 40

# What `collections.namedtuple` itself reads a field with; private, hence the way without it.
try:
    from _collections import _tuplegetter
except ImportError:
    from operator import itemgetter

    def _tuplegetter(index, _doc):
        """Return a descriptor that reads place ``index``."""
        return property(itemgetter(index))


# Only annotations name these, and those are never evaluated.
TextIO = Final = ModuleType = object


class Protocol:
    """What a class is based on that only type checkers ask; a standard one costs ten times more."""


def TypeVar(name):
    """Return what annotations may name; type checkers see the real one."""
    return name


# Each place has one reader, which all classes share.
GETTERS = tuple([_tuplegetter(index, None) for index in range(FIELDS_MAX)])


class NamedTupleMeta(type):
    """Makes a class whose annotations are its fields, in their order."""

    def __new__(mcs, name, bases, body, *, root=False):
        """Return the class; ``root`` is NamedTuple itself, which has no fields."""
        if not root:
            fields = tuple(body.get("__annotations__", ()))
            body["_fields"] = body["__match_args__"] = fields
            body["_names"] = frozenset(fields)
            body["_defaults"] = {field: body[field] for field in fields if field in body}
            assert len(fields) <= FIELDS_MAX, name
            body.update(zip(fields, GETTERS, strict=False))
        body["__slots__"] = ()
        return super().__new__(mcs, name, bases, body)


class NamedTuple(tuple, metaclass=NamedTupleMeta, root=True):
    """A tuple whose places have the names and types of the annotations of its class."""

    def __new__(cls, *values, **named):
        """Return the tuple of ``values`` by place, then ``named``, then defaults."""
        fields = cls._fields
        if len(values) == len(fields) and not named:
            return tuple.__new__(cls, values)
        if len(named) == len(fields) and not values and named.keys() == cls._names:
            return tuple.__new__(cls, [named[field] for field in fields])
        defaults = cls._defaults
        try:
            rest = [named.pop(f) if f in named else defaults[f] for f in fields[len(values) :]]
        except KeyError as error:
            raise TypeError(f"{cls.__name__} needs {error.args[0]}") from None
        if named or len(values) > len(fields):
            raise TypeError(f"{cls.__name__} has no place for {sorted(named) or values}")
        return tuple.__new__(cls, (*values, *rest))

    @classmethod
    def _make(cls, values):
        """Return the tuple of the ``values`` of one iterable."""
        return cls(*values)

    def _replace(self, **named):
        """Return a copy with other values for the ``named`` fields."""
        kind = type(self)
        if not named.keys() <= kind._names:
            raise TypeError(f"{kind.__name__}: no fields {sorted(named.keys() - kind._names)}")
        values = [named.get(field, value) for field, value in zip(kind._fields, self, strict=True)]
        return tuple.__new__(kind, values)

    def _asdict(self):
        """Return the values by the names of their fields."""
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self):
        inside = ", ".join([f"{field}={value!r}" for field, value in self._asdict().items()])
        return f"{type(self).__name__}({inside})"
