"""The second derivative of a PyTorch function that has no forward mode, by a backward pass through its backward pass.

The second derivative of the inner product of a function with c is symmetric, so that its product with v is the gradient
of the inner product of the first gradient with v. Penalties on gradients are differentiated so
(https://docs.pytorch.org/tutorials/intermediate/custom_function_double_backward_tutorial.html). What a custom backward
takes for constant, as it keeps it outside of ``save_for_backward``, is missing then, without an error.
"""

from __future__ import annotations

NO_FORWARD_MODE = ("must override the setup_context staticmethod", "must implement the jvp function")
"""What PyTorch says of an autograd.Function (https://docs.pytorch.org/docs/main/notes/extending.func.html)."""

SOURCE = """
along_direction = f
def f({letters}):
    try:
        return along_direction({letters})
    except RuntimeError as error:
        if not any(word in str(error) for word in {words}):
            raise
    x = x.detach().requires_grad_()
    first = torch.autograd.grad({expression}, x, c.requires_grad_(), create_graph=True)[0]
    return torch.autograd.grad(first, x, v)[0]
"""


def twice_backward(letters: str, expression: str) -> str:
    """Return source behind that of an ``f`` of these letters, which takes the second derivative in forward mode."""
    return SOURCE.format(letters=letters, words=NO_FORWARD_MODE, expression=expression)
