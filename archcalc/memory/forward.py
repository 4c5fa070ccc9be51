"""The operations of one layer's forward pass, in the order in which a framework runs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archcalc.layers.outcome import Step, nth
from archcalc.memory.draft import Decision, Draft
from archcalc.memory.placement import Mode, Placement, own_type


def forward(placement: Placement, mode: Mode) -> Decision:
    """Decide them; it is given the storages of the placement."""
    return _Forward(placement, mode).decision()


class _Forward:
    def __init__(self, placement: Placement, mode: Mode) -> None:
        self.placement = placement
        self.call = placement.call
        self.mode = mode
        self.draft = Draft(placement.storages, placement.call.per)
        #: What its operations make, by name.
        self.names = placement.names
        #: What mixed precision has converted for the framework's function at hand, and the copies.
        self.arguments: list[int] = []
        #: The copies that are still to be made of inputs that do not lie as they should.
        self.pending = list(placement.copies)

    def decision(self) -> Decision:
        """All operations."""
        steps = self.placement.composition.forward
        if steps and (self.mode.training or not self.placement.composition.fused):
            self.composed(steps)
        else:
            self.undivided()
        self.draft.hold(*range(len(self.call.inputs)))  # as arguments of the layer's call
        return self.draft.decision()

    def undivided(self) -> None:
        """One operation makes everything."""
        placement, typed = self.placement, self.placement.typed
        reads, own = list(placement.inputs), list(placement.own.values())
        if typed is not None:
            self.convert(0)
            copies = {cast.copy for cast in typed.casts}
            inputs = (nth("input", number) for number in range(len(self.call.inputs)))
            reads = [self.names[typed.reads.get((0, name), name)] for name in inputs]
            reads += [storage for name, storage in placement.own.items() if name in copies]
            own = [storage for name, storage in placement.own.items() if name not in copies]
        self.arrange([copy.made for copy in self.pending])
        made = [] if placement.output in placement.inputs else [placement.output]
        if not made and not own and placement.copies:
            return  # the copy is the whole operation
        if not self.call.outcome.reads_input:
            reads = []
        self.draft.step(self.call.layer.name, reads, [*made, *own])
        self.draft.hold(*self.arguments)

    def convert(self, number: int) -> None:
        """The conversions to another type before a step; one whose copy does not lie as it should is copied again."""
        placement, names = self.placement, self.names
        assert placement.typed is not None
        for cast in placement.typed.casts:
            if cast.before == number and cast.copy not in placement.cached:
                made = placement.own[cast.copy]
                made = next((copy.source for copy in placement.copies if copy.made == made), made)
                read = [names[cast.name]] if cast.name in names else []
                self.arrange(read)
                self.draft.step("to", read, [made])
                self.arguments += [*read, made]

    def arrange(self, reads: Sequence[int]) -> None:
        """The copies up to those that an operation reads."""
        while any(copy.made in reads for copy in self.pending):
            copy = self.pending.pop(0)
            self.draft.step("clone", [copy.source], [copy.made])

    def composed(self, steps: Sequence[Step]) -> None:
        """The operations that the layer is composed of."""
        placement, names, typed = self.placement, self.names, self.placement.typed
        outcome = self.call.outcome
        stored = {tensor.name for tensor in (*outcome.params, *outcome.buffers)}  # they are there anyway
        function = ""
        for number, step in enumerate(steps):
            if step.view:
                if step.reads[0] in stored:
                    stored.add(step.makes[0].name)
                else:
                    names[step.makes[0].name] = names[step.reads[0]]
                continue
            if step.training and step.makes[0].name not in names:  # it makes only what the backward pass needs
                names[step.makes[0].name] = names[step.reads[0]]
                continue
            if not step.called or step.called != function or step.unless is not None:  # a copy begins a call
                self.arguments, function = [], step.called
            read: Iterable[str] = step.reads
            if typed is not None:
                self.convert(number)
                read = [typed.reads.get((number, name), name) for name in read]
            reads = [names[name] for name in read if name in names or name not in stored]
            if typed is not None:
                reads += [placement.own[cast.copy] for cast in typed.casts if cast.before == number]
            self.arrange(reads)
            if step.unless is not None and step.makes[0].name in names and names[step.makes[0].name] == reads[0]:
                continue
            for tensor in step.makes:
                if tensor.name not in names:
                    dtype = typed.types[tensor.name] if typed else own_type(tensor.dtype, self.mode.setup)
                    names[tensor.name] = self.draft.allocate(tensor.name, tensor.elements, dtype, tensor.per)
            self.draft.step(step.operation, reads, [names[tensor.name] for tensor in step.makes])
            self.draft.hold(*self.arguments, *(names[name] for name in step.holds))
