"""Published entropies, divergences and focal losses, as functions of logits; one number per row.

``logitproof check --op entropy``, ``kl_divergence`` or ``focal_cross_entropy`` judges them. A divergence is that of the
target from the logits, sum t log(t / p). What a package takes as probabilities or their logarithms is made by its own
softmax.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def torch_kl_div(logits: Any, target: Any) -> Any:
    """`F.kl_div` of probabilities."""
    functional: Any = import_module("torch.nn.functional")
    share = functional.softmax(target, -1)
    return functional.kl_div(functional.log_softmax(logits, -1), share, reduction="none").sum(-1)


def torch_kl_div_log_target(logits: Any, target: Any) -> Any:
    """`F.kl_div` with ``log_target=True``."""
    functional: Any = import_module("torch.nn.functional")
    both = (functional.log_softmax(one, -1) for one in (logits, target))
    return functional.kl_div(*both, reduction="none", log_target=True).sum(-1)


def torch_categorical_kl(logits: Any, target: Any) -> Any:
    """`torch.distributions.kl_divergence` of two `Categorical`."""
    distributions: Any = import_module("torch.distributions")
    both = (distributions.Categorical(logits=one) for one in (target, logits))
    return distributions.kl_divergence(*both)


def torch_categorical_entropy(logits: Any) -> Any:
    """`torch.distributions.Categorical.entropy`."""
    return import_module("torch.distributions").Categorical(logits=logits).entropy()


def torch_entr(logits: Any) -> Any:
    """`torch.special.entr` of softmax."""
    torch: Any = import_module("torch")
    return torch.special.entr(torch.softmax(logits, -1)).sum(-1)


def optax_kl_divergence(logits: Any, target: Any) -> Any:
    """`optax.kl_divergence`."""
    nn: Any = import_module("jax.nn")
    return import_module("optax").kl_divergence(nn.log_softmax(logits), nn.softmax(target))


def optax_kl_of_log_targets(logits: Any, target: Any) -> Any:
    """`optax.kl_divergence_with_log_targets`."""
    nn: Any = import_module("jax.nn")
    return import_module("optax").losses.kl_divergence_with_log_targets(nn.log_softmax(logits), nn.log_softmax(target))


def jax_rel_entr(logits: Any, target: Any) -> Any:
    """`jax.scipy.special.rel_entr` of softmax."""
    nn: Any = import_module("jax.nn")
    return import_module("jax.scipy.special").rel_entr(nn.softmax(target), nn.softmax(logits)).sum(-1)


def jax_entr(logits: Any) -> Any:
    """`jax.scipy.special.entr` of softmax."""
    return import_module("jax.scipy.special").entr(import_module("jax.nn").softmax(logits)).sum(-1)


def keras_kl_divergence(logits: Any, target: Any) -> Any:
    """`keras.losses.KLDivergence`, on JAX."""
    keras: Any = import_module("keras")
    nn: Any = import_module("jax.nn")
    loss = keras.losses.KLDivergence(reduction=None, dtype=logits.dtype.name)
    return loss(nn.softmax(target), nn.softmax(logits))


def keras_focal(logits: Any, labels: Any, *, gamma: int = 2) -> Any:
    """`keras.losses.CategoricalFocalCrossentropy` with an alpha of 1, on JAX."""
    keras: Any = import_module("keras")
    one_hot = import_module("jax.nn").one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    make = keras.losses.CategoricalFocalCrossentropy
    loss = make(alpha=1.0, gamma=float(gamma), from_logits=True, reduction=None, dtype=logits.dtype.name)
    return loss(one_hot, logits)


def numpyro_entropy(logits: Any) -> Any:
    """`numpyro.distributions.CategoricalLogits.entropy`."""
    return import_module("numpyro.distributions").CategoricalLogits(logits).entropy()


def tfp_entropy(logits: Any) -> Any:
    """`Categorical.entropy` of TensorFlow Probability on JAX."""
    return _tfp().Categorical(logits=logits).entropy()


def tfp_kl_divergence(logits: Any, target: Any) -> Any:
    """`Categorical.kl_divergence` of TensorFlow Probability on JAX."""
    distributions = _tfp()
    return distributions.Categorical(logits=target).kl_divergence(distributions.Categorical(logits=logits))


def _tfp() -> Any:
    return import_module("tensorflow_probability.substrates.jax").distributions


def torch_bernoulli_entropy(logits: Any) -> Any:
    """`torch.distributions.Bernoulli.entropy`."""
    return import_module("torch.distributions").Bernoulli(logits=logits).entropy()


def torch_bernoulli_kl(logits: Any, target: Any) -> Any:
    """`torch.distributions.kl_divergence` of two `Bernoulli`."""
    distributions: Any = import_module("torch.distributions")
    both = (distributions.Bernoulli(logits=one) for one in (target, logits))
    return distributions.kl_divergence(*both)


def torch_relaxed_bernoulli(logits: Any, sample: Any, *, temperature: float = 1.0) -> Any:
    """`LogitRelaxedBernoulli.log_prob` of torch."""
    torch: Any = import_module("torch")
    relaxed = import_module("torch.distributions.relaxed_bernoulli").LogitRelaxedBernoulli
    return relaxed(torch.tensor(temperature, dtype=logits.dtype), logits=logits).log_prob(sample)


def torch_relaxed_categorical(logits: Any, sample: Any, *, temperature: float = 1.0) -> Any:
    """`ExpRelaxedCategorical.log_prob` of torch; a sample that is no logarithm of one is not checked."""
    torch: Any = import_module("torch")
    relaxed = import_module("torch.distributions.relaxed_categorical").ExpRelaxedCategorical
    given = torch.tensor(temperature, dtype=logits.dtype)
    return relaxed(given, logits=logits, validate_args=False).log_prob(sample)


def numpyro_bernoulli_entropy(logits: Any) -> Any:
    """`numpyro.distributions.BernoulliLogits.entropy`."""
    return import_module("numpyro.distributions").BernoulliLogits(logits).entropy()


def tfp_bernoulli_entropy(logits: Any) -> Any:
    """`Bernoulli.entropy` of TensorFlow Probability on JAX."""
    return _tfp().Bernoulli(logits=logits).entropy()


def tfp_bernoulli_kl(logits: Any, target: Any) -> Any:
    """`Bernoulli.kl_divergence` of TensorFlow Probability on JAX."""
    distributions = _tfp()
    return distributions.Bernoulli(logits=target).kl_divergence(distributions.Bernoulli(logits=logits))


def tfp_relaxed_categorical(logits: Any, sample: Any, *, temperature: float = 1.0) -> Any:
    """`ExpRelaxedOneHotCategorical.log_prob` of TensorFlow Probability on JAX."""
    relaxed = _tfp().ExpRelaxedOneHotCategorical
    return relaxed(import_module("jax.numpy").asarray(temperature, logits.dtype), logits=logits).log_prob(sample)
