"""Attributes are arithmetic over parameters: an allow-list over Python's own grammar, compiled to closures.

Whole numbers, exact decimals, names, `true` and `false`, `+ - * // % **`, comparisons, `and or not`,
`a if c else b`, `[i]`, `[i:j]`, and the functions of `FUNCTIONS` and `VOLUME_NAMES`; nothing else. Text, numbers and
powers are bounded, so no expression can hang or swell.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from archcalc.exact import fraction, is_fraction
from archcalc.layers.attributes import shown
from archcalc.records import Record
from archcalc.sizes.kinds import LARGEST, is_concrete, is_many, is_size, magnitude, maximum, minimum

if TYPE_CHECKING:
    from fractions import Fraction

MAX_LENGTH = 500
MAX_NODES = 200
MAX_POWER = 64

Environment: TypeAlias = Mapping[str, Any]


class ExpressionError(Exception):
    """What is wrong with an expression, and the stretch of its text (offsets from its start) that is wrong."""

    def __init__(self, message: str, start: int = 0, end: int | None = None, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.start, self.end, self.help = message, start, end, help


class Name(Record):
    """A name that an expression mentions, and where in its text."""

    text: str
    start: int
    end: int


class Compiled(Record):
    """An expression ready to be evaluated. `constant` is its value if it mentions no names and cannot fail.

    `steps` are the steps whose volumes it mentions, `lists` the names whose values it may read as whole lists: those
    that it does more with than to pass them on, pick one value, or count.
    """

    evaluate: Callable[[Environment], Any]
    names: tuple[Name, ...]
    constant: Any = None
    steps: tuple[Name, ...] = ()
    lists: tuple[str, ...] = ()


#: The measures of a volume: by themselves of the one that reaches the step, as functions of a named step's output.
VOLUME_NAMES = ("channels", "size", "positions")


def _step_key(measure: str, step: str) -> str:
    """How an environment calls the measure of a named step."""
    return f"{measure}({step})"


def of_step(key: str) -> tuple[str, str | None]:
    """What `_step_key` joined: the measure and the step; None for that of the volume at the step itself."""
    measure, bracket, step = key.partition("(")
    return measure, step[:-1] if bracket else None


# --- the functions of the language


def _number(value: Any, name: str) -> Any:
    if is_fraction(value) or is_size(value):
        return value
    raise ExpressionError(f"{name} works on numbers: {shown(value)} is not one")


def _exact(value: Any, name: str) -> Fraction:
    value = _number(value, name)
    if is_concrete(value) or is_fraction(value):
        return fraction(value)
    raise ExpressionError(f"{name} needs a number that is known: {value} is not")


def _floor(value: Any) -> Any:
    """The whole number below."""
    return value if is_size(value) else _exact(value, "floor").__floor__()


def _ceil(value: Any) -> Any:
    """The whole number above."""
    return value if is_size(value) else _exact(value, "ceil").__ceil__()


def _round(value: Any) -> Any:
    """The nearest whole number, halves up."""
    return value if is_size(value) else (_exact(value, "round") + fraction(1, 2)).__floor__()


def _multiple_of(value: Any, multiple: Any, name: str) -> tuple[Any, int]:
    if not is_concrete(multiple) or multiple < 1:
        raise ExpressionError(f"{name} needs a whole number of at least 1 to round to: {shown(multiple)} is not")
    return _number(value, name), multiple


def _round_to(value: Any, multiple: Any) -> Any:
    """The nearest multiple, halves up."""
    value, multiple = _multiple_of(value, multiple, "round_to")
    if is_fraction(value):
        return (value / multiple + fraction(1, 2)).__floor__() * multiple
    return (2 * value + multiple) // (2 * multiple) * multiple


def _make_divisible(value: Any, multiple: Any) -> Any:
    """The nearest multiple, but at least one of them and never below nine tenths of the value (MobileNet's rule)."""
    exact = _exact(value, "make_divisible")
    _, multiple = _multiple_of(value, multiple, "make_divisible")
    rounded = max(multiple, _round_to(exact, multiple))
    return rounded + multiple if 10 * rounded < 9 * exact else rounded


def _values(arguments: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    values = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], tuple) else arguments
    if not values:
        raise ExpressionError(f"{name} needs at least one value")
    return tuple(_number(value, name) for value in values)


