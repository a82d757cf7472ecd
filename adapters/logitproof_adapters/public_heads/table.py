"""The public loss heads: one row each, with the command that judges it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublicHead:
    """A loss head of a package.

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
    interpreter : bool
        Whether it is made of Triton kernels, which need ``TRITON_INTERPRET=1`` without a GPU.
    """

    package: str
    function: str
    calls: str
    framework: str = "torch"
    declared: str = ""
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
        words = f"logitproof check {self.spec} --op linear_cross_entropy --framework {self.framework}"
        return f"{before}{words}{after}"


MEAN, SUM = "--reduction mean --ignore-index -100", "--reduction sum"

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
        "transformers 5.23.0",
        "of_trainers:transformers_causal_lm",
        "ForCausalLMLoss",
        declared="--reduction sum --divisor 64 --shift --ignore-index -100",
    ),
    PublicHead(
        "transformers 5.23.0",
        "of_trainers:transformers_label_smoother",
        "LabelSmoother",
        declared=f"{MEAN} --label-smoothing 0.1",
    ),
    PublicHead("torchtune 0.6.1", "of_trainers:torchtune_chunked", "CEWithChunkedOutputLoss", declared=MEAN),
    PublicHead("megatron-core 0.16.1", "of_trainers:megatron", "vocab_parallel_cross_entropy"),
    PublicHead("torch 2.13.0", "of_shards:torch_loss_parallel", "loss_parallel", declared=f"{MEAN} --ranks 2"),
    PublicHead("megatron-core 0.16.1", "of_shards:megatron", "vocab_parallel_cross_entropy", declared="--ranks 2"),
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
    PublicHead("optax 0.2.8", "of_jax:optax", "softmax_cross_entropy_with_integer_labels", "jax"),
)
"""In the order in which docs/loss-heads.md has them."""
