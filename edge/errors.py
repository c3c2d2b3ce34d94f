"""The error tree. Every message says what went wrong and what to do about it.

EdgeError
├── BadInput (ValueError)            a file, stream or table that cannot be used   exit 65
│   ├── BadImage                     not a picture, or one that cannot be decoded
│   └── BadTable                     a vehicle list that cannot be imported
├── CameraError (OSError)            no camera, a stream that stalls or ends badly exit 66
├── ModelMismatch (ValueError)       a model file that is not what its manifest says  exit 70
├── DeviceError (RuntimeError)       the Edge TPU asked for cannot be used         exit 69
├── StoreError (OSError)             a database that cannot be opened or written   exit 73
│   └── NewerDatabase                written by a later version of edge-alpr
├── CardError (OSError)              a card that may not be or was not written     exit 73
└── BadSettings (ValueError)         unknown key, region or value                  exit 78
"""

from __future__ import annotations


class EdgeError(Exception):
    """Anything edge-alpr can explain; `exit_code` follows sysexits.h."""

    exit_code = 1


class BadInput(EdgeError, ValueError):
    exit_code = 65


class BadImage(BadInput):
    pass


class BadTable(BadInput):
    pass


class CameraError(EdgeError, OSError):
    exit_code = 66


class DeviceError(EdgeError, RuntimeError):
    exit_code = 69


class ModelMismatch(EdgeError, ValueError):
    exit_code = 70


class StoreError(EdgeError, OSError):
    exit_code = 73


class NewerDatabase(StoreError):
    pass


class CardError(EdgeError, OSError):
    exit_code = 73


class BadSettings(EdgeError, ValueError):
    exit_code = 78
