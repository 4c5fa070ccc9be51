"""Records: immutable tuples whose values have names. `Record` is used, and checked, just as `typing.NamedTuple` is.

That one compiles each annotation, and writes a constructor by way of a text, for each class when its module is loaded:
for the records of this program a third of what `archcalc report vgg16` takes. Here annotations stay text, and the
constructor is written when the first record of a class is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["Record"]

if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:
    from collections import _tuplegetter

    class _RecordType(type):
        """Makes a class of records: its fields are what the class annotates, in that order."""

        def __new__(metaclass, name, bases, namespace):
            namespace["__slots__"] = ()
            made = super().__new__(metaclass, name, bases or (tuple,), namespace)
            fields = tuple(made.__annotations__) if bases else ()
            made._fields = made.__match_args__ = fields
            made._defaults = tuple(namespace[field] for field in fields if field in namespace)
            for number, field in enumerate(fields):
                setattr(made, field, _tuplegetter(number, None))
            return made

    class Record(metaclass=_RecordType):
        def __new__(cls, /, *values, **named):
            names = ", ".join(cls._fields)
            # With the names as parameters, as `collections.namedtuple` does it: no other constructor is as fast.
            constructor = eval(f"lambda _cls, {names}: _new(_cls, ({names},))", {"_new": tuple.__new__})
            constructor.__name__ = "__new__"
            constructor.__qualname__ = f"{cls.__qualname__}.__new__"
            constructor.__defaults__ = cls._defaults
            cls.__new__ = staticmethod(constructor)
            return cls(*values, **named)

        def _replace(self, /, **changed):
            made = tuple.__new__(type(self), map(changed.pop, self._fields, self))
            if changed:
                raise TypeError(f"{type(self).__name__} has no {', '.join(changed)}")
            return made

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            values = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({values})"

        def __getnewargs__(self):
            return tuple(self)
