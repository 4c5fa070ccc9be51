"""Completion in bash, zsh and fish: a script for each, and what is said to it.

The scripts hand the line over as it is written, up to the cursor. bash cuts words at colons and equals signs, both of
which are part of ours, so what is completed is cut here, and what it is answered is what follows the last cut.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from archcalc.cli import known

#: The environment variable by which a script asks, and the one that has the line.
ASK, LINE = "_ARCHCALC_COMPLETE", "_ARCHCALC_LINE"

_BASH = """\
_archcalc_completion() {
    local IFS=$'\\n'
    COMPREPLY=($(_ARCHCALC_COMPLETE=bash_complete _ARCHCALC_LINE="${COMP_LINE:0:$COMP_POINT}" \\
        _ARCHCALC_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null))
}
complete -o nospace -F _archcalc_completion archcalc
"""
_ZSH = """\
#compdef archcalc
_archcalc() {
    local -a finished begun
    local word
    for word in "${(@f)$(_ARCHCALC_COMPLETE=zsh_complete _ARCHCALC_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" \\
        "${words[1]}" 2>/dev/null)}"; do
        if [[ $word == *' ' ]]; then finished+=("${word% }"); elif [[ -n $word ]]; then begun+=("$word"); fi
    done
    compadd -Q -S ' ' -- "${finished[@]}"
    compadd -Q -S '' -- "${begun[@]}"
}
if [[ $funcstack[1] == _archcalc ]]; then _archcalc "$@"; else compdef _archcalc archcalc; fi
"""
_FISH = """\
function _archcalc_completion
    set -lx _ARCHCALC_COMPLETE fish_complete
    set -lx _ARCHCALC_LINE (commandline -cp)
    archcalc 2>/dev/null
end
complete --no-files --command archcalc --arguments '(_archcalc_completion)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completions(group: click.Group, asked: str) -> Iterator[str]:
    """The lines for the shell that asks, `bash_complete` or the like: a word that is finished ends in a space.

    fish sets its spaces by itself.
    """
    shell = asked.partition("_")[0]
    line = os.environ.get(LINE, "")
    words = split_arg_string(line)
    word = words.pop() if words and not line[-1:].isspace() else ""
    quoted = bool(word) and _last(line)[:1] in ("'", '"')
    # An option and its value are one word: `--columns=par`.
    front = word[: word.index("=") + 1] if word.startswith("--") and "=" in word else ""
    cut = _cut(word) if shell == "bash" and not quoted else 0
    for item in ShellComplete(group, {"obj": words[2:]}, "archcalc", ASK).get_completions(words[1:], word):
        for value in _values(item):
            whole = f"{front}{value}"[cut:]
            whole = whole if quoted or shell == "fish" else _escaped(whole)
            yield whole if shell == "fish" or value.endswith(("/", ":", "=")) else f"{whole} "


def _values(item: CompletionItem) -> Iterator[str]:
    """The words of an item: files are looked up here, since every shell does it in another way."""
    if item.type in ("file", "dir"):
        yield from (name for name in known.files(item.value) if name.startswith(item.value))
    else:
        yield item.value


def _cut(word: str) -> int:
    """How much of a word bash takes for words before it."""
    breaks = os.environ.get("_ARCHCALC_BREAKS", "")
    return max(word.rfind(sign) for sign in breaks) + 1 if breaks else 0


def _last(line: str) -> str:
    """The last word of a line as it is written."""
    lexer = shlex.shlex(line, posix=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return list(lexer)[-1]
    except ValueError:  # a quote is still open
        return lexer.token


def _escaped(word: str) -> str:
    """A word as a shell reads it, with no signs but those that need them."""
    return "".join(f"\\{c}" if c in " \t\\\"'`$&|;<>()*?[]#!{}" else c for c in word)
