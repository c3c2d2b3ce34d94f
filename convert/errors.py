"""What can go wrong between a trained model and a released file.

ConvertError
├── BadCalibration (ValueError)      a calibration list that is missing, empty or does not span 0..1
├── ConversionFailed (RuntimeError)  the TensorFlow converter refused, ran too long or killed its process
├── NotMapped (ValueError)           a file that cannot be proved to run wholly on the Edge TPU
├── NotAModel (ValueError)           not a TFLite flatbuffer
└── CompilerError (RuntimeError)     edgetpu_compiler is missing, failed, or left work for the CPU
"""

from __future__ import annotations


class ConvertError(Exception):
    """Anything the press can explain; the message says what to do."""


class BadCalibration(ConvertError, ValueError):
    pass


class ConversionFailed(ConvertError, RuntimeError):
    pass


class NotMapped(ConvertError, ValueError):
    pass


class NotAModel(ConvertError, ValueError):
    pass


class CompilerError(ConvertError, RuntimeError):
    pass
