"""Records: immutable tuples whose values have names. `Record` is used, and checked, just as `typing.NamedTuple` is.

That one compiles each annotation, and writes a constructor by way of a text, for each class when its module is loaded:
for the records of this program a third of what `archcalc report vgg16` takes. Here annotations stay text, and a class
has its constructor when its first record is made: one is written for each number of values, and renamed for the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["Record"]

if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:
    from collections import _tuplegetter
    from functools import cache
    from types import FunctionType

    _new = tuple.__new__
    #: Constructors of one value, of two and so on: to write one by way of a text takes as long as to make a class.
    _CONSTRUCTORS = (
        lambda _cls, _0: _new(_cls, (_0,)),
        lambda _cls, _0, _1: _new(_cls, (_0, _1)),
        lambda _cls, _0, _1, _2: _new(_cls, (_0, _1, _2)),
        lambda _cls, _0, _1, _2, _3: _new(_cls, (_0, _1, _2, _3)),
        lambda _cls, _0, _1, _2, _3, _4: _new(_cls, (_0, _1, _2, _3, _4)),
        lambda _cls, _0, _1, _2, _3, _4, _5: _new(_cls, (_0, _1, _2, _3, _4, _5)),
        lambda _cls, _0, _1, _2, _3, _4, _5, _6: _new(_cls, (_0, _1, _2, _3, _4, _5, _6)),
        lambda _cls, _0, _1, _2, _3, _4, _5, _6, _7: _new(_cls, (_0, _1, _2, _3, _4, _5, _6, _7)),
        lambda _cls, _0, _1, _2, _3, _4, _5, _6, _7, _8: _new(_cls, (_0, _1, _2, _3, _4, _5, _6, _7, _8)),
        lambda _cls, _0, _1, _2, _3, _4, _5, _6, _7, _8, _9: _new(_cls, (_0, _1, _2, _3, _4, _5, _6, _7, _8, _9)),
        lambda _cls, _0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10: _new(
            _cls, (_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10)
        ),
    )

    @cache
    def _constructor_of(count):
        """The code of a constructor of so many values, whose names are still to be set."""
        if count <= len(_CONSTRUCTORS):
            return _CONSTRUCTORS[count - 1].__code__
        names = ", ".join(f"_{number}" for number in range(count))
        return eval(f"lambda _cls, {names}: _new(_cls, ({names},))").__code__

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
            # With the names as parameters, as `collections.namedtuple` does it: no other constructor is as fast.
            code = _constructor_of(len(cls._fields)).replace(
                co_varnames=("_cls", *cls._fields), co_name="__new__", co_qualname=f"{cls.__qualname__}.__new__"
            )
            cls.__new__ = staticmethod(FunctionType(code, {"_new": _new}, "__new__", cls._defaults))
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
