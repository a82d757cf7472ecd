"""The exact answers: the softmax family, its losses and their derivatives, each with an enclosure of its error."""
