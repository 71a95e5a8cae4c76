"""Names that a config may use, known without the libraries behind them."""

#: The ways to get states of :data:`hmmlens.validation.methods.METHODS`.
METHOD_NAMES = ("hmm", "k-means", "gaussian mixture", "pca grid", "ar-hmm")