def _smallest(*arguments: Any) -> Any:
    """The smallest of the values, or of a list."""
    return _fold(_values(arguments, "min"), min, minimum)


def _largest(*arguments: Any) -> Any:
    """The largest of the values, or of a list."""
    return _fold(_values(arguments, "max"), max, maximum)


def _fold(values: tuple[Any, ...], plain: Callable[..., Any], sized: Callable[..., Any]) -> Any:
    if all(is_concrete(v) or is_fraction(v) for v in values):
        return plain(values)
    result = values[0]
    for value in values[1:]:
        result = sized(result, value)
    return result


def _length(value: Any) -> int:
    """How many values a list has."""
    if not isinstance(value, tuple):
        raise ExpressionError(f"len works on a list: {shown(value)} is not one")
    return len(value)


def _sum(value: Any) -> Any:
    """The sum of a list."""
    if not isinstance(value, tuple):
        raise ExpressionError(f"sum works on a list: {shown(value)} is not one")
    result: Any = 0
    for each in value:
        result = _bounded(result + _number(each, "sum"))
    return result


def _column(rows: Any, index: Any) -> tuple[Any, ...]:
    """One value of each row of a table."""
    if not isinstance(rows, tuple):
        raise ExpressionError(f"column works on a list of rows: {shown(rows)} is not one")
    return tuple(_item(row, index) for row in rows)


def _ratio(value: Any, divisor: Any) -> Any:
    """The exact quotient of two numbers, such as 1/108."""
    value, divisor = _exact(value, "ratio"), _exact(divisor, "ratio")
    if divisor == 0:
        raise ExpressionError("division by zero")
    return value / divisor


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": _smallest,
    "max": _largest,
    "floor": _floor,
    "ceil": _ceil,
    "round": _round,
    "round_to": _round_to,
    "make_divisible": _make_divisible,
    "ratio": _ratio,
    "len": _length,
    "sum": _sum,
    "column": _column,
}
_ARITY = {"min": None, "max": None, "round_to": 2, "make_divisible": 2, "ratio": 2, "column": 2}

# --- arithmetic


#: Sizes of a sweep are bounded in advance, and wider than they come to be: these are beyond any.
_BEYOND = LARGEST**20


def _bounded(value: Any) -> Any:
    if type(value) is int:
        if -LARGEST <= value <= LARGEST:
            return value
    elif not is_fraction(value):
        if magnitude(value) <= _BEYOND:
            return value
    elif abs(value.numerator) <= LARGEST and value.denominator <= LARGEST:
        return value.numerator if value.denominator == 1 else value
    raise ExpressionError("the value is too large: sizes go up to 10^15")


def _power(base: Any, exponent: Any) -> Any:
    if not is_concrete(exponent) or not 0 <= exponent <= MAX_POWER:
        raise ExpressionError(f"an exponent must be a whole number from 0 to {MAX_POWER}: {shown(exponent)} is not")
    return base**exponent


def _divide(divide: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def checked(left: Any, right: Any) -> Any:
        if (is_concrete(right) or is_fraction(right)) and right == 0:
            raise ExpressionError("division by zero")
        try:
            return divide(left, right)
        except ZeroDivisionError:
            raise ExpressionError("a symbol can be divided by a positive number only") from None

    return checked


_ARITHMETIC: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.FloorDiv: ("//", _divide(operator.floordiv)),
    ast.Mod: ("%", _divide(operator.mod)),
    ast.Pow: ("**", _power),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}


