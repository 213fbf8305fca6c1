"""Update rules. A level returns a torch optimizer over the parameters at a learning rate."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer

from harness.core.registry import Registry

OPTIMIZER: Registry[Callable[..., Optimizer]] = Registry("optimizer")

Parameters = Iterable[torch.nn.Parameter]


@OPTIMIZER.level("sgd")
def sgd(parameters: Parameters, learning_rate: float) -> Optimizer:
    """w <- w - rate g. With a batch of the whole training set this is gradient descent."""
    return torch.optim.SGD(parameters, lr=learning_rate, fused=True)


@OPTIMIZER.level("momentum", rho=(0, 0.9999))
def momentum(parameters: Parameters, learning_rate: float, *, rho: float = 0.9) -> Optimizer:
    """v <- rho v + g; w <- w - rate v (Polyak, 1964)."""
    return torch.optim.SGD(parameters, lr=learning_rate, momentum=rho, fused=True)


@OPTIMIZER.level("nesterov", rho=(0.0001, 0.9999))
def nesterov(parameters: Parameters, learning_rate: float, *, rho: float = 0.9) -> Optimizer:
    """Momentum whose gradient is taken where the velocity leads (Nesterov, 1983; Sutskever et al., 2013)."""
    return torch.optim.SGD(parameters, lr=learning_rate, momentum=rho, nesterov=True, fused=True)


@OPTIMIZER.level("adagrad")
def adagrad(parameters: Parameters, learning_rate: float) -> Optimizer:
    """Steps divided by the root of the sum of all squared gradients so far (Duchi et al., 2011)."""
    return torch.optim.Adagrad(parameters, lr=learning_rate)


@OPTIMIZER.level("rmsprop", decay=(0, 0.9999))
def rmsprop(parameters: Parameters, learning_rate: float, *, decay: float = 0.99) -> Optimizer:
    """AdaGrad with a sum that forgets (Tieleman and Hinton, 2012)."""
    return torch.optim.RMSprop(parameters, lr=learning_rate, alpha=decay)


@OPTIMIZER.level("adadelta", decay=(0, 0.9999))
def adadelta(parameters: Parameters, learning_rate: float, *, decay: float = 0.9) -> Optimizer:
    """Steps in the unit of the weights, from past updates (Zeiler, 2012); made for a rate of 1."""
    return torch.optim.Adadelta(parameters, lr=learning_rate, rho=decay)


@OPTIMIZER.level("adam", beta1=(0, 0.9999), beta2=(0, 0.99999))
def adam(parameters: Parameters, learning_rate: float, *, beta1: float = 0.9, beta2: float = 0.999) -> Optimizer:
    """Momentum and RMSProp with bias correction (Kingma and Ba, 2014)."""
    return torch.optim.Adam(parameters, lr=learning_rate, betas=(beta1, beta2), fused=True)


class UncorrectedAdam(Optimizer):
    """Adam without the division by 1 - beta^t, which torch does not offer.

    m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2; w <- w - rate m / (sqrt(v) + epsilon)
    """

    def __init__(self, parameters: Parameters, lr: float, beta1: float, beta2: float, epsilon: float = 1e-8) -> None:
        super().__init__(parameters, {"lr": lr, "beta1": beta1, "beta2": beta2, "epsilon": epsilon})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["mean"] = torch.zeros_like(parameter)
                    state["square"] = torch.zeros_like(parameter)
                state["mean"].lerp_(parameter.grad, 1 - group["beta1"])
                state["square"].mul_(group["beta2"]).addcmul_(parameter.grad, parameter.grad, value=1 - group["beta2"])
                parameter.addcdiv_(state["mean"], state["square"].sqrt().add_(group["epsilon"]), value=-group["lr"])


@OPTIMIZER.level("adam_uncorrected", beta1=(0, 0.9999), beta2=(0, 0.99999))
def adam_uncorrected(
    parameters: Parameters, learning_rate: float, *, beta1: float = 0.9, beta2: float = 0.999
) -> Optimizer:
    """Adam as it would be without bias correction."""
    return UncorrectedAdam(parameters, learning_rate, beta1, beta2)


@OPTIMIZER.level("nadam", beta1=(0, 0.9999), beta2=(0, 0.99999))
def nadam(parameters: Parameters, learning_rate: float, *, beta1: float = 0.9, beta2: float = 0.999) -> Optimizer:
    """Adam with Nesterov's look ahead (Dozat, 2016)."""
    return torch.optim.NAdam(parameters, lr=learning_rate, betas=(beta1, beta2))


@OPTIMIZER.level("adamw", decay=(0, 1))
def adamw(parameters: Parameters, learning_rate: float, *, decay: float = 0.01) -> Optimizer:
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2017)."""
    return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=decay, fused=True)
