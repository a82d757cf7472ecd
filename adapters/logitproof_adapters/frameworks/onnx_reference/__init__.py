"""ONNX' reference evaluator."""
