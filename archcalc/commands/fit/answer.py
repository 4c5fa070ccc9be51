"""Which batch fits a memory, under each of the conventions by which people have answered that question."""

from __future__ import annotations

from archcalc.analysis.totals import Analysis
from archcalc.memory import budget
from archcalc.memory.budget import Budget, Persistent
from archcalc.memory.checkpoint import extra_macs
from archcalc.memory.network import network_memory
from archcalc.memory.recompute import Plan, Recomputation
from archcalc.memory.setup import SEVERAL, Setup
from archcalc.quantities.registry import figure
from archcalc.records import Record

#: Trials of a plan of blocks.
_FEW_TRIALS = 8


class Available(Record):
    """A memory: what it is called, all of it, what the headroom leaves, and on which device it is."""

    name: str
    total: int
    usable: int
    source: str
    device: str


class Configuration(Record):
    """How a network is run: a setup, whatever its batch, with its checkpoints or with those that are found for each
    batch and memory (`auto`)."""

    setup: Setup
    auto: bool = False


class Fit(Record):
    """The largest batches in one memory; 0 where not even the smallest fits, None where nothing grows with the batch.

    `training` and `inference` count everything that is held at peak; where weights are stored in fewer bits, which is
    for inference alone, there is no training. `activations` counts the input and every output once, as the CS231n
    lecture does for the forward pass, `activations_twice` their gradients too.
    """

    available: Available
    #: How the network is run there.
    configuration: Configuration
    #: The smallest batch that runs.
    least: int
    training: int | None
    inference: int | None
    activations: int
    activations_twice: int

    @property
    def setup(self) -> Setup:
        """The setup of the configuration."""
        return self.configuration.setup

    @property
    def asked(self) -> int | None:
        """The largest batch of what the answer is about: of training, where there is one."""
        return self.inference if self.setup.stores_fewer_bits else self.training

    def takes(self, batch: int) -> bool:
        """Whether a batch of that size fits."""
        return self.asked is None or batch <= self.asked


class Fitting:
    """What a network takes in one configuration or another; what was once followed is kept."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._recomputations: dict[Setup, Recomputation] = {}
        self._plans: dict[tuple[Configuration, int, int], Plan | None] = {}
        self._largest: dict[tuple[Configuration, int], int | None] = {}

    def fit(self, configuration: Configuration, available: Available) -> Fit:
        """The largest batch by each convention. UsageError where a setup that is for training trains nothing."""
        setup = configuration.setup._replace(device=available.device)
        configuration = configuration._replace(setup=setup)
        memory = network_memory(self.analysis, setup._replace(batch=SEVERAL))
        activations = figure(self.analysis, "activation_bytes")
        return Fit(
            available,
            configuration,
            self.budget(setup, SEVERAL).least_batch,
            None if setup.stores_fewer_bits else self.largest(configuration, available.usable),
            memory.largest_inference_batch(available.usable),
            available.usable // activations,
            available.usable // (2 * activations),
        )

    def budget(self, setup: Setup, batch: int) -> Budget:
        """What is held in training, or, where weights are stored in fewer bits, at inference. UsageError where a batch
        of that size is not possible."""
        memory = network_memory(self.analysis, setup._replace(batch=batch))
        return memory.inference_budget if setup.stores_fewer_bits else memory.training

    def peak_bytes(self, setup: Setup, batch: int) -> int:
        """Bytes at the peak for a batch of that size, with the setup's own checkpoints."""
        return self.budget(setup, batch).peak_bytes(batch)

    def largest(self, configuration: Configuration, usable: int) -> int | None:
        """The largest batch that fits, of what `budget` is about."""
        key = configuration, usable
        if key not in self._largest:
            self._largest[key] = self._largest_of(configuration, usable)
        return self._largest[key]

    def _largest_of(self, configuration: Configuration, usable: int) -> int | None:
        setup = configuration.setup
        if not configuration.auto:
            memory = network_memory(self.analysis, setup._replace(batch=SEVERAL))
            of = memory.largest_inference_batch if setup.stores_fewer_bits else memory.largest_training_batch
            return of(usable)
        room = usable - self.persistent(setup).total
        several = self._recomputation(setup, SEVERAL).largest_batch(room)
        if several is None or several > 1 or self.budget(setup, SEVERAL).least_batch > 1:
            return several
        return int(self._recomputation(setup, 1).fits(1, room))

    def least_bytes(self, configuration: Configuration, batch: int) -> int:
        """The least that is there at the peak for a batch of that size, with the lightest checkpoints where they are
        to be found."""
        setup = configuration.setup
        if not configuration.auto:
            return self.peak_bytes(setup, batch)
        return self.persistent(setup).total + self._recomputation(setup, batch).least_bytes(batch)

    def plan(self, configuration: Configuration, batch: int, usable: int) -> Plan | None:
        """Checkpoints with which a batch fits, where they are to be found; None if there are none. They are found
        sooner than those of `archcalc memory`, and may cost more."""
        key = configuration, batch, usable
        if key not in self._plans:
            room = usable - self.persistent(configuration.setup).total
            self._plans[key] = self._recomputation(configuration.setup, batch).cheapest(batch, room, _FEW_TRIALS)
        return self._plans[key]

    def extra_macs(self, setup: Setup) -> int:
        """Multiply-accumulates of one sample that the setup's own checkpoints do a second time."""
        return int(extra_macs(self.analysis.interpretation, setup.checkpoints))

    def persistent(self, setup: Setup) -> Persistent:
        """What is there at every step of training."""
        return budget.persistent(self.analysis.interpretation, setup)

    def _recomputation(self, setup: Setup, batch: int) -> Recomputation:
        passes = setup._replace(batch=batch, optimizer="none", masters=True, checkpoints=()).held
        if passes not in self._recomputations:
            self._recomputations[passes] = Recomputation(self.analysis.interpretation, passes)
        return self._recomputations[passes]
