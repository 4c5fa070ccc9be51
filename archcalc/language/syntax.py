"""What is wrong with a text that is not YAML, in the words of a spec: a parser knows neither steps nor layers."""

from __future__ import annotations

import re
from collections.abc import Callable

import yaml

from archcalc.diagnostics.diagnostic import Diagnostic, Place, Source, SpecError, fail, plain
from archcalc.language.keys import STEP_KEYS

#: What ends a line for YAML, and for no editor.
_UNSEEN_BREAK = re.compile(r"[\x85\u2028\u2029]")
#: A step without a colon: a name alone, in quotes too, or with what looks like a value behind it.
_BARE_STEP = re.compile(r"""\s*-\s+(["']?([A-Za-z_]\w*)["']?([ (]*[^:#"'{}]*?)?)\s*(#.*)?\Z""", re.ASCII)
#: A key, at the beginning of a line.
_KEY = re.compile(r"\s*([A-Za-z_]\w*):(\s|\Z)", re.ASCII)
#: A step with its layer's name and a value.
_STEP = re.compile(r"(\s*-\s+)([A-Za-z_]\w*):\s*\S", re.ASCII)
#: How many lines above a place are looked at.
_LINES = 200


#: So many steps without a colon are shown in one run.
_MOST_BARE = 20


def syntax_error(source: Source, error: yaml.YAMLError, parse: Callable[[Source], object]) -> SpecError:
    """The findings that stand for a parser's error: of steps without a colon, who forgets it once forgets it often, all
    that the parser stops at when those before have one."""
    first = _finding(source, error)
    found, mended = list(first.diagnostics), source
    while found[-1].rule == "missing-colon" and len(found) < _MOST_BARE:
        mended = _with_colon(mended, found[-1])
        try:
            parse(mended)
        except yaml.YAMLError as next_error:
            following = _finding(mended, next_error).diagnostics[0]
            if following.rule != "missing-colon" or following.place is None:
                break
            line, column = mended.line_and_column(following.place.start)
            start = source.offset_of_line(line) + column - 1
            length = following.place.end - following.place.start
            found.append(following._replace(place=Place(source, start, start + length)))
        except SpecError:
            break
        else:
            break
    return SpecError(found)


def _with_colon(source: Source, bare: Diagnostic) -> Source:
    """The text with a colon behind the name of a step that has none, and without what stood behind that; lines stay."""
    assert bare.place is not None
    line = bare.place.source.line_and_column(bare.place.start)[0]
    start = source.offset_of_line(line)
    text = source.line_text(line)
    step = _BARE_STEP.match(text)
    assert step is not None
    written = f"{text[: step.start(1)]}{step[2]}:"
    return Source(source.name, f"{source.text[:start]}{written}{source.text[start + len(text) :]}")


