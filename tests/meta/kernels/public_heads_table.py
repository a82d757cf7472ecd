"""The public loss heads, and functions with masks: one row each, with the command that judges it."""

from __future__ import annotations

from dataclasses import dataclass

LINEAR = "linear_cross_entropy"


@dataclass(frozen=True)
class PublicHead:
    """A loss head, or another function, of a package.

    Attributes
    ----------
    package : str
        As an index of packages has it, with the release that it was judged in.
    function : str
        The function here that calls it, as module and name.
    calls : str
        The public function.
    framework : str
    declared : str
        What its loss is, as options of the command line.
    op : str
        What it computes.
    interpreter : bool
        Whether it is made of Triton kernels, which need ``TRITON_INTERPRET=1`` without a GPU.
    """

    package: str
    function: str
    calls: str
    framework: str = "torch"
    declared: str = ""
    op: str = LINEAR
    interpreter: bool = False

    @property
    def spec(self) -> str:
        """What `logitproof check` takes."""
        return f"logitproof_adapters.public_heads.{self.function}"

    @property
    def command(self) -> str:
        """The command that judges it."""
        before = "TRITON_INTERPRET=1 " if self.interpreter else ""
        after = f" {self.declared}" if self.declared else ""
        words = f"logitproof check {self.spec} --op {self.op} --framework {self.framework}"
        return f"{before}{words}{after}"


MEAN, SUM = "--reduction mean --ignore-index -100", "--reduction sum"

LOSS = "softmax_cross_entropy"

