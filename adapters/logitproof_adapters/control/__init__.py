"""The control: the softmax family in plain NumPy, written with care, which must conform."""
