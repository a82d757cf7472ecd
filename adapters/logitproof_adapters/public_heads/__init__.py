"""Published loss heads, each a function of hidden states, weight and labels that `logitproof check` judges.

A module a package; each function calls one public function, in its own order of arguments and by its own words for an
option, and does nothing else: no rounding, no retry, no repair of a result. Where a function takes logits, a plain
linear layer of the framework stands in front of it; where it returns a log-probability, the sign is turned.
"""
