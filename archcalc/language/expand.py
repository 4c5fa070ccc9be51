"""A document and the values of its parameters to a flat list of nodes: blocks inlined, repeats unrolled,
conditions judged. Structure becomes concrete here; sizes stay of whatever kind they were given in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from archcalc.diagnostics.diagnostic import Diagnostic, Place, SpecError, UsageError, did_you_mean
from archcalc.exact import is_fraction
from archcalc.language.budget import Budget, Spent
from archcalc.language.document import (
    HEAD,
    INPUT,
    MAX_LAYERS,
    OUTPUT,
    Argument,
    Block,
    Branch,
    Brought,
    Document,
    Formula,
    Step,
)
from archcalc.language.expression import ExpressionError
from archcalc.language.network import INPUT_INDEX, Network, Node, Scope, TiedWeights, trail
from archcalc.language.volumes import AtStep, NoVolume, Volumes
from archcalc.layers.apply import Rules
from archcalc.layers.attributes import Refused, shown, whole
from archcalc.layers.registry import Layer, layers, words
from archcalc.records import Record
from archcalc.sizes.kinds import is_concrete, is_size
from archcalc.sizes.volume import MAX_RANK, Volume

MAX_DEPTH = 100
MAX_ERRORS = 20


class Found(Exception):
    """A finding that ends the step it is in."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


class Follows(Exception):
    """What is wrong with a step follows from what was found of a step that it names: no finding of its own."""


class Limit(Exception):
    """A finding that ends the expansion."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


def expand(document: Document, parameters: Mapping[str, Any] | None = None, rules: Rules | None = None) -> Network:
    """The network that a document describes with its parameters set as given; the others have their defaults.

    `rules` are those by which volumes are worked out that expressions ask for; whoever analyses the network then asks
    them again. SpecError holds every finding; UsageError if a parameter does not exist.
    """
    budget = Budget()
    values = parameter_values(document, parameters or {}, budget)
    inputs = _input_volumes(document, values, budget)
    if not document.steps:
        place = Place(document.source, 0, 0)
        raise SpecError([Diagnostic("no-layers", f"{document.source.name} has no layers: it is not a network", place)])
    expansion = Expansion(Volumes(tuple(inputs.values()), rules or Rules()), budget)
    expansion.environments[document] = environment_of(document, values)
    environment = expansion.environments[document]
    names: Names = {name: Named(INPUT_INDEX - number) for number, name in enumerate(inputs)}
    names.setdefault(INPUT, Named(INPUT_INDEX))
    frame = Frame(environment, Scope(None, "", None, None), names, None, 0)
    try:
        last = expansion.steps(document.steps, frame, INPUT_INDEX)
    except Limit as limit:
        raise SpecError([limit.diagnostic]) from None
    except NoVolume as found:
        raise SpecError([*expansion.problems, *found.findings(expansion.nodes)]) from None
    problems = expansion.problems or _doubled_names(document, expansion)
    if problems:
        raise SpecError(problems)
    heads = {scope.path: end for scope, end in expansion.heads}
    return Network(document, values, inputs, expansion.nodes, {OUTPUT: last, **heads})


def _doubled_names(document: Document, expansion: Expansion) -> list[Diagnostic]:
    """A finding for each layer or head whose path another one has, since one of the two was given a path as its name;
    and for each layer that is called as an input is."""
    names = {node.name for node in expansion.nodes}
    heads = {head.path for head, _ in expansion.heads}
    if len(names) == len(expansion.nodes) and len(heads) == len(expansion.heads) and names.isdisjoint(document.inputs):
        return []
    found = []
    for node in expansion.nodes:
        if node.name in document.inputs:
            message = f"a layer and an input would both be called `{node.name}`"
            stated = document.inputs[node.name]
            found.append(Diagnostic("duplicate-name", message, stated.place, help="choose another name"))
    for kind, named in (
        ("layers", [(node.name, node.scope, node.base, node.step) for node in expansion.nodes]),
        ("heads", [(head.path, head.parent, head.base, head.step) for head, _ in expansion.heads]),
    ):
        first: dict[str, tuple[Scope | None, str, Step | None]] = {}
        for name, scope, base, step in named:
            if name not in first:
                first[name] = (scope, base, step)
                continue
            steps = [step for each in (first[name], (scope, base, step)) for step in _named_by_paths(*each)]
            culprit = steps[0] if steps else step
            message = f"two {kind} would be called `{name}`: a name that looks like a path must be no other path"
            place = None if culprit is None else culprit.label_place
            found.append(Diagnostic("duplicate-name", message, place, help="choose another name"))
            if len(found) >= MAX_ERRORS:
                return found
    return found


def _named_by_paths(scope: Scope | None, base: str, step: Step | None) -> list[Step]:
    """The steps, from a layer outwards, that were given a path as their name."""
    steps = []
    while True:
        if step is not None and not base.isidentifier():
            steps.append(step)
        if scope is None or scope.parent is None:
            return steps
        scope, base, step = scope.parent, scope.base, scope.step


def parameter_values(document: Document, given: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    known = {parameter.name for parameter in document.parameters}
    for name in given:
        if name not in known:
            raise document.no_parameter(name)
    values: dict[str, Any] = {}
    for parameter in document.parameters:
        if parameter.name in given:
            values[parameter.name] = meaningful(document, parameter.name, given[parameter.name])
        else:
            assert parameter.default is not None
            values[parameter.name] = top_level(parameter.default, values, budget)
    return values


def meaningful(document: Document, name: str, value: Any) -> Any:
    """The value that a parameter is set to; UsageError for a word that is no layer's, no layer and no block."""
    if isinstance(value, tuple):
        return tuple(meaningful(document, name, each) for each in value)
    if isinstance(value, str) and value not in words() and value not in layers() and document.block(value) is None:
        known = [*words(), "true", "false", *document.blocks, *document.imported, *layers()]
        hint = did_you_mean(value, known)
        message = (
            f"`{value}` is not a value for {name}: it is not a number, a word that a layer takes, a layer or a block"
        )
        raise UsageError(message + (f": {hint}" if hint else ""))
    return value