PUBLIC_HEADS = (
    PublicHead("torch 2.13.0", "of_torch:reference", "F.cross_entropy of F.linear", declared="--bias"),
    PublicHead("torch 2.13.0", "of_torch:linear_cross_entropy", "F.linear_cross_entropy", declared="--bias"),
    PublicHead("torch 2.13.0", "of_torch:in_chunks", "F.linear_cross_entropy, chunks", declared=MEAN),
    PublicHead("torch 2.13.0", "of_torch:in_chunks_compact", "F.linear_cross_entropy, compact", declared=MEAN),
    PublicHead(
        "liger-kernel 0.8.5",
        "of_liger:fused_linear_cross_entropy",
        "liger_fused_linear_cross_entropy",
        declared=f"{MEAN} --z-loss 1e-4",
        interpreter=True,
    ),
    PublicHead(
        "liger-kernel 0.8.5",
        "of_liger:fused_linear_cross_entropy_in_float32",
        "liger_fused_linear_cross_entropy, accum_dtype",
        declared=MEAN,
        interpreter=True,
    ),
    PublicHead(
        "liger-kernel 0.8.5",
        "of_liger:cross_entropy",
        "liger_cross_entropy",
        declared=MEAN,
        interpreter=True,
    ),
    PublicHead(
        "liger-kernel 0.8.5",
        "of_liger:selective_log_softmax",
        "fused_selective_log_softmax",
        declared="--quantity value",
        interpreter=True,
    ),
    PublicHead(
        "liger-kernel 0.8.5",
        "of_liger:grpo_loss",
        "triton_grpo_loss, whose gradient is that of the function above",
        interpreter=True,
    ),
    PublicHead(
        "liger-kernel 0.8.5",
        "of_liger:chunked_log_probs",
        "log-probabilities of LigerFusedLinearGRPOLoss",
        declared="--bias",
        interpreter=True,
    ),
    PublicHead("cut-cross-entropy 25.1.1", "of_cut_cross_entropy:torch_compile", "linear_cross_entropy", declared=MEAN),
    PublicHead(
        "fla-core 0.6.0",
        "of_fla:fused_linear_cross_entropy",
        "fused_linear_cross_entropy_loss",
        declared=MEAN,
        interpreter=True,
    ),
    PublicHead(
        "fla-core 0.6.0",
        "of_fla:fused_linear_cross_entropy_narrow",
        "fused_linear_cross_entropy_loss, accumulate_grad_in_fp32=False",
        declared=MEAN,
        interpreter=True,
    ),
    PublicHead("fla-core 0.6.0", "of_fla:cross_entropy", "cross_entropy_loss", interpreter=True),
    PublicHead("trl 1.16.0", "of_log_probs:trl", "selective_log_softmax"),
    PublicHead("verl 0.9.1", "of_log_probs:verl", "logprobs_from_logits_v2"),
    PublicHead("verl 0.9.1", "of_log_probs:verl_naive", "logprobs_from_logits_naive"),
    PublicHead(
        "transformers 5.24.0",
        "of_trainers:transformers_causal_lm",
        "ForCausalLMLoss",
        declared="--reduction sum --divisor 64 --shift --ignore-index -100",
    ),
    PublicHead(
        "transformers 5.24.0",
        "of_trainers:transformers_label_smoother",
        "LabelSmoother",
        declared=f"{MEAN} --label-smoothing 0.1",
    ),
    PublicHead("torchtune 0.6.1", "of_trainers:torchtune_chunked", "CEWithChunkedOutputLoss", declared=MEAN),
    PublicHead("megatron-core 0.16.1", "of_trainers:megatron", "vocab_parallel_cross_entropy"),
    PublicHead("torch 2.13.0", "of_shards:torch_loss_parallel", "loss_parallel", declared=f"{MEAN} --ranks 2"),
    PublicHead("megatron-core 0.16.1", "of_shards:megatron", "vocab_parallel_cross_entropy", declared="--ranks 2"),
    PublicHead(
        "liger-kernel 0.8.5",
        "of_shards:liger",
        "LigerVocabParallelCrossEntropy",
        declared="--ignore-index -100 --ranks 2",
        interpreter=True,
    ),
    PublicHead(
        "tokamax 0.0.17", "of_jax:tokamax_xla", "linear_softmax_cross_entropy_loss, xla", "jax", "--reduction sum"
    ),
    PublicHead(
        "tokamax 0.0.17",
        "of_jax:tokamax_chunked",
        "linear_softmax_cross_entropy_loss, chunked_xla",
        "jax",
        SUM,
    ),
    PublicHead("jax 0.10.2", "of_jax:reference", "log_softmax behind a product", "jax"),
    PublicHead("optax 0.2.8", "of_jax:optax", "softmax_cross_entropy_with_integer_labels", "jax"),
    PublicHead("maxtext 0.2.5", "of_jax:maxtext", "cross_entropy_with_logits", "jax", "--z-loss 1e-4"),
)
"""In the order in which docs/loss-heads.md has them."""


SHARDED = tuple(
    PublicHead(package, f"of_shards:{function}_of_logits", calls, op=LOSS)
    for package, function, calls in (
        ("torch 2.13.0", "torch_loss_parallel", "loss_parallel"),
        ("megatron-core 0.16.1", "megatron", "vocab_parallel_cross_entropy"),
        ("liger-kernel 0.8.5", "liger", "LigerVocabParallelCrossEntropy"),
    )
)
"""Sharded losses of logits, which `logitproof invariance` takes: along the axis of shards."""

