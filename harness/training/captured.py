"""A step as one CUDA graph: what leads from a batch's indices to its gradients is launched at once.

The graph holds the assembly of the batch, its augmentation, forward and backward pass, second task and penalty. The
optimizer, the schedule and a smaller last batch stay outside: they are the very code of a run without graphs.

A graph repeats what was launched while it was captured, whatever has happened on the CPU since. So one is used only
where it has shown that it repeats the step: two steps of it are compared with two steps without it, to the bit, in all
that they leave. Where it has not, and where somebody hooks into the net, steps are taken without it.
"""

import pickle
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from harness.training.recipe import Recipe

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class CapturedStep:
    """Takes the steps of a recipe; equal to `Recipe.update` to the bit, and where that is in doubt, it is that."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.parameters = parameters_of(recipe)
        modules = [module for net in nets_of(recipe) for module in net.modules()]
        self.hooks = [getattr(module, name) for module in modules for name in HOOKS]
        self.graph: Graph | None = None
        self.given_up = False

    def __call__(self, index: torch.Tensor) -> torch.Tensor:
        """Make one update on a batch (B,); return its summed loss and right answers, (2,)."""
        recipe = self.recipe
        if self.given_up or (self.graph and len(index) != len(self.graph.index)):
            # The last batch is smaller.
            return recipe.update(index)
        if self.is_hooked():
            # Only for as long as they are there: a graph calls no hook.
            recipe.history.eager_because = "somebody hooks into the net"
            return recipe.update(index)
        if self.graph and self.graph.places != places(self.graph.read):
            return self.give_up("a weight has moved to another place in memory", index)
        if self.graph is None:
            found = capture(recipe, index)
            if isinstance(found, str):
                return self.give_up(found, index)
            self.graph = found
        totals = self.graph.replay(index)
        recipe.advance()
        return totals

    def is_hooked(self) -> bool:
        """Say whether somebody is to be called in the middle of a step."""
        of_gradients = (one._backward_hooks or one._post_accumulate_grad_hooks for one in self.parameters)
        return any(self.hooks) or any(of_gradients)

    def give_up(self, reason: str, index: torch.Tensor) -> torch.Tensor:
        """Take this step and all that follow without a graph, and keep the reason for the record."""
        self.given_up, self.graph = True, None
        self.recipe.history.eager_because = reason
        return self.recipe.update(index)


@dataclass
class Graph:
    """A captured step: what it reads and writes has to stay where it is in memory."""

    graph: torch.cuda.CUDAGraph
    index: torch.Tensor
    totals: torch.Tensor
    gradients: list[tuple[nn.Parameter, torch.Tensor | None]]
    read: list[torch.Tensor]
    places: list[int]

    def replay(self, index: torch.Tensor) -> torch.Tensor:
        """Leave the gradients of a batch (B,) with the parameters; return its totals (2,), a copy."""
        self.index.copy_(index)
        self.graph.replay()
        # An eager step, or an observer's look, may have put others in their place.
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        return self.totals.clone()


def capture(recipe: Recipe, index: torch.Tensor) -> Graph | str:
    """Return the graph of a step on batches of this size, or why there is none; the recipe is left as it was.

    Memory that runs out, and what CUDA can't capture for another reason than a wait, raise.
    """
    before = Before(recipe)
    # Two batches: what is drawn for the first may happen to suit a graph that draws nothing.
    batches = [index, (index + 1) % len(recipe.train)]
    expected = warm_up(recipe, batches)
    moved, luck = before.moved(), recipe.luck_state()
    before.restore()
    if expected is None:
        return "a step waits for the GPU"
    if moved:
        return f"a step draws on the CPU ({moved})"
    graph = captured(recipe, index)
    # In case that anything draws while it is captured.
    before.restore()
    repeated = [left_by(recipe, graph.replay(batch)) for batch in batches]
    drawn = recipe.luck_state()
    before.restore()
    if not all(torch.equal(luck[name], drawn[name]) for name in luck):
        return "a graph of the step draws otherwise than the step does"
    if not all(equal(*pair) for pair in zip(expected, repeated, strict=True)):
        return "a graph of the step does not repeat it to the bit"
    return graph


def warm_up(recipe: Recipe, batches: Sequence[torch.Tensor]) -> list[list[torch.Tensor]] | None:
    """Return what a step leaves of each batch, the weights as they are; None if it waits for the GPU.

    On a stream of its own, as a capture asks for: libraries set themselves up there, and no gradient is left behind.
    """
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    found = []
    try:
        with torch.cuda.stream(side):
            for number, batch in enumerate(batches):
                # The first step may wait: for libraries that set themselves up.
                with waits_refused() if number else nullcontext():
                    totals = recipe.gradients(batch)
                found.append(left_by(recipe, totals))
    except RuntimeError as problem:
        if "synchronizing" not in str(problem):
            raise
        return None
    finally:
        torch.cuda.current_stream().wait_stream(side)
    return found


@contextmanager
def waits_refused() -> Iterator[None]:
    """Let torch raise a RuntimeError where the block waits for the GPU, which a capture can't recover from."""
    usual = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(usual)


