"""From a trained float model to a released file: quantize, check, compile, package; from the checkout."""