MASKED = tuple(
    PublicHead(package, f"of_masks:{function}", calls, framework, f"--where {declared}".strip(), op)
    for package, framework, function, calls, op, declared in (
        ("jax 0.10.2", "jax", "jax_softmax", "jax.nn.softmax(where=)", "softmax", "--all-masked zero"),
        ("jax 0.10.2", "jax", "jax_log_softmax", "jax.nn.log_softmax(where=)", "log_softmax", ""),
        ("jax 0.10.2", "jax", "jax_logsumexp", "jax.nn.logsumexp(where=)", "log_sum_exp", ""),
        ("jax 0.10.2", "jax", "jax_attention", "jax.nn.dot_product_attention(mask=)", "softmax", "--without MSK-2"),
        ("optax 0.2.8", "jax", "optax_loss", "softmax_cross_entropy(where=)", LOSS, "--labels distributions"),
        ("optax 0.2.8", "jax", "optax_loss_of_indices", "softmax_cross_entropy_with_integer_labels(where=)", LOSS, ""),
        ("keras 3.15.1", "keras_jax", "keras_softmax", "keras.layers.Softmax()(mask=)", "softmax", "--all-masked zero"),
        ("torch 2.13.0", "torch", "torch_softmax", "torch.masked.softmax", "softmax", ""),
        ("torch 2.13.0", "torch", "torch_log_softmax", "torch.masked.log_softmax", "log_softmax", ""),
        ("torch 2.13.0", "torch", "torch_logsumexp", "torch.masked.logsumexp", "log_sum_exp", ""),
        (
            "torch 2.13.0",
            "torch",
            "torch_attention",
            "F.scaled_dot_product_attention",
            "softmax",
            "--all-masked zero --without MSK-2",
        ),
        (
            "torch 2.13.0",
            "torch",
            "torch_attention_math",
            "the same, SDPBackend.MATH",
            "softmax",
            "--all-masked zero --without MSK-2",
        ),
        (
            "mlx 0.32.4",
            "mlx",
            "mlx_attention",
            "mlx.core.fast.scaled_dot_product_attention",
            "softmax",
            "--without MSK-2",
        ),
        (
            "onnxruntime 1.32.0",
            "numpy",
            "onnxruntime_attention",
            "ONNX Attention, opset 23",
            "softmax",
            "--all-masked zero --without MSK-2",
        ),
        (
            "onnx 1.23.2",
            "numpy",
            "onnx_reference_attention",
            "ONNX Attention, its own evaluator",
            "softmax",
            "--all-masked zero --without MSK-2",
        ),
    )
)
"""Functions with masks; what a row gives of which no class counts is declared where it is documented."""

KIN = tuple(
    PublicHead(package, f"of_derived_losses:{function}", calls, framework, op=op)
    for package, framework, function, calls, op in (
        ("torch 2.13.0", "torch", "torch_kl_div", "F.kl_div", "kl_divergence"),
        ("torch 2.13.0", "torch", "torch_kl_div_log_target", "F.kl_div(log_target=True)", "kl_divergence"),
        ("torch 2.13.0", "torch", "torch_categorical_kl", "distributions.kl_divergence", "kl_divergence"),
        ("torch 2.13.0", "torch", "torch_categorical_entropy", "distributions.Categorical.entropy", "entropy"),
        ("torch 2.13.0", "torch", "torch_entr", "torch.special.entr", "entropy"),
        ("optax 0.2.8", "jax", "optax_kl_divergence", "kl_divergence", "kl_divergence"),
        ("optax 0.2.8", "jax", "optax_kl_of_log_targets", "losses.kl_divergence_with_log_targets", "kl_divergence"),
        ("jax 0.10.2", "jax", "jax_rel_entr", "jax.scipy.special.rel_entr", "kl_divergence"),
        ("jax 0.10.2", "jax", "jax_entr", "jax.scipy.special.entr", "entropy"),
        ("keras 3.15.1", "jax", "keras_kl_divergence", "losses.KLDivergence", "kl_divergence"),
        ("keras 3.15.1", "jax", "keras_focal", "losses.CategoricalFocalCrossentropy", "focal_cross_entropy"),
        ("numpyro 0.22.0", "jax", "numpyro_entropy", "CategoricalLogits.entropy", "entropy"),
        ("tfp-nightly 0.26.0.dev20261027", "jax", "tfp_entropy", "Categorical.entropy", "entropy"),
        ("tfp-nightly 0.26.0.dev20261027", "jax", "tfp_kl_divergence", "Categorical.kl_divergence", "kl_divergence"),
    )
)
"""Entropies, divergences and focal losses."""

