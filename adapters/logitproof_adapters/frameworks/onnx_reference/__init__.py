"""ONNX's reference evaluator."""
