"""Published losses and distributions that take probabilities; one number per row, or per element of a binary loss.

``logitproof check --op probability_cross_entropy``, ``probability_entropy``, ``probability_kl_divergence``,
``binary_cross_entropy``, ``binary_entropy`` or ``binary_kl_divergence`` judges them. A divergence is that of the target
from the probabilities.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def torch_nll_loss(probabilities: Any, labels: Any) -> Any:
    """`F.nll_loss` of logarithms."""
    return _functional().nll_loss(probabilities.log(), labels, reduction="none")


def torch_binary_cross_entropy(probabilities: Any, labels: Any) -> Any:
    """`F.binary_cross_entropy`."""
    return _functional().binary_cross_entropy(probabilities, labels, reduction="none")


def torch_categorical_log_prob(probabilities: Any, labels: Any) -> Any:
    """`torch.distributions.Categorical.log_prob` of probabilities, negative."""
    return -_torch_categorical(probabilities).log_prob(labels)


def torch_categorical_entropy(probabilities: Any) -> Any:
    """`torch.distributions.Categorical.entropy` of probabilities."""
    return _torch_categorical(probabilities).entropy()


def torch_categorical_kl(probabilities: Any, target: Any) -> Any:
    """`torch.distributions.kl_divergence` of two `Categorical`."""
    kl_divergence = import_module("torch.distributions").kl_divergence
    return kl_divergence(_torch_categorical(target), _torch_categorical(probabilities))


def torch_bernoulli_log_prob(probabilities: Any, labels: Any) -> Any:
    """`torch.distributions.Bernoulli.log_prob` of probabilities, negative."""
    return -_torch_bernoulli(probabilities).log_prob(labels)


def torch_bernoulli_entropy(probabilities: Any) -> Any:
    """`torch.distributions.Bernoulli.entropy` of probabilities."""
    return _torch_bernoulli(probabilities).entropy()


def torch_bernoulli_kl(probabilities: Any, target: Any) -> Any:
    """`torch.distributions.kl_divergence` of two `Bernoulli`."""
    kl_divergence = import_module("torch.distributions").kl_divergence
    return kl_divergence(_torch_bernoulli(target), _torch_bernoulli(probabilities))


def torch_entr(probabilities: Any) -> Any:
    """`torch.special.entr`, summed."""
    return import_module("torch").special.entr(probabilities).sum(-1)


def torch_kl_div(probabilities: Any, target: Any) -> Any:
    """`F.kl_div` of logarithms."""
    return _functional().kl_div(probabilities.log(), target, reduction="none").sum(-1)


def jax_xlogy(probabilities: Any, labels: Any) -> Any:
    """`jax.scipy.special.xlogy` of labels and probabilities, summed."""
    return -import_module("jax.scipy.special").xlogy(labels, probabilities).sum(-1)


def jax_entr(probabilities: Any) -> Any:
    """`jax.scipy.special.entr`, summed."""
    return import_module("jax.scipy.special").entr(probabilities).sum(-1)


def jax_rel_entr(probabilities: Any, target: Any) -> Any:
    """`jax.scipy.special.rel_entr`, summed."""
    return import_module("jax.scipy.special").rel_entr(target, probabilities).sum(-1)


def optax_kl_divergence(probabilities: Any, target: Any) -> Any:
    """`optax.kl_divergence` of logarithms."""
    return import_module("optax").kl_divergence(import_module("jax.numpy").log(probabilities), target)


def keras_categorical(probabilities: Any, labels: Any) -> Any:
    """`keras.losses.CategoricalCrossentropy`, on JAX."""
    return _keras("CategoricalCrossentropy", probabilities)(labels, probabilities)


def keras_sparse(probabilities: Any, labels: Any) -> Any:
    """`keras.losses.SparseCategoricalCrossentropy`, on JAX."""
    return _keras("SparseCategoricalCrossentropy", probabilities)(labels, probabilities)


def keras_binary(probabilities: Any, labels: Any) -> Any:
    """`keras.losses.BinaryCrossentropy` of each number, on JAX."""
    return _keras("BinaryCrossentropy", probabilities)(labels[..., None], probabilities[..., None])


def keras_kl_divergence(probabilities: Any, target: Any) -> Any:
    """`keras.losses.KLDivergence`, on JAX."""
    return _keras("KLDivergence", probabilities)(target, probabilities)


def numpyro_log_prob(probabilities: Any, labels: Any) -> Any:
    """`numpyro.distributions.CategoricalProbs.log_prob`, negative."""
    return -import_module("numpyro.distributions").CategoricalProbs(probabilities).log_prob(labels)


def numpyro_entropy(probabilities: Any) -> Any:
    """`numpyro.distributions.CategoricalProbs.entropy`."""
    return import_module("numpyro.distributions").CategoricalProbs(probabilities).entropy()


def numpyro_kl(probabilities: Any, target: Any) -> Any:
    """`numpyro.distributions.kl_divergence` of two `CategoricalProbs`."""
    distributions = import_module("numpyro.distributions")
    categorical = distributions.CategoricalProbs
    return distributions.kl_divergence(categorical(target), categorical(probabilities))


def numpyro_bernoulli_log_prob(probabilities: Any, labels: Any) -> Any:
    """`numpyro.distributions.BernoulliProbs.log_prob`, negative."""
    return -import_module("numpyro.distributions").BernoulliProbs(probabilities).log_prob(labels)


def numpyro_bernoulli_entropy(probabilities: Any) -> Any:
    """`numpyro.distributions.BernoulliProbs.entropy`."""
    return import_module("numpyro.distributions").BernoulliProbs(probabilities).entropy()


def tfp_bernoulli_log_prob(probabilities: Any, labels: Any) -> Any:
    """`Bernoulli.log_prob` of probabilities, negative, of TensorFlow Probability on JAX."""
    return -_tfp().Bernoulli(probs=probabilities, dtype=labels.dtype).log_prob(labels)


def tfp_bernoulli_entropy(probabilities: Any) -> Any:
    """`Bernoulli.entropy` of probabilities, of TensorFlow Probability on JAX."""
    return _tfp().Bernoulli(probs=probabilities).entropy()


def tfp_bernoulli_kl(probabilities: Any, target: Any) -> Any:
    """`Bernoulli.kl_divergence` of probabilities, of TensorFlow Probability on JAX."""
    bernoulli = _tfp().Bernoulli
    return bernoulli(probs=target).kl_divergence(bernoulli(probs=probabilities))


def tfp_log_prob(probabilities: Any, labels: Any) -> Any:
    """`Categorical.log_prob` of probabilities, negative, of TensorFlow Probability on JAX."""
    return -_tfp().Categorical(probs=probabilities).log_prob(labels)


def tfp_entropy(probabilities: Any) -> Any:
    """`Categorical.entropy` of probabilities, of TensorFlow Probability on JAX."""
    return _tfp().Categorical(probs=probabilities).entropy()


def tfp_kl_divergence(probabilities: Any, target: Any) -> Any:
    """`Categorical.kl_divergence` of probabilities, of TensorFlow Probability on JAX."""
    categorical = _tfp().Categorical
    return categorical(probs=target).kl_divergence(categorical(probs=probabilities))


def sklearn_log_loss(probabilities: Any, labels: Any) -> Any:
    """`sklearn.metrics.log_loss` of each row: it takes NumPy arrays and returns a mean."""
    numpy: Any = import_module("numpy")
    warnings: Any = import_module("warnings")
    log_loss = import_module("sklearn.metrics").log_loss
    classes = numpy.arange(probabilities.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sums other than one
        found = [log_loss(labels[i : i + 1], row[None], labels=classes) for i, row in enumerate(probabilities)]
    return numpy.array(found).astype(probabilities.dtype)


def scipy_entropy(probabilities: Any) -> Any:
    """`scipy.stats.entropy`, which divides by the sum."""
    return import_module("scipy.stats").entropy(probabilities, axis=1)


def scipy_divergence(probabilities: Any, target: Any) -> Any:
    """`scipy.stats.entropy` of two, which divides both by their sums."""
    return import_module("scipy.stats").entropy(target, probabilities, axis=1)


def _functional() -> Any:
    return import_module("torch.nn.functional")


def _torch_categorical(probabilities: Any) -> Any:
    return import_module("torch.distributions").Categorical(probs=probabilities)


def _torch_bernoulli(probabilities: Any) -> Any:
    return import_module("torch.distributions").Bernoulli(probs=probabilities)


def _keras(name: str, probabilities: Any) -> Any:
    return getattr(import_module("keras").losses, name)(reduction=None, dtype=probabilities.dtype.name)


def _tfp() -> Any:
    return import_module("tensorflow_probability.substrates.jax").distributions
