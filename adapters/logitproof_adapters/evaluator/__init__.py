"""The code that runs in a target: it holds one adapter and answers the judge, on Python 3.8 with only NumPy."""