def environment_of(document: Document, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the expressions of a file can name: its parameters, and its blocks where no layer has the word."""
    named = {**document.imported, **document.blocks}
    blocks = {name: block for name, block in named.items() if name not in words()}
    return {**blocks, **{name: with_blocks(value, blocks) for name, value in values.items()}}


def with_blocks(value: Any, blocks: Mapping[str, Block]) -> Any:
    """A parameter's value with blocks for their names, in lists too."""
    if isinstance(value, tuple):
        return tuple(with_blocks(each, blocks) for each in value)
    return blocks.get(value, value) if isinstance(value, str) else value


def _meant_as_row(scope: Scope | None, value: Any) -> str | None:
    """What to write where a list fills the first parameter of a block and was meant to fill several."""
    if scope is None or scope.step is None or scope.arguments is None or not isinstance(value, tuple):
        return None
    several = dict(zip(scope.arguments, value, strict=False))
    given = scope.step.arguments
    if len(several) < 2 or len(given) != 1 or scope.arguments[given[0].name] is not value:
        return None
    row = ", ".join(f"{name}: {shown(each)}" for name, each in several.items())
    return f"a list is a row of arguments where a block needs several: write `{scope.step.name}: {{{row}}}`"


def _evaluated(formula: Formula, environment: Mapping[str, Any], budget: Budget) -> Any:
    """The value of a formula; what it may read of lists is spent before, and a list that it makes is bounded."""
    for name in formula.lists:
        read = environment.get(name)
        if isinstance(read, tuple):
            budget.read(read)
    value = formula.evaluate(environment)
    if formula.makes_list:
        budget.read(value)
    return value


def top_level(formula: Formula, values: Mapping[str, Any], budget: Budget) -> Any:
    try:
        return _evaluated(formula, values, budget)
    except Spent as spent:
        raise SpecError([Diagnostic("too-large", str(spent), formula.place)]) from None
    except ExpressionError as error:
        raise SpecError([Diagnostic("bad-value", error.message, formula.place, help=error.help)]) from None


def _input_volumes(document: Document, values: Mapping[str, Any], budget: Budget) -> dict[str, Volume]:
    """The volumes of the inputs by name."""
    if not document.inputs:
        message = f"{document.source.name} has no input"
        hint = "write `input: [3, 224, 224]`: channels first"
        raise SpecError([Diagnostic("no-input", message, Place(document.source, 0, 0), help=hint)])
    return {name: input_volume(formula, values, budget) for name, formula in document.inputs.items()}


def input_volume(stated: Formula, values: Mapping[str, Any], budget: Budget) -> Volume:
    place = stated.place
    shape = top_level(stated, values, budget)
    sizes = shape if isinstance(shape, tuple) else (shape,)
    message = "the input is a list of whole numbers, channels first: [3, 224, 224]"
    try:
        typed = [whole(size) for size in sizes]
    except Refused:
        raise SpecError([Diagnostic("bad-input", message, place, label=shown(shape))]) from None
    if not 1 <= len(typed) <= 1 + MAX_RANK:
        message = f"the input has channels and up to {MAX_RANK} more axes"
        raise SpecError([Diagnostic("bad-input", message, place, label=shown(shape))])
    if any(is_concrete(size) and size < 1 for size in typed):
        message = "each size of the input must be at least 1"
        raise SpecError([Diagnostic("bad-input", message, place, label=shown(shape))])
    return Volume(typed[0], tuple(typed[1:]))


class Named(Record):
    """What a name stands for: a node, and the step that has the name (None for the inputs of a block).

    `copies` is their number for a repeated step and for a list that a block has as an input; before the first the name
    stands for no node, and gives way to another step's. `inside` holds the names within a block that is called. The
    name of a head, and that of a step that is left out, `gives_way` to that of a step; that of a step with a finding
    is `wrong`.
    """

    node: int
    step: Step | None = None
    copies: int | None = None
    inside: Names | None = None
    gives_way: bool = False
    wrong: bool = False

    @property
    def names_nothing(self) -> bool:
        """Whether it is a repeated step's, before its first copy."""
        return self.copies == 0 and not self.gives_way


Names: TypeAlias = dict[str, Named]


class Carried(Record):
    """What an input of a block stands for: a node, or a list of them."""

    nodes: tuple[int, ...]
    several: bool

    def named(self, name: str) -> Names:
        """The names that the block has for it."""
        if not self.several:
            return {name: Named(self.nodes[0])}
        each = {f"{name}.{number}": Named(node) for number, node in enumerate(self.nodes, 1)}
        return {name: Named(self.nodes[-1] if self.nodes else INPUT_INDEX, None, len(self.nodes)), **each}


#: The names that expressions see: the file's parameters, and in their place a block's arguments and the indices around
#: a step.
Environment: TypeAlias = MutableMapping[str, Any]


class Frame(Record):
    """Where a step is expanded: what its expressions and its `from` can name, and how deep it lies.

    `tied` is the name of the weights that the steps here share, and the scope of the step that shares them.
    """

    env: Environment
    scope: Scope
    names: Names
    tied: tuple[str, Scope] | None
    depth: int
    trainable: bool = True


class _Here(Record):
    """Where a formula is evaluated: its frame, and the node whose output reaches the step (or who finds it)."""

    frame: Frame
    reached_by: int | Callable[[], int]


class Expansion:
    """The nodes made so far, and the budget that keeps a hostile spec from making too many."""

    def __init__(self, volumes: Volumes, budget: Budget) -> None:
        self.volumes = volumes
        self.nodes = volumes.nodes
        #: Each head and the node that ends it.
        self.heads: list[tuple[Scope, int]] = []
        self.problems: list[Diagnostic] = []
        self.environments: dict[Document, dict[str, Any]] = {}
        #: Steps whose callee is a parameter's value, with that callee.
        self.bound: dict[tuple[Step, Layer | Block], Step] = {}
        self.budget = budget

    def steps(self, steps: tuple[Step, ...], frame: Frame, current: int) -> int:
        """Expand the steps one after the other; returns the number of the node that ends them."""
        for step in steps:
            try:
                current = self.step(step, frame, current)
            except Follows:
                self.wrong(step, frame, current)
            except Found as found:
                self.wrong(step, frame, current)
                self.problems.append(found.diagnostic)
                if len(self.problems) >= MAX_ERRORS:
                    raise SpecError(self.problems) from None
        return current

    def wrong(self, step: Step, frame: Frame, current: int) -> None:
        """The name of a step with a finding is known, so that what names it is not another."""
        heads = (branch.name for branch in step.branches or () if step.name == HEAD)
        for name in filter(None, (step.label, *heads)):
            if name not in frame.names or frame.names[name].names_nothing:
                frame.names[name] = Named(current, step, gives_way=True, wrong=True)

    def step(self, step: Step, frame: Frame, current: int) -> int:
        self.spend(step, frame)
        times = self.wanted(step, frame, current)
        if not times:
            self.left_out(step, frame, current)
        for i in range(times):
            current = self.copy(step, frame, current, i)
        return current

    def wanted(self, step: Step, frame: Frame, current: int) -> int:
        """How many copies of a step there are."""
        if step.when is not None and not self.truth(step.when, "when", self.at(step, frame, current)):
            return 0
        return 1 if step.repeat is None else self.times(step.repeat, self.at(step, frame, current))

    def copy(self, step: Step, frame: Frame, current: int, i: int) -> int:
        """The copy of a step that has this index; returns the number of the node that ends it."""
        if i:
            self.spend(step, frame)
        else:
            self.begins(step, frame, current)
        inputs: tuple[int, ...] = ()
        brought: dict[str, Carried] = {}
        if step.inputs and (not i or _joins_names(step)):
            inputs = self.named_all(step.inputs, step, frame)
        if step.brought:
            brought = {inner: self.brought(each, step, frame) for inner, each in step.brought.items()}
            begins = brought.pop(INPUT, None)
            if begins is not None and not i:
                inputs = begins.nodes
        if not inputs:  # `from` is the first copy's input, the others follow each other
            inputs = (current,)
        around = frame
        if step.index is not None:
            around = frame._replace(env=self.copied(frame.env))
            around.env[step.index] = i
        end, inside = self.once(step, around, inputs, brought)
        if step.name != HEAD:  # the stream goes on as if the head were not there
            current = end
        if step.label is not None:
            copies = None
            if step.repeat is not None:
                copies = i + 1
                self.remember(f"{step.label}.{copies}", Named(current, step, inside=inside), frame)
            self.remember(step.label, Named(current, step, copies, inside), frame)
        return current

    def begins(self, step: Step, frame: Frame, current: int) -> None:
        """Before its first copy the name of a repeated step stands for no node."""
        if step.label is not None and step.repeat is not None:
            frame.names.setdefault(step.label, Named(current, step, 0))

    def left_out(self, step: Step, frame: Frame, current: int) -> None:
        """The name of a step that is not there stands for what it would have read: the stream, or the one step that it
        names; of a repeated one there is no copy. A step that would read several has none."""
        self.begins(step, frame, current)
        read: int | None = current
        if step.inputs or step.brought:
            only = None if step.brought or len(step.inputs) > 1 else _lookup(step.inputs[0][0], frame.names)
            read = None if only is None or only.names_nothing else only.node
        if step.label is not None and read is not None:
            copies = None if step.repeat is None else 0
            before = frame.names.get(step.label)
            if before is None or before.names_nothing:
                frame.names[step.label] = Named(read, step, copies, gives_way=True)

    def once(
        self, step: Step, frame: Frame, inputs: tuple[int, ...], brought: dict[str, Carried]
    ) -> tuple[int, Names | None]:
        """One copy of a step: the node that ends it, and the names in it if it is a block. `brought` holds the other
        inputs of a block, by the names that it has for them."""
        if step.weights is not None:
            frame = frame._replace(tied=(_tied_name(step.weights, frame.scope.block, frame.tied), frame.scope))
        if step.trainable is not None:
            trainable = self.truth(step.trainable, "trainable", _Here(frame, inputs[0]))
            frame = frame._replace(trainable=trainable and frame.trainable)
        if step.name == HEAD:
            return self.head(step, frame, inputs[0]), None
        if step.bind is not None:
            step = self.chosen(step, step.bind, frame)
        if isinstance(step.callee, Block):
            return self.block(step, step.callee, frame, inputs, brought)
        assert isinstance(step.callee, Layer)
        if step.branches is None:
            return self.layer(step, step.callee, frame, inputs), None
        return self.join(step, step.callee, step.branches, frame, inputs[0]), None

    def chosen(self, step: Step, bind: Callable[[Layer | Block], Step], frame: Frame) -> Step:
        """The step with what it calls filled in: the layer or block that the parameter of its name has as its value."""
        value = frame.env[step.name]
        callee = layers().get(value) if isinstance(value, str) else value
        notes = tuple(trail(frame.scope))
        if not isinstance(callee, (Layer, Block)):
            message = f"`{step.name}` must name a layer or a block: {shown(value)} does not"
            raise Found(Diagnostic("unknown-layer", message, step.place, notes=notes))
        if (step, callee) not in self.bound:
            try:
                self.bound[step, callee] = bind(callee)
            except SpecError as error:
                found = error.diagnostics[0]
                raise Found(found._replace(notes=(*found.notes, *notes))) from None
        return self.bound[step, callee]

    def join(self, step: Step, layer: Layer, branches: tuple[Branch, ...], frame: Frame, current: int) -> int:
        """A join of the branches whose conditions are true; nothing is joined where only one is left."""
        here = _Here(frame, current)
        left = [branch for branch in branches if branch.when is None or self.truth(branch.when, "when", here)]
        if not left:
            message = f"{step.name} has no branch left: the conditions of all are false"
            raise Found(Diagnostic("bad-branches", message, step.place, notes=tuple(trail(frame.scope))))
        ends = tuple(self.branch(step, branch, frame, current) for branch in left)
        return ends[0] if len(ends) == 1 else self.layer(step, layer, frame, ends)

    def layer(self, step: Step, layer: Layer, frame: Frame, inputs: tuple[int, ...]) -> int:
        if not self.has_room():
            raise Limit(Diagnostic("too-many-layers", f"the network has more than {MAX_LAYERS:,} layers", step.place))
        if layer.most is None and len(inputs) == 1:
            return inputs[0]  # of all copies of a repeated step there may be one
        if layer.most is not None and not layer.least <= len(inputs) <= layer.most:
            wanted = str(layer.least) if layer.least == layer.most else f"{layer.least} to {layer.most}"
            given, place = ("`from` names", step.inputs[0][1]) if step.inputs else ("there is", step.place)
            message = f"{layer.name} takes {wanted} input{'s' * (layer.most > 1)}, and {given} {len(inputs)}"
            raise Found(Diagnostic("wrong-inputs", message, place, notes=tuple(trail(frame.scope))))
        attributes = step.constants
        if attributes is None:
            here = _Here(frame, inputs[0])
            attributes = {
                argument.name: self.typed(argument, layer.attributes[argument.name].kind.accept, here)
                for argument in step.arguments
            }
        node = Node(len(self.nodes), layer, attributes, inputs, frame.scope, step, None, frame.trainable)
        if frame.tied is not None:
            name, sharing = frame.tied
            key = (*frame.scope.key[len(sharing.key) :], (node.base, node.ordinal))
            # The outermost entry is the sharing step itself, which differs from use to use.
            node.tied = TiedWeights(name, key[1:])
        self.nodes.append(node)
        try:
            self.budget.path(frame.scope.length + len(node.base))
        except Spent as spent:
            raise Limit(Diagnostic("too-large", str(spent), step.place)) from None
        return node.index

    def branch(self, step: Step, branch: Branch, frame: Frame, current: int) -> int:
        return self.steps(branch.steps, self.deeper(step, branch.name, frame), current) if branch.steps else current

    def head(self, step: Step, frame: Frame, current: int) -> int:
        end = current
        for branch in step.branches or ():
            inside = self.deeper(step, branch.name, frame)
            end = self.steps(branch.steps, inside, current)
            self.heads.append((inside.scope, end))
            frame.names.setdefault(branch.name, Named(end, gives_way=True))
        return end

    def deeper(self, step: Step, name: str, frame: Frame) -> Frame:
        """The frame of a branch of a step."""
        self.descend(step, frame)
        return frame._replace(scope=Scope(frame.scope, name, step, None), depth=frame.depth + 1)

    def block(
        self, step: Step, block: Block, frame: Frame, inputs: tuple[int, ...], brought: dict[str, Carried]
    ) -> tuple[int, Names]:
        if len(inputs) > 1:
            message = f"a list gives a block {len(inputs)} inputs without names"
            hint = "name them as the block knows them: `from: {input: decoder, memory: encoder}`"
            place = step.inputs[0][1]
            raise Found(Diagnostic("wrong-inputs", message, place, notes=tuple(trail(frame.scope)), help=hint))
        self.descend(step, frame)
        here = _Here(frame, inputs[0])
        arguments = {argument.name: self.evaluate(argument.formula, here) for argument in step.arguments}
        if step.row is not None:
            arguments = self.row(step.row, block, here)
        bound: dict[str, Any] = {}
        names: Names = {INPUT: Named(inputs[0])}
        scope = Scope(frame.scope, step.label or step.name, step, bound)
        for name, given in brought.items():
            names.update(given.named(name))
        if brought:
            scope.brought = {name: given.nodes for name, given in brought.items()}
        inner = Frame(
            self.copied(self.globals_of(block.document)),
            scope,
            names,
            frame.tied,
            frame.depth + 1,
            frame.trainable,
        )
        for parameter in block.parameters:
            if parameter.name in arguments:
                value = arguments[parameter.name]
            else:
                assert parameter.default is not None
                value = self.evaluate(parameter.default, _Here(inner, inputs[0]))
            bound[parameter.name] = inner.env[parameter.name] = value
        return self.steps(block.steps, inner, inputs[0]), names

    def row(self, row: Formula, block: Block, here: _Here) -> dict[str, Any]:
        """The arguments that a list gives, in the order of the signature."""
        values = self.evaluate(row, here)
        values = values if isinstance(values, tuple) else (values,)
        least, most = len(block.needed), len(block.parameters)
        if len(values) < least:
            missing, rule = block.parameters[len(values)].name, "missing-argument"
            message = f"{block.name} needs `{missing}`"
        elif len(values) > most:
            rule = "unknown-attribute"
            message = f"{block.name} takes {most} arguments, and the list has {len(values)}"
        else:
            return {parameter.name: value for parameter, value in zip(block.parameters, values, strict=False)}
        notes = tuple(trail(here.frame.scope))
        raise Found(Diagnostic(rule, message, row.place, notes=notes, help=f"it is {block.signature}"))

    # --- the small questions

    def copied(self, environment: Environment) -> Environment:
        """An environment to which names can be added that another does not have."""
        return dict(environment)

    def globals_of(self, document: Document) -> dict[str, Any]:
        """The parameters of the file a block was written in."""
        if document not in self.environments:
            self.environments[document] = environment_of(document, parameter_values(document, {}, self.budget))
        return self.environments[document]

    def has_room(self) -> bool:
        """Whether there may be one more layer."""
        return len(self.nodes) < MAX_LAYERS

    def spend(self, step: Step, frame: Frame) -> None:
        self.written(1 + len(step.inputs), step, frame)

    def written(self, count: int, step: Step, frame: Frame) -> None:
        """So many steps more, or names of inputs, are written out."""
        try:
            self.budget.steps(count)
        except Spent as spent:
            notes = tuple(trail(frame.scope))
            raise Limit(Diagnostic("too-many-layers", str(spent), step.place, notes=notes)) from None

    def descend(self, step: Step, frame: Frame) -> None:
        if frame.depth >= MAX_DEPTH:
            message = (
                f"blocks and branches nest deeper than {MAX_DEPTH} levels: does `{step.name}` call itself forever?"
            )
            raise Limit(Diagnostic("endless-recursion", message, step.place, notes=tuple(trail(frame.scope))))

    def evaluate(self, formula: Formula, here: _Here) -> Any:
        if formula.constant is not None:
            return formula.constant
        try:
            environment = self.environment(here, formula.place) if formula.asks_volume else here.frame.env
            return _evaluated(formula, environment, self.budget)
        except Spent as spent:
            notes = tuple(trail(here.frame.scope))
            raise Limit(Diagnostic("too-large", str(spent), formula.place, notes=notes)) from None
        except ExpressionError as error:
            frame = here.frame
            rows = (_meant_as_row(frame.scope, frame.env.get(name)) for name, _ in formula.names)
            help_ = error.help or next(filter(None, rows), None)
            raise Found(
                Diagnostic("bad-value", error.message, formula.place, notes=tuple(trail(frame.scope)), help=help_)
            ) from None

    def typed(self, argument: Argument, accept: Callable[[Any], Any], here: _Here) -> Any:
        value = self.evaluate(argument.formula, here)
        try:
            return accept(value)
        except Refused as refused:
            message, scope = f"{argument.name} {refused}", here.frame.scope
            notes, help_ = tuple(trail(scope)), _meant_as_row(scope, value)
            raise Found(
                Diagnostic("bad-value", message, argument.formula.place, shown(value), notes, help=help_)
            ) from None

    def truth(self, formula: Formula, key: str, here: _Here) -> bool:
        value = self.evaluate(formula, here)
        if value is True or value is False:
            return value
        message = f"`{key}` must be true or false: {shown(value)} is neither"
        raise Found(Diagnostic("bad-value", message, formula.place, notes=tuple(trail(here.frame.scope))))

    def times(self, formula: Formula, here: _Here) -> int:
        value = self.evaluate(formula, here)
        if is_concrete(value) and 0 <= value <= MAX_LAYERS:
            return int(value)
        if is_fraction(value) or not is_size(value):
            message = f"`repeat` must be a whole number: {shown(value)} is not"
        elif not is_concrete(value):
            message = "`repeat` must be one known number: structure cannot be free"
        elif value < 0:
            message = f"`repeat` must be at least 0: {value} is not"
        else:
            message = ""
        notes = tuple(trail(here.frame.scope))
        if message:
            raise Found(Diagnostic("bad-value", message, formula.place, notes=notes))
        message = f"`repeat` must be at most {MAX_LAYERS:,}, the largest network: {value:,} is more"
        raise Limit(Diagnostic("too-many-layers", message, formula.place, notes=notes))

    def environment(self, here: _Here, place: Place) -> AtStep:
        """What an expression can name that asks for volumes."""
        frame, node = here

        def reaching() -> Volume:
            return self.volumes.of(node() if callable(node) else node)

        return AtStep(frame.env, reaching, lambda name: self.volumes.of(self.named(name, place, frame).node))

    def at(self, step: Step, frame: Frame, current: int) -> _Here:
        """Where the conditions of a step are judged. What its `from` names need not exist if nobody asks."""

        def index() -> int:
            stated = step.brought[INPUT].names if INPUT in step.brought else step.inputs
            return self.named_all(stated[:1], step, frame)[0] if stated else current

        return _Here(frame, index)

    def named_all(self, names: tuple[tuple[str, Place], ...], step: Step, frame: Frame) -> tuple[int, ...]:
        """The nodes that the inputs of a step name, one at least where there are names."""
        found = self.listed(names, step, frame)
        if names and not found:
            name, place = names[0]
            message = f"`{name}` names nothing yet: no copy comes before this one"
            hint = "name what the first copy reads too: `[input, layer.*]`"
            raise Found(Diagnostic("wrong-inputs", message, place, notes=tuple(trail(frame.scope)), help=hint))
        return found

    def brought(self, given: Brought, step: Step, frame: Frame) -> Carried:
        """What a step gives an input of a block."""
        return Carried(self.listed(given.names, step, frame), given.several)

    def listed(self, names: tuple[tuple[str, Place], ...], step: Step, frame: Frame) -> tuple[int, ...]:
        """The nodes that names stand for; `wave.*` names all copies of a repeated step, and in the step itself those
        before this one."""
        found: list[int] = []
        for name, place in names:
            first, star, rest = name.partition(".*")
            if not star:
                found.append(self.named(name, place, frame).node)
                continue
            copies = self.lookup(first, place, frame).copies
            if copies is None:
                message = f"`{first}` is not repeated: it has no copies"
                raise Found(Diagnostic("unknown-step", message, place, notes=tuple(trail(frame.scope))))
            self.written(copies, step, frame)
            found += [self.named(f"{first}.{i + 1}{rest}", place, frame).node for i in range(copies)]
        return tuple(found)

    def named(self, name: str, place: Place, frame: Frame) -> Named:
        """What a name stands for: a step before, or `encoder/low`, the step `low` of the block called as `encoder`."""
        found = self.lookup(name, place, frame)
        if found.names_nothing:
            message = f"`{name}` names nothing: it has no copy before this step"
            raise Found(Diagnostic("unknown-step", message, place, notes=tuple(trail(frame.scope))))
        return found

    def lookup(self, name: str, place: Place, frame: Frame) -> Named:
        """What a name stands for, be it no copy."""
        found = _lookup(name, frame.names)
        if found is None:  # a copy of a step, or a name in it
            whole = frame.names.get(name.partition("/")[0].partition(".")[0])
            found = whole if whole is not None and whole.wrong else None
        if found is not None:
            if found.wrong:
                raise Follows
            return found
        hint = did_you_mean(name, frame.names) or "only steps before this one, in the same block, can be named"
        message = f"no step before this one is called `{name}`"
        raise Found(Diagnostic("unknown-step", message, place, notes=tuple(trail(frame.scope)), help=hint))

    def remember(self, name: str, named: Named, frame: Frame) -> None:
        before = frame.names.get(name)
        if before is not None and not before.gives_way and before.copies != 0 and before.step is not named.step:
            assert named.step is not None
            message = f"another step is called `{name}` already"
            notes = tuple(trail(frame.scope))
            hint = "a name is known in the whole block, its branches included"
            raise Found(Diagnostic("duplicate-name", message, named.step.label_place, notes=notes, help=hint))
        frame.names[name] = named


def _lookup(name: str, names: Names) -> Named | None:
    """What a name, or a path into blocks by the names of their calls, stands for."""
    if name in names:
        return names[name]
    end = name.find("/")
    while end >= 0:
        around = names.get(name[:end])
        if around is not None and around.inside is not None:
            found = _lookup(name[end + 1 :], around.inside)
            if found is not None:
                return found
        end = name.find("/", end + 1)
    return None


def _tied_name(name: str, block: Scope, outer: tuple[str, Scope] | None) -> str:
    """A name of tied weights belongs to the block call that states it; calls that are tied share the names in them."""
    key = block.key
    parts = [name]
    if outer is not None and len(key) > len(outer[1].key):
        key = key[len(outer[1].key) + 1 :]  # the sharing step itself differs from use to use
        parts = [outer[0], name]
    return "/".join([*(f"{base}.{ordinal}" for base, ordinal in key), *parts])


def _joins_names(step: Step) -> bool:
    return isinstance(step.callee, Layer) and step.callee.joins and step.branches is None
