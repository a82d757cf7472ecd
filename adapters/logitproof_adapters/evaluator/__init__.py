"""What runs in a target: it holds one adapter and answers the judge. All of it runs on Python 3.8 with NumPy alone."""
