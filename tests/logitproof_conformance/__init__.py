"""The conformance matrix: every cell of a framework against the exact answer, as a pytest suite.

Run it with ``pytest --pyargs logitproof_conformance --framework torch --profile quick --record run.parquet``.
"""
