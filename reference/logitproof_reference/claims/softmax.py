"""Claims about softmax and log-softmax."""

from __future__ import annotations

from logitproof_reference.claims.model import Claim, Query, Trial
from logitproof_reference.claims.trials import logarithms, near, same, trials_by_format

FLATTENED = ((2.0, 1.0, 0.1, 3.0, 2.0, 1.0),)

SOFTMAX_CLAIMS: tuple[Claim, ...] = (
    Claim(
        "softmax-of-two-scores",
        "The softmax of [0.5, 0.8] is [0.3553, 0.6447].",
        "false",
        "e^0.5 = 1.6487 and e^0.8 = 2.2255, together 3.8743; 1.6487 / 3.8743 = 0.4256 and 2.2255 / 3.8743 = 0.5744. "
        "The ratio of the two is e^0.3 = 1.35, that of the claimed ones 1.81.",
        (
            Trial(
                "softmax of [0.5, 0.8], float32",
                "float32",
                (Query("softmax", ((0.5, 0.8),)),),
                lambda p: near(p, [0.3553, 0.6447]),
            ),
        ),
    ),
    Claim(
        "softmax-of-a-hundred",
        "The softmax of [100, 0, 0, 0] is [0.9584, 0.0176, 0.0065, 0.0176].",
        "false",
        "Equal logits have equal probabilities, so the last three cannot differ; each is e^-100 = 3.7e-44 of the "
        "first, which is 1 to 43 digits. (Numbers of float32 lie 1.4e-45 apart there: the nearest is 3.78e-44.)",
        (
            Trial(
                "softmax of [100, 0, 0, 0], float32",
                "float32",
                (Query("softmax", ((100.0, 0.0, 0.0, 0.0),)),),
                lambda p: near(p, [0.9584, 0.0176, 0.0065, 0.0176]),
            ),
        ),
        source="https://stevengong.co/notes/Softmax-Function",
    ),
    Claim(
        "strictly-between",
        "Softmax outputs lie strictly between 0 and 1 and sum to 1.",
        "true with a condition",
        "In real numbers this is true. In a format with p bits, 1 / (1 + e^-x) rounds to 1 once e^-x is below 2^-(p + "
        "1): past 8.3 in float16, 6.2 in bfloat16, 17.3 in float32, 37.4 in float64. The other class rounds to 0 "
        "much later, below half the smallest number: past 17.3 in float16, 104 in float32. Sums differ from 1 by a "
        "few roundings (LAW-1).",
        trials_by_format(
            {"float16": (8.0, 9.0), "bfloat16": (6.0, 7.0), "float32": (17.0, 18.0), "float64": (37.0, 38.0)}
        ),
        condition="in real numbers; in a format, as long as the logits lie close enough together",
        source="https://deepnotes.io/softmax-crossentropy",
    ),
    Claim(
        "max-of-the-batch",
        "np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))) is the softmax.",
        "true with a condition",
        "Both np.max and np.sum run over the whole array. For a batch of two rows it is the softmax of all six "
        "logits at once: the rows [2, 1, 0.1] and [3, 2, 1] get sums of 0.271 and 0.729 instead of 1 and 1. axis=1, "
        "keepdims=True in both fixes it.",
        (
            Trial(
                "the sum of the row [2, 1, 0.1], float32",
                "float32",
                (Query("softmax", ((2.0, 1.0, 0.1),)),),
                lambda p: near(p.sum(axis=1), [1.0]),
                lambda p: p.sum(axis=1),
            ),
            Trial(
                "the sums of the rows [2, 1, 0.1] and [3, 2, 1], normalized together, float32",
                "float32",
                (Query("softmax", FLATTENED),),
                lambda p: near(p.reshape(2, 3).sum(axis=1), [1.0, 1.0]),
                lambda p: p.reshape(2, 3).sum(axis=1),
            ),
        ),
        condition="for a single row",
        source="https://deepnotes.io/softmax-crossentropy",
    ),
    Claim(
        "subtracting-the-maximum",
        "Subtracting the maximum changes nothing.",
        "true",
        "e^(x - m) / sum e^(x - m) = e^x / sum e^x: e^-m cancels. In a format the subtraction rounds each x - m "
        "by at most u |x - m|, with u = 2^-24 = 6e-8 in float32. That moves p by at most u times |x - m| plus the mean "
        "of all |x - m| weighted by their p, relative to p: for the first class of [-30.25, 2.5, 7.75] by "
        "(38 + 0.03) u = 2.3e-6. Clause LAW-3 limits this error. Without the subtraction e^x overflows past 88.7 "
        "in float32 and past 11.1 in float16.",
        (
            Trial(
                "softmax of [1000, 1001] and of [-1, 0], float32",
                "float32",
                (Query("softmax", ((1000.0, 1001.0),)), Query("softmax", ((-1.0, 0.0),))),
                same,
            ),
            Trial(
                "softmax of [-30.25, 2.5, 7.75] and of [-38, -5.25, 0], float32",
                "float32",
                (Query("softmax", ((-30.25, 2.5, 7.75),)), Query("softmax", ((-38.0, -5.25, 0.0),))),
                same,
            ),
        ),
    ),
    Claim(
        "log-of-softmax",
        "Taking the log of the softmax is the same as log-softmax.",
        "true with a condition",
        "If p rounds to 0, its log is -inf, while log-softmax is the finite x - log sum e^x: past a gap of 17.3 "
        "in float16, 93 in bfloat16, 104 in float32, 745 in float64. If p is subnormal, its few digits limit the "
        "log.",
        (
            logarithms("float16", 8.0),
            logarithms("float16", 18.0),
            logarithms("bfloat16", 80.0),
            logarithms("bfloat16", 100.0),
            logarithms("float32", 80.0),
            logarithms("float32", 110.0),
            logarithms("float64", 700.0),
            logarithms("float64", 750.0),
        ),
        condition="as long as no probability rounds to 0",
    ),
    Claim(
        "scaling-changes-nothing",
        "Only the order of the logits matters: multiplying them by a constant leaves the softmax as it is.",
        "false",
        "A common shift cancels, a common factor does not: softmax([1, 2]) = [0.2689, 0.7311], softmax([2, 4]) = "
        "[0.1192, 0.8808]. The factor is the inverse of the temperature.",
        (
            Trial(
                "softmax of [1, 2] and of [2, 4], float32",
                "float32",
                (Query("softmax", ((1.0, 2.0),)), Query("softmax", ((2.0, 4.0),))),
                same,
            ),
        ),
    ),
)
