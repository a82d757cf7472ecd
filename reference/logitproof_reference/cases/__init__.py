"""The rows that are judged: deterministic logits and labels by regime, real ones among them."""