def captured(recipe: Recipe, index: torch.Tensor) -> Graph:
    """Return the graph of a step on batches of the size of `index`, (B,); nothing is calculated yet."""
    graph = torch.cuda.CUDAGraph()
    for one in generators_of(recipe):
        # So that each replay draws on from the state that the generator has by then.
        graph.register_generator_state(one)
    static = index.clone()
    try:
        with torch.cuda.graph(graph):
            # It drops the gradients first: those made in their place are the graph's own, written anew by each replay.
            totals = recipe.gradients(static)
    except RuntimeError as problem:
        # A capture that was broken off would leave the generators unusable.
        with suppress(RuntimeError):
            graph.reset()
        problem.add_note("this happened while a step was captured: set engine.captured_step to false")
        raise
    gradients = [(parameter, parameter.grad) for parameter in parameters_of(recipe)]
    read = [*parameters_of(recipe), *buffers_of(recipe)]
    return Graph(graph, static, totals, gradients, read, places(read))


class Before:
    """The state of a recipe, and of whatever else on the CPU a step may draw from, before something is tried."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.luck = recipe.luck_state()
        self.buffers = [one.clone() for one in buffers_of(recipe)]
        self.gradients = [(parameter, parameter.grad) for parameter in parameters_of(recipe)]
        self.host = host_luck(recipe)
        self.python, self.numpy = random.getstate(), np.random.get_state()

    def moved(self) -> str:
        """Name what has been drawn from on the CPU since; empty: nothing."""
        now = host_luck(self.recipe)
        return ", ".join(name for name, state in self.host.items() if state != now[name])

    def restore(self) -> None:
        """Leave everything as it was: luck, buffers such as the running statistics of a norm, and gradients."""
        with torch.no_grad():
            for buffer, value in zip(buffers_of(self.recipe), self.buffers, strict=True):
                buffer.copy_(value)
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        self.recipe.restore_luck(self.luck)
        random.setstate(self.python)
        np.random.set_state(self.numpy)


def generators_of(recipe: Recipe) -> list[torch.Generator]:
    """Return the generators from which a step draws on the GPU; dropout has torch's own."""
    return [recipe.luck, recipe.turns, torch.cuda.default_generators[torch.cuda.current_device()]]


def host_luck(recipe: Recipe) -> dict[str, bytes]:
    """Return the state of every generator of the CPU that a step could draw from, by name."""
    drawn_by = {id(one) for one in generators_of(recipe)}
    named = {"the order of the pictures": recipe.order, "torch": torch.default_generator}
    states = {name: one.get_state().numpy().tobytes() for name, one in named.items() if id(one) not in drawn_by}
    return states | {"random": pickle.dumps(random.getstate()), "numpy": pickle.dumps(np.random.get_state())}


def nets_of(recipe: Recipe) -> list[nn.Module]:
    """Return what learns."""
    return [recipe.model] if recipe.auxiliary is None else [recipe.model, recipe.auxiliary]


def parameters_of(recipe: Recipe) -> list[nn.Parameter]:
    """Return every parameter once."""
    return [parameter for net in nets_of(recipe) for parameter in net.parameters()]


def buffers_of(recipe: Recipe) -> list[torch.Tensor]:
    """Return what a net keeps beside its parameters, such as the running statistics of a norm."""
    return [buffer for net in nets_of(recipe) for buffer in net.buffers()]


def places(tensors: Sequence[torch.Tensor]) -> list[int]:
    """Return where in memory tensors lie."""
    return [one.data_ptr() for one in tensors]


def left_by(recipe: Recipe, totals: torch.Tensor) -> list[torch.Tensor]:
    """Return copies of what a step has left when the optimizer takes over: totals, gradients and buffers."""
    gradients = [one.grad for one in parameters_of(recipe) if one.grad is not None]
    return [one.detach().clone() for one in (totals, *gradients, *buffers_of(recipe))]


def equal(some: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> bool:
    """Say whether tensors are equal one by one, to the bit: as numbers 0 and -0 would be, and no number is itself."""
    if [one.shape for one in some] != [one.shape for one in others]:
        return False
    same = [(bits(one) == bits(other)).all() for one, other in zip(some, others, strict=True)]
    return bool(torch.stack(same).all())


def bits(tensor: torch.Tensor) -> torch.Tensor:
    """Return the bytes of a tensor, flat."""
    return tensor.reshape(-1).view(torch.uint8)