def _finding(source: Source, error: yaml.YAMLError) -> SpecError:
    """The finding that stands for one error of a parser."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is not YAML"
    offset = min(mark.index if mark is not None else 0, len(source.text))
    sign = source.text[offset : offset + 1]
    line = source.line_and_column(offset)[0]
    if break_ := _UNSEEN_BREAK.search("".join(source.line_text(n) for n in (line - 1, line) if n)):
        hint = f"U+{ord(break_[0]):04X} stands here or a line above and ends a line for YAML: use a space"
        return _invalid(source, offset, problem, hint)
    if sign and sign in "*&!%@`":
        return _invalid(source, offset, problem, "quote an expression that starts with a sign YAML keeps for itself")
    if sign == "\t":
        return _invalid(source, offset, problem, "indent with spaces: YAML does not allow tabs")
    if "mapping values are not allowed" in problem:
        return _bare_step(source, line) or _misplaced_colon(source, line, offset)
    if sign and sign in "[{" and "did not find expected" in problem:
        hint = 'inside braces or brackets, quote an expression that has one of them: `{out: "widths[0]"}`'
        return _invalid(source, offset, problem, hint)
    if "expected" in problem and _begins_line(source, offset):
        found = _bare_step(source, line) or _misindented(source, line)
        return found or _invalid(source, offset, problem, None)
    return _invalid(source, offset, problem, None)


def _invalid(source: Source, offset: int, problem: str, help: str | None, length: int = 1) -> SpecError:
    place = Place(source, offset, offset + length)
    return fail("yaml-syntax", f"this is not valid YAML: {problem}", place, help=help)


def _begins_line(source: Source, offset: int) -> bool:
    line, column = source.line_and_column(offset)
    return not source.line_text(line)[: column - 1].strip()


def _bare_step(source: Source, line: int) -> SpecError | None:
    """A step that is a name alone, with a key of the step on the line: the commonest mistake of all."""
    above = _line_above(source, line)
    bare = None if above is None else _BARE_STEP.match(source.line_text(above))
    if above is None or bare is None or source.line_text(line).lstrip().startswith("- "):
        return None
    if _indent(source.line_text(line)) <= _indent(source.line_text(above)):
        return None
    start, written = source.offset_of_line(above) + bare.start(1), bare[1].rstrip()
    name, rest = bare[2], bare[3].strip(" ()")
    key = _KEY.match(source.line_text(line))
    below = f"`{key[1]}` stands" if key else "keys stand"
    message = f"`{plain(written, 40)}` needs a colon, because {below} below it"
    if key is not None and key[1] not in STEP_KEYS:
        help_text = f"write what belongs to the layer in braces: `- {name}: {{{key[1]}: …}}`"
    elif rest and "," not in rest:
        help_text = f"write `- {name}: {rest}`"
    else:
        help_text = f"write `- {name}:`" + (", and its attributes in braces" if rest else "")
    return fail("missing-colon", message, Place(source, start, start + len(written)), help=help_text)


def _deeper_key(source: Source, line: int, above: int) -> SpecError | None:
    """A key that is indented deeper than the step that it belongs to, which has a value on its own line."""
    key, step = _KEY.match(source.line_text(line)), _STEP.match(source.line_text(above))
    if key is None or step is None:
        return None
    start = source.offset_of_line(line) + key.start(1)
    if key[1] in STEP_KEYS:
        message = f"`{key[1]}` belongs to the step, and is indented too far"
        help_text = f"indent it by {_spaces(step.end(1))}, as `{step[2]}` is"
    else:
        message = f"`{key[1]}` stands below `{step[2]}`, which has its value already"
        help_text = f"write all that belongs to the layer in braces: `- {step[2]}: {{…, {key[1]}: …}}`"
    return fail("bad-indentation", message, Place(source, start, start + len(key[1])), help=help_text)


def _misplaced_colon(source: Source, line: int, offset: int) -> SpecError:
    """A colon where none can be: on a line that is indented too far, or a second one."""
    above = _line_above(source, line)
    indent = _indent(source.line_text(line))
    before = "" if above is None else source.line_text(above).partition(" #")[0].rstrip()
    if above is not None and indent > _indent(before) and not before.endswith(":"):
        problem = "the line is indented deeper than the one above, which nothing can stand in"
        found = _deeper_key(source, line, above)
        return found or fail("bad-indentation", problem, _indent_of(source, line), help=_indents_above(source, line))
    hint = "write what belongs to a layer in braces: `- conv: {out: 64, kernel: 3}`"
    return fail("yaml-syntax", "a second colon in one line", Place(source, offset, offset + 1), help=hint)


def _misindented(source: Source, line: int) -> SpecError | None:
    """A line that is indented as none above it; None if it is not the indentation that is wrong."""
    indent = _indent(source.line_text(line))
    if indent in _open_indents(source, line):
        return None
    problem = f"the line is indented by {_spaces(indent)}, which fits no line above"
    return fail("bad-indentation", problem, _indent_of(source, line), help=_indents_above(source, line))


def _indent_of(source: Source, line: int) -> Place:
    """Where the text of a line begins."""
    start = source.offset_of_line(line) + _indent(source.line_text(line))
    return Place(source, start, start + 1)


def _indents_above(source: Source, line: int) -> str | None:
    indents = _open_indents(source, line)
    if not indents:
        return None
    return f"the lines above that it could continue are indented by {', '.join(map(str, indents[:-1]))}" + (
        f" or {_spaces(indents[-1])}" if len(indents) > 1 else _spaces(indents[-1])
    )


def _spaces(count: int) -> str:
    return f"{count} space{'s' * (count != 1)}"


def _open_indents(source: Source, line: int) -> list[int]:
    """The indentations of the lines above that a line could continue, from the outside in."""
    found: list[int] = []
    above = _line_above(source, line)
    while above is not None and line - above < _LINES:
        text = source.line_text(above)
        inside = len(text) - len(text.lstrip(" -")) if text.lstrip().startswith("- ") else _indent(text)
        for indent in (inside, _indent(text)):  # beside the dash of a list's item, and below it
            if not found or indent < found[-1]:
                found.append(indent)
        above = _line_above(source, above)
    return found[::-1]


def _line_above(source: Source, line: int) -> int | None:
    """The next line above that has anything but a comment; None if there is none."""
    for above in range(line - 1, max(0, line - _LINES), -1):
        text = source.line_text(above).strip()
        if text and not text.startswith("#"):
            return above
    return None


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))