CE, BCE, H, K = (
    "probability_cross_entropy",
    "binary_cross_entropy",
    "probability_entropy",
    "probability_kl_divergence",
)
BH, BK = "binary_entropy", "binary_kl_divergence"
TORCH, JAX, NUMPY = "torch 2.13.0", "jax 0.10.2", "numpy 2.4.6"
KERAS, NUMPYRO, TFP = "keras 3.15.1", "numpyro 0.22.0", "tfp-nightly 0.26.0.dev20261027"

PROBABILITIES = tuple(
    PublicHead(package, f"of_probabilities:{function}", calls, framework, declared, op)
    for package, framework, function, calls, op, declared in (
        (TORCH, "torch", "torch_nll_loss", "F.nll_loss of logarithms", CE, ""),
        (TORCH, "torch", "torch_binary_cross_entropy", "F.binary_cross_entropy", BCE, "--log-floor -100"),
        (TORCH, "torch", "torch_categorical_log_prob", "distributions.Categorical.log_prob", CE, "--normalized"),
        (TORCH, "torch", "torch_categorical_entropy", "distributions.Categorical.entropy", H, "--normalized"),
        (TORCH, "torch", "torch_categorical_kl", "distributions.kl_divergence", K, "--normalized"),
        (TORCH, "torch", "torch_bernoulli_log_prob", "distributions.Bernoulli.log_prob", BCE, "--labels indices"),
        (TORCH, "torch", "torch_bernoulli_entropy", "distributions.Bernoulli.entropy", BH, ""),
        (TORCH, "torch", "torch_bernoulli_kl", "distributions.kl_divergence", BK, ""),
        (TORCH, "torch", "torch_entr", "torch.special.entr", H, ""),
        (TORCH, "torch", "torch_kl_div", "F.kl_div of logarithms", K, ""),
        (JAX, "jax", "jax_xlogy", "jax.scipy.special.xlogy", CE, "--labels distributions"),
        (JAX, "jax", "jax_entr", "jax.scipy.special.entr", H, ""),
        (JAX, "jax", "jax_rel_entr", "jax.scipy.special.rel_entr", K, ""),
        ("optax 0.2.8", "jax", "optax_kl_divergence", "kl_divergence of logarithms", K, ""),
        (
            KERAS,
            "jax",
            "keras_categorical",
            "losses.CategoricalCrossentropy",
            CE,
            "--labels distributions --normalized --clip 1e-7",
        ),
        (KERAS, "jax", "keras_sparse", "losses.SparseCategoricalCrossentropy", CE, "--normalized --clip 1e-7"),
        (KERAS, "jax", "keras_binary", "losses.BinaryCrossentropy", BCE, "--clip 1e-7"),
        (KERAS, "jax", "keras_kl_divergence", "losses.KLDivergence", K, "--clip 1e-7"),
        (NUMPYRO, "jax", "numpyro_log_prob", "CategoricalProbs.log_prob", CE, ""),
        (NUMPYRO, "jax", "numpyro_entropy", "CategoricalProbs.entropy", H, ""),
        (NUMPYRO, "jax", "numpyro_kl", "kl_divergence", K, ""),
        (NUMPYRO, "jax", "numpyro_bernoulli_log_prob", "BernoulliProbs.log_prob", BCE, "--labels indices"),
        (NUMPYRO, "jax", "numpyro_bernoulli_entropy", "BernoulliProbs.entropy", BH, ""),
        (TFP, "jax", "tfp_bernoulli_log_prob", "Bernoulli.log_prob", BCE, "--labels indices"),
        (TFP, "jax", "tfp_bernoulli_entropy", "Bernoulli.entropy", BH, ""),
        (TFP, "jax", "tfp_bernoulli_kl", "Bernoulli.kl_divergence", BK, ""),
        (TFP, "jax", "tfp_log_prob", "Categorical.log_prob", CE, "--normalized"),
        (TFP, "jax", "tfp_entropy", "Categorical.entropy", H, ""),
        (TFP, "jax", "tfp_kl_divergence", "Categorical.kl_divergence", K, "--normalized"),
        ("scikit-learn 1.9.1", "numpy", "sklearn_log_loss", "metrics.log_loss", CE, "--clip 1.1920928955078125e-07"),
        ("scipy 1.17.1", "numpy", "scipy_entropy", "stats.entropy", H, "--normalized"),
        ("scipy 1.17.1", "numpy", "scipy_divergence", "stats.entropy of two", K, "--normalized"),
    )
)
"""Losses and distributions of probabilities."""

