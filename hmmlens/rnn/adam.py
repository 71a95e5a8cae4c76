"""Adam as :class:`torch.optim.Adam` computes it, without what that class imports.

Each method of :class:`torch.optim.Optimizer` imports the compiler of torch when it is first called,
which takes longer than the training of a small network. The function of the update does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam


class Adam:
    """Adam (Kingma & Ba 2015), with the results and the state of :class:`torch.optim.Adam`.

    Parameters
    ----------
    parameters : iterable of nn.Parameter
        What is trained, all on one device.
    learning_rate : float
        Step size.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of the averages of the gradient and of its square.

    Examples
    --------
    >>> weight = nn.Parameter(torch.ones(2))
    >>> optimiser = Adam([weight], learning_rate=0.1)
    >>> (3 * weight).sum().backward()
    >>> optimiser.step()
    >>> weight.detach().round(decimals=3).tolist()
    [0.8999999761581421, 0.8999999761581421]
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.betas = learning_rate, betas
        self._state: dict[int, dict[str, Tensor]] = {}

    def zero_grad(self) -> None:
        """Drop the gradients of all parameters."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient."""
        parameters: list[Tensor] = []
        gradients: list[Tensor] = []
        states = []
        for i, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                parameters.append(parameter)
                gradients.append(parameter.grad)
                states.append(self._state.setdefault(i, _state_of(parameter)))
        adam(
            parameters,
            gradients,
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the averages and numbers of steps.

        Returns
        -------
        dict
            ``state``, as in the dict of :class:`torch.optim.Adam`.
        """
        return {"state": self._state}

    def load_state_dict(self, content: dict[str, Any]) -> None:
        """Continue from a state.

        Parameters
        ----------
        content : dict
            Of :meth:`state_dict` here or of :class:`torch.optim.Adam`, on any device.
        """
        for i, state in content["state"].items():
            device = self.parameters[i].device
            # The number of steps stays on the CPU.
            self._state[i] = {
                name: value.to("cpu" if name == "step" else device, copy=True)
                for name, value in state.items()
            }


def _state_of(parameter: Tensor) -> dict[str, Tensor]:
    """Return the state before the first step."""
    return {
        "step": torch.tensor(0.0),
        "exp_avg": torch.zeros_like(parameter),
        "exp_avg_sq": torch.zeros_like(parameter),
    }