def _arithmetic(sign: str, apply: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    for value in (left, right):
        if not (type(value) is int or is_fraction(value) or is_size(value)):
            raise ExpressionError(f"`{sign}` works on numbers: {shown(value)} is not one")
        if is_fraction(value) and (is_many(left) or is_many(right)):
            raise ExpressionError(f"`{sign}` cannot take the fraction {shown(value)} of a size that is not known")
    try:
        return _bounded(apply(left, right))
    except ArithmeticError as error:  # a formula of too many terms
        raise ExpressionError(str(error)) from None


def _compare(sign: str, apply: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    for value in (left, right):
        if is_many(value):
            raise ExpressionError(f"`{sign}` cannot be decided while {value} is free")
    if sign not in ("==", "!="):
        for value in (left, right):
            _number(value, f"`{sign}`")
    if isinstance(left, bool) != isinstance(right, bool):
        return sign == "!="
    return apply(left, right)


def _truth(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise ExpressionError(f"`and`, `or`, `not` and `if` work on true and false: {shown(value)} is neither")


# --- compiling


class _Mentioned(Record):
    """What an expression mentions, while it is compiled."""

    names: list[Name]
    steps: list[Name]
    lists: list[str]


_CONSTANTS = {"true": True, "false": False}


def _is_integer(text: str) -> bool:
    """Whether a text is digits, which `_` may separate."""
    return text.isascii() and text[:1] != "_" and text.replace("_", "").isdigit()


def _constant(value: Any) -> Compiled:
    return Compiled(lambda _: value, (), value)


def _lookup(name: str) -> Callable[[Environment], Any]:
    # A name that nothing defines is a word of some layer (the document stage has checked that it is one).
    return lambda env: env.get(name, name)


def python_tree(text: str, mode: str) -> Any:
    """Python's own tree of a text; SyntaxError also for what Python would only print a warning of, as `3and 4`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", SyntaxWarning)
        return ast.parse(text, mode=mode)


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Compiled:
    """The text of an expression, compiled; ExpressionError says what is wrong and where."""
    if text in _CONSTANTS:
        return _constant(_CONSTANTS[text])
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression is longer than {MAX_LENGTH} characters")
    if _is_integer(text) and (text == "0" or text[0] != "0"):
        return _constant(_bounded(int(text.replace("_", ""))))
    if text.isascii() and text.isidentifier() and text not in ("and", "or", "not"):
        return Compiled(_lookup(text), (Name(text, 0, len(text)),))
    if not text.isascii():
        raise ExpressionError(f"`{text}` is not an expression")
    try:
        tree = python_tree(text, "eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ExpressionError(f"`{text}` is not an expression", help=_syntax_help(text)) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError("the expression is too complicated")
    mentioned = _Mentioned([], [], [])
    evaluate = _compile(tree, text, mentioned)
    if mentioned.names or mentioned.steps:
        return Compiled(evaluate, tuple(mentioned.names), steps=tuple(mentioned.steps), lists=tuple(mentioned.lists))
    return _constant(evaluate({}))


def _syntax_help(text: str) -> str | None:
    if re.fullmatch(r"\d+(x\d+)+", text):
        sizes = ", ".join(re.findall(r"\d+", text))
        return f"write sizes as a list: `[{sizes}]`; an input has its channels first"
    if percent := re.fullmatch(r"(\d+(?:\.\d+)?) ?%", text):
        return f"write a part of the whole: `{float(percent[1]) / 100:g}`"
    if text.count("(") != text.count(")"):
        return "in a flow list or map a comma splits: quote an expression that holds one"
    if ":" in text:
        return "write a space after the colon of a key"
    return None


#: What is told to who writes several values without brackets.
_SEVERAL = "name several values in braces, as in `{out: 64, kernel: 3}`, or list them in brackets"


def _where(node: ast.expr) -> tuple[int, int | None]:
    return node.col_offset, node.end_col_offset


def _compile(node: ast.expr, text: str, mentioned: _Mentioned) -> Callable[[Environment], Any]:
    start, end = _where(node)
    if isinstance(node, ast.Constant):
        return _literal(node, text)
    if isinstance(node, ast.Name):
        if node.id in _CONSTANTS:
            value = _CONSTANTS[node.id]
            return lambda env: value
        mentioned.lists.append(node.id)
        return _named(node, mentioned)
    if isinstance(node, ast.BinOp):
        if type(node.op) not in _ARITHMETIC:
            sign = text[_where(node.left)[1] or 0 : _where(node.right)[0]].strip(" ()")
            hint = "`//` divides and rounds down" if sign == "/" else None
            raise ExpressionError(f"`{sign}` is not part of the language", start, end, hint)
        sign, apply = _ARITHMETIC[type(node.op)]
        left, right = _compile(node.left, text, mentioned), _compile(node.right, text, mentioned)
        return lambda env: _arithmetic(sign, apply, left(env), right(env))
    if isinstance(node, ast.UnaryOp):
        operand = _compile(node.operand, text, mentioned)
        if isinstance(node.op, ast.Not):
            return lambda env: not _truth(operand(env))
        if isinstance(node.op, ast.USub):
            return lambda env: _arithmetic("-", operator.sub, 0, operand(env))
    if isinstance(node, ast.BoolOp):
        parts = [_compile(value, text, mentioned) for value in node.values]
        every = isinstance(node.op, ast.And)
        return lambda env: _combine(parts, every, env)
    if isinstance(node, ast.Compare):
        return _comparison(node, text, mentioned)
    if isinstance(node, ast.IfExp):
        condition = _compile(node.test, text, mentioned)
        this, other = (_passed(part, text, mentioned) for part in (node.body, node.orelse))
        return lambda env: this(env) if _truth(condition(env)) else other(env)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return _slice(node.value, node.slice, text, mentioned)
    if isinstance(node, ast.Subscript):
        sequence = _passed(node.value, text, mentioned)  # one value is picked, however long the list is
        index = _compile(node.slice, text, mentioned)
        return lambda env: _item(sequence(env), index(env))
    if isinstance(node, ast.Call):
        return _call(node, text, mentioned)
    hint = _SEVERAL if isinstance(node, ast.Tuple) else None
    raise ExpressionError(f"`{text[start:end]}` is not part of the language", start, end, hint)


def _named(node: ast.Name, mentioned: _Mentioned) -> Callable[[Environment], Any]:
    mentioned.names.append(Name(node.id, node.col_offset, node.col_offset + len(node.id)))
    return _lookup(node.id)


def _passed(node: ast.expr, text: str, mentioned: _Mentioned) -> Callable[[Environment], Any]:
    """A part of an expression that is not read value by value."""
    if isinstance(node, ast.Name) and node.id not in _CONSTANTS:
        return _named(node, mentioned)
    return _compile(node, text, mentioned)


def _combine(parts: list[Callable[[Environment], Any]], every: bool, env: Environment) -> bool:
    for part in parts:
        if _truth(part(env)) != every:
            return not every
    return every


def _literal(node: ast.Constant, text: str) -> Callable[[Environment], Any]:
    start, end = _where(node)
    written = text[start:end]
    if type(node.value) is int and _is_integer(written):
        number = _bounded(node.value)
    elif type(node.value) is float and re.fullmatch(r"([0-9][0-9_]*)?[.]?[0-9_]*", written):
        number = _bounded(fraction(written.replace("_", "")))
    else:
        raise ExpressionError(f"`{written}` is not a number of the language", start, end)
    return lambda env: number


def _comparison(node: ast.Compare, text: str, mentioned: _Mentioned) -> Callable[[Environment], Any]:
    start, end = _where(node)
    if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
        raise ExpressionError("a comparison has two sides", start, end)
    sign, apply = _COMPARISONS[type(node.ops[0])]
    left, right = _compile(node.left, text, mentioned), _compile(node.comparators[0], text, mentioned)
    return lambda env: _compare(sign, apply, left(env), right(env))


def _item(sequence: Any, index: Any) -> Any:
    if not isinstance(sequence, tuple):
        raise ExpressionError(f"[ ] picks from a list: {shown(sequence)} is not one")
    if not is_concrete(index):
        raise ExpressionError(f"an index must be a whole number: {shown(index)} is not")
    if not 0 <= index < len(sequence):
        raise ExpressionError(f"index {index} is outside a list of {len(sequence)} (the first is 0)")
    return sequence[index]


def _slice(value: ast.expr, bounds: ast.Slice, text: str, mentioned: _Mentioned) -> Callable[[Environment], Any]:
    """`list[1:]`, `list[:n]`: a part of a list, from the first bound up to and without the second."""
    if bounds.step is not None:
        raise ExpressionError("a slice has a first and a last bound, and no step", *_where(value))
    sequence = _compile(value, text, mentioned)
    lower, upper = (None if part is None else _compile(part, text, mentioned) for part in (bounds.lower, bounds.upper))

    def part(env: Environment) -> Any:
        values = sequence(env)
        if not isinstance(values, tuple):
            raise ExpressionError(f"[ : ] takes a part of a list: {shown(values)} is not one")
        first = 0 if lower is None else lower(env)
        last = len(values) if upper is None else upper(env)
        for bound in (first, last):
            if not is_concrete(bound):
                raise ExpressionError(f"a bound of a slice must be a whole number: {shown(bound)} is not")
        if not 0 <= first <= last <= len(values):
            raise ExpressionError(f"[{first}:{last}] is outside a list of {len(values)} (the first is 0)")
        return values[first:last]

    return part


def _call(node: ast.Call, text: str, mentioned: _Mentioned) -> Callable[[Environment], Any]:
    start, end = _where(node)
    called = node.func.id if isinstance(node.func, ast.Name) else text[slice(*_where(node.func))]
    if called in VOLUME_NAMES:
        return _volume(called, node, text, mentioned)
    if called not in FUNCTIONS:
        from archcalc.diagnostics.diagnostic import did_you_mean

        hint = did_you_mean(called, (*FUNCTIONS, *VOLUME_NAMES)) or f"the functions are {', '.join(FUNCTIONS)}"
        raise ExpressionError(f"there is no function `{called}`", start, end, hint)
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise ExpressionError(f"{called} takes plain values", start, end)
    wanted = _ARITY.get(called, 1)
    if wanted is not None and len(node.args) != wanted:
        raise ExpressionError(f"{called} takes {wanted} value{'s' * (wanted > 1)}", start, end)
    function = FUNCTIONS[called]
    part = _passed if called == "len" else _compile
    parts = [part(argument, text, mentioned) for argument in node.args]
    return lambda env: _bounded(function(*(part(env) for part in parts)))


def _volume(called: str, node: ast.Call, text: str, mentioned: _Mentioned) -> Callable[[Environment], Any]:
    """A measure of the volume of a named step."""
    (step,) = node.args if len(node.args) == 1 and not node.keywords else (None,)
    if not isinstance(step, ast.Name):
        hint = f"write `{called}` for the volume that reaches the step, `{called}(stem)` for that of the step `stem`"
        raise ExpressionError(f"{called} takes the name of one step", *_where(node), hint)
    mentioned.steps.append(Name(step.id, *_where(step)))  # type: ignore[arg-type]
    key = _step_key(called, step.id)
    return lambda env: env[key]


def unknown_names(compiled: Compiled, known: Iterable[str]) -> list[Name]:
    """The names an expression mentions that are not among the known ones."""
    names = set(known)
    return [name for name in compiled.names if name.text not in names]