FUNCTIONS = tuple(
    PublicHead(package, f"of_functions:{function}", calls, framework, op=op)
    for package, framework, function, calls, op in (
        (TORCH, "torch", "torch_softplus", "F.softplus", "softplus"),
        (TORCH, "torch", "torch_log_sigmoid", "F.logsigmoid", "log_sigmoid"),
        (TORCH, "torch", "torch_logaddexp", "torch.logaddexp", "logaddexp"),
        (TORCH, "torch", "torch_logcumsumexp", "torch.logcumsumexp", "cumulative_log_sum_exp"),
        (JAX, "jax", "jax_softplus", "jax.nn.softplus", "softplus"),
        (JAX, "jax", "jax_log_sigmoid", "jax.nn.log_sigmoid", "log_sigmoid"),
        (JAX, "jax", "jax_logaddexp", "jax.numpy.logaddexp", "logaddexp"),
        (JAX, "jax", "jax_cumlogsumexp", "jax.lax.cumlogsumexp", "cumulative_log_sum_exp"),
        (NUMPY, "numpy", "numpy_logaddexp", "numpy.logaddexp", "logaddexp"),
        (NUMPY, "numpy", "numpy_logaddexp_accumulate", "numpy.logaddexp.accumulate", "cumulative_log_sum_exp"),
        ("scipy 1.17.1", "numpy", "scipy_log_expit", "scipy.special.log_expit", "log_sigmoid"),
        ("torch-geometric 2.8.1", "torch", "pyg_softmax", "utils.softmax", "grouped_softmax"),
        ("jraph 0.0.6.dev0", "jax", "jraph_softmax", "segment_softmax", "grouped_softmax"),
    )
)
"""The functions that losses are made of."""

COLD = "--temperature 0.5"
DISTRIBUTIONS = tuple(
    PublicHead(package, f"of_derived_losses:{function}", calls, framework, declared, op)
    for package, framework, function, calls, op, declared in (
        (TORCH, "torch", "torch_bernoulli_entropy", "distributions.Bernoulli.entropy", "bernoulli_entropy", ""),
        (TORCH, "torch", "torch_bernoulli_kl", "distributions.kl_divergence", "bernoulli_kl_divergence", ""),
        (TORCH, "torch", "torch_relaxed_bernoulli", "LogitRelaxedBernoulli.log_prob", "relaxed_bernoulli", COLD),
        (TORCH, "torch", "torch_relaxed_categorical", "ExpRelaxedCategorical.log_prob", "relaxed_categorical", COLD),
        (NUMPYRO, "jax", "numpyro_bernoulli_entropy", "BernoulliLogits.entropy", "bernoulli_entropy", ""),
        (TFP, "jax", "tfp_bernoulli_entropy", "Bernoulli.entropy", "bernoulli_entropy", ""),
        (TFP, "jax", "tfp_bernoulli_kl", "Bernoulli.kl_divergence", "bernoulli_kl_divergence", ""),
        (TFP, "jax", "tfp_relaxed_categorical", "ExpRelaxedOneHotCategorical.log_prob", "relaxed_categorical", COLD),
    )
)
"""Bernoulli and relaxed distributions of logits."""
