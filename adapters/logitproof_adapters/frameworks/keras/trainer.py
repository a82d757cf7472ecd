"""Keras, trained by compile and fit: losses from logits, and from probabilities, as its guides show both.

https://keras.io/guides/training_with_built_in_methods/. Users see the loss of a batch and the weights, by a callback,
and no gradients. Keras computes its losses in float32 whatever the format of the layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.trainer import SourceTrainer, layers_of
from logitproof_reference.vocabulary.cells import SIGMOID

if TYPE_CHECKING:
    from logitproof_adapters.sources.source_adapter import SourceAdapter
    from logitproof_reference.training.tasks import Task
    from logitproof_reference.vocabulary.cells import Cell

LOSSES = {
    ("softmax_cross_entropy", "indices"): "SparseCategoricalCrossentropy",
    ("softmax_cross_entropy", "distributions"): "CategoricalCrossentropy",
    (SIGMOID, "distributions"): "BinaryCrossentropy",
}
ACTIVATIONS = {"softmax_cross_entropy": "softmax", SIGMOID: "sigmoid"}
PROBABILITIES = "probabilities"
"""The entry of models that end with their activation, and losses with from_logits=False."""

MODES = {"tensorflow": "graph", "jax": "compiled", "torch": "eager"}
"""How fit runs a step on each backend, on the CPU."""

PROGRAM = """def built(activation, loss, **compiled):
    layers = [{layers}, keras.layers.Dense({units}, activation=activation, dtype="{format}")]
    model = keras.Sequential([keras.Input(({features},), dtype="{format}"), *layers])
    model.compile(optimizer=keras.optimizers.SGD({rate}), loss=loss, **compiled)
    return model


model = built({activation}, {loss})


def weights(of):
    return [array.copy() for array in of.get_weights()]  # a view of a variable's memory would change with it


def load(parameters):
    model.set_weights(parameters)


class Steps(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.taken = []

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()  # otherwise fit tells the mean over the epoch so far

    def on_train_batch_end(self, batch, logs=None):
        self.taken.append((np.float32(logs["loss"]), None, weights(self.model)))


def train(batches):
    x, y = (np.concatenate(parts) for parts in zip(*batches))
    steps = Steps()
    model.fit(x, y, batch_size=len(batches[0][0]), shuffle=False, verbose=0, callbacks=[steps, *callbacks])
    return steps.taken


# What follows parts the loss function from the matrix products.
bare = built(None, lambda upstream, z: keras.ops.sum(upstream * z), run_eagerly=True)


def logits(x):
    bare.set_weights(weights(model))
    return keras.ops.convert_to_numpy(bare(x))


def descend(x, upstream):
    bare.train_on_batch(x, upstream)
    return weights(bare)


class Keeper(keras.optimizers.SGD):
    def apply(self, gradients, trainable_variables=None):
        kept[:] = [keras.ops.convert_to_numpy(gradient) for gradient in gradients]


class Logits(keras.Model):
    def __init__(self, z):
        super().__init__()
        self.z = self.add_weight(shape=z.shape, dtype="{format}")
        self.z.assign(z)

    def call(self, x):
        return keras.activations.get({activation})(keras.ops.convert_to_tensor(self.z))


kept = []


def loss(z, y):
    only = Logits(z)
    only.compile(optimizer=Keeper(), loss={loss}, run_eagerly=True)
    return np.float32(only.train_on_batch(np.zeros((len(z), 1)), y)), kept[0]
"""


class KerasTrainer(NumpyArrays, SourceTrainer):
    """Trains with Keras, by fit, which compiles the step where the backend has a way to."""

    takes_callbacks = True
    recipes = {  # noqa: RUF012 - a table of the class, as its base declares it
        "softmax_cross_entropy": (
            ("indices", ""),
            ("distributions", ""),
            ("indices", PROBABILITIES),
            ("distributions", PROBABILITIES),
        ),
        SIGMOID: (("distributions", ""), ("distributions", PROBABILITIES)),
    }

    def __init__(self, adapter: SourceAdapter) -> None:
        super().__init__(adapter)
        self.mode = MODES[adapter.name.partition("_")[2]]

    @property
    def imports(self) -> str:
        """The lines that choose the backend and import Keras, and the callbacks that fit is given besides its own."""
        return f"{self.adapter.imports}\nimport ml_dtypes\nimport numpy as np\n\ncallbacks = []"

    def source(self, cell: Cell, task: Task) -> str:
        """Return the program."""
        from_logits = cell.entry != PROBABILITIES
        *hidden, (_, units, _) = layers_of(task)
        return PROGRAM.format(
            layers=", ".join(
                f'keras.layers.Dense({width}, activation="relu", dtype="{cell.format}")' for _, width, _ in hidden
            ),
            units=units,
            features=task.widths[0],
            format=cell.format,
            rate=task.rate,
            activation=None if from_logits else repr(ACTIVATIONS[task.op]),
            loss=f"keras.losses.{LOSSES[task.op, cell.labels]}(from_logits={from_logits})",
        ).replace("[, ", "[")
