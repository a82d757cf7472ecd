"""Claims about the losses and their options."""

from __future__ import annotations

import math

import numpy as np

from logitproof_reference.claims.model import Claim, Query, Trial
from logitproof_reference.claims.trials import CROSS_ENTROPY, SMOOTHED, WEIGHTED_MEAN, near, same, two_losses

LOSS_CLAIMS: tuple[Claim, ...] = (
    Claim(
        "one-scalar",
        "softmax_cross_entropy_with_logits gives one scalar.",
        "false",
        "It returns one loss per row; the mean over the batch is a separate step (tf.reduce_mean), which other "
        "libraries do by default.",
        (
            Trial(
                "cross-entropy of [4, 2, 1] and [0, 5, 1] with distributions [1, 0, 0] and [0, 0.8, 0.2], float32",
                "float32",
                (Query(CROSS_ENTROPY, ((4.0, 2.0, 1.0), (0.0, 5.0, 1.0)), ((1.0, 0.0, 0.0), (0.0, 0.8, 0.2))),),
                lambda loss: loss.size == 1,
            ),
        ),
        source="https://www.tensorflow.org/api_docs/python/tf/nn/softmax_cross_entropy_with_logits",
    ),
    Claim(
        "loss-between-0-and-1",
        "The cross-entropy loss lies between 0 and 1.",
        "false",
        "It is -log p, and p can be arbitrarily small: the loss exceeds 1 as soon as p < 1/e = 0.3679. For [2, 1, 0.1] "
        "the third class has p = 1.1052 / 11.2125 = 0.0986, and -log 0.0986 = 2.317.",
        (
            Trial(
                "cross-entropy of [2, 1, 0.1] with class 0, float32",
                "float32",
                (Query(CROSS_ENTROPY, ((2.0, 1.0, 0.1),), (0,)),),
                lambda loss: bool((loss <= 1.0).all()),
            ),
            Trial(
                "cross-entropy of [2, 1, 0.1] with class 2, float32",
                "float32",
                (Query(CROSS_ENTROPY, ((2.0, 1.0, 0.1),), (2,)),),
                lambda loss: bool((loss <= 1.0).all()),
            ),
        ),
    ),
    Claim(
        "binary-is-two-classes",
        "Binary cross-entropy is cross-entropy with two classes.",
        "true",
        "sigmoid(x) = e^x / (e^x + e^0) is the softmax of [x, 0], so the losses are one function of x. The "
        "two functions of a framework differ at saturation: the exact loss of x = 40 is e^-40 = 4.25e-18, which a "
        "sigmoid loss with log1p keeps and a log-softmax as (x - m) - log(sum) rounds to 0.",
        (two_losses(2.5), two_losses(-3.0), two_losses(40.0)),
    ),
    Claim(
        "weights-mean-the-same",
        "Class weights with the mean reduction mean the same everywhere.",
        "false",
        "torch divides by the weights of the labels, Keras and most others by the number of rows. Losses 0.3133 and "
        "1.3133 with weights 1 and 3 add up to 4.2530: divided by the weights that is 4.2530 / 4 = 1.0633, by the rows "
        "4.2530 / 2 = 2.1265.",
        (
            Trial(
                "weighted mean over [1, 0] with class 0 and [1, 0] with class 1, weights 1 and 3, float32: over the "
                "weights, over the rows",
                "float32",
                (
                    Query(CROSS_ENTROPY, ((1.0, 0.0), (1.0, 0.0)), (0, 1), "value", WEIGHTED_MEAN, (1.0, 3.0)),
                    Query(
                        CROSS_ENTROPY,
                        ((1.0, 0.0), (1.0, 0.0)),
                        (0, 1),
                        "value",
                        WEIGHTED_MEAN,
                        (1.0, 3.0),
                        {"mean_over": "rows"},
                    ),
                ),
                same,
            ),
        ),
        source="https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
    ),
    Claim(
        "smoothing-gives-one-minus-a",
        "Label smoothing by a gives the right class 1 - a.",
        "false",
        "According to torch and Keras, the label is (1 - a) onehot + a / n: the right class also gets its share of "
        "a. For a = 0.125 and 4 classes it gets 0.875 + 0.03125 = 0.90625, the others 0.03125.",
        (
            Trial(
                "cross-entropy of [2, 1, 0, -1], class 0 smoothed by 0.125, and of [0.875, 0.125/3, 0.125/3, 0.125/3]",
                "float32",
                (
                    Query(CROSS_ENTROPY, ((2.0, 1.0, 0.0, -1.0),), (0,), "value", SMOOTHED),
                    Query(CROSS_ENTROPY, ((2.0, 1.0, 0.0, -1.0),), ((0.875, 0.125 / 3, 0.125 / 3, 0.125 / 3),)),
                ),
                same,
            ),
        ),
        source="https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
    ),
    Claim(
        "gradient-is-p-minus-y",
        "The gradient of softmax cross-entropy is p - y.",
        "true with a condition",
        "It is s p - y for labels of sum s. For [1, 0] p = [0.7311, 0.2689]: with y = [1, 0] that is [-0.2689, "
        "0.2689], with y = [0.5, 0] it is [0.3655 - 0.5, 0.1345], while p - y = [0.2311, 0.2689].",
        (
            Trial(
                "gradient for [1, 0] with labels [1, 0], float32",
                "float32",
                (Query(CROSS_ENTROPY, ((1.0, 0.0),), ((1.0, 0.0),), "grad_logits"),),
                lambda g: near(g, [-0.2689, 0.2689]),
            ),
            Trial(
                "gradient for [1, 0] with labels [0.5, 0], float32",
                "float32",
                (Query(CROSS_ENTROPY, ((1.0, 0.0),), ((0.5, 0.0),), "grad_logits"),),
                lambda g: near(g, [0.2311, 0.2689]),
            ),
        ),
        condition="for labels that sum to 1",
    ),
    Claim(
        "untrained-loss",
        "An untrained classifier of n classes starts at a loss of log n.",
        "true with a condition",
        "Equal logits give each class 1 / n, and -log(1 / 10) = 2.3026. Random logits start above it on average, "
        "because the log of the sum is convex: [1, -1, 0, ..., 0] with the class at -1 has a loss of 3.41.",
        (
            Trial(
                "cross-entropy of ten zeros, float32",
                "float32",
                (Query(CROSS_ENTROPY, ((0.0,) * 10,), (3,)),),
                lambda loss: near(loss, [math.log(10.0)]),
            ),
            Trial(
                "cross-entropy of [1, -1, 0, ..., 0], ten classes, with class 1, float32",
                "float32",
                (Query(CROSS_ENTROPY, ((1.0, -1.0, *(0.0,) * 8),), (1,)),),
                lambda loss: near(loss, [math.log(10.0)]),
            ),
        ),
        condition="if its logits start equal",
    ),
    Claim(
        "certain-means-zero",
        "The loss of a right and certain answer is 0.",
        "true with a condition",
        "For finite logits it is log(1 + sum of the others), never 0: log(1 + e^-20) = 2.06e-9. Only "
        "rounding makes it 0, and if an implementation rounds too early, the row stops learning.",
        (
            Trial(
                "cross-entropy of [20, 0] with class 0, float32",
                "float32",
                (Query(CROSS_ENTROPY, ((20.0, 0.0),), (0,)),),
                lambda loss: bool((loss == 0.0).all()),
            ),
            Trial(
                "cross-entropy of [200, 0] with class 0, float32",
                "float32",
                (Query(CROSS_ENTROPY, ((200.0, 0.0),), (0,)),),
                lambda loss: bool((loss == 0.0).all()),
            ),
        ),
        condition="once the exact loss rounds to 0 in the format: past a gap of 104 in float32",
    ),
    Claim(
        "epsilon-in-the-log",
        "Adding 1e-8 inside the log makes the loss safe and changes nothing.",
        "true with a condition",
        "-log(p + 1e-8) is at most -log 1e-8 = 18.42 for every row: logits [0, -30] with the second class have a "
        "loss of 30, but get 18.42. The gradient there is 1e-5 of the correct one: e^-30 / 1e-8.",
        (
            Trial(
                "-log(softmax + 1e-8) and cross-entropy of [0, -3] with class 1, float32",
                "float32",
                (Query("softmax", ((0.0, -3.0),)), Query(CROSS_ENTROPY, ((0.0, -3.0),), (1,))),
                lambda p, loss: near(-np.log(p[0, 1] + 1e-8) - loss, [0.0]),
                lambda p, loss: np.array([-np.log(p[0, 1] + 1e-8), loss[0]]),
            ),
            Trial(
                "-log(softmax + 1e-8) and cross-entropy of [0, -30] with class 1, float32",
                "float32",
                (Query("softmax", ((0.0, -30.0),)), Query(CROSS_ENTROPY, ((0.0, -30.0),), (1,))),
                lambda p, loss: near(-np.log(p[0, 1] + 1e-8) - loss, [0.0]),
                lambda p, loss: np.array([-np.log(p[0, 1] + 1e-8), loss[0]]),
            ),
        ),
        condition="as long as p is far above 1e-8",
    ),
    Claim(
        "index-and-one-hot",
        "A class index and its one-hot distribution give the same loss.",
        "true",
        "Both are -log p of the class: -log 0.6590 = 0.4170 for [2, 1, 0.1] and class 0. They are different code in "
        "every framework: clause LAW-6 requires that they agree.",
        (
            Trial(
                "cross-entropy of [2, 1, 0.1] with class 0 and with [1, 0, 0], float32",
                "float32",
                (
                    Query(CROSS_ENTROPY, ((2.0, 1.0, 0.1),), (0,)),
                    Query(CROSS_ENTROPY, ((2.0, 1.0, 0.1),), ((1.0, 0.0, 0.0),)),
                ),
                same,
            ),
        ),
    ),
)
