"""The test rows: deterministic logits and labels by regime, real ones among them."""
