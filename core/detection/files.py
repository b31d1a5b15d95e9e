"""The files of the two networks: where they come from, and how they are known. They are fetched, never shipped."""

from __future__ import annotations

WHEEL = "mediapipe==0.10.21"
"""The last of MediaPipe's wheels that brings the networks, under the Apache licence 2.0."""

FINDER, LANDMARKS, LICENCE = "face_detection_short_range.tflite", "face_landmark.tflite", "LICENSE"

DIGESTS = {
    FINDER: "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    LANDMARKS: "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    LICENCE: "8707eef0533987efc5b155d64761eeb6e20793f50b9bd1a68dad1cf4719d0ed8",
}
"""Names of the files -> their SHA-256."""

SELECTION = (
    "--implementation",
    "cp",
    "--python-version",
    "3.11",
    "--abi",
    "cp311",
    "--platform",
    "manylinux_2_28_x86_64",
)
"""What pip is told: the smallest of the wheels; which one does not matter, for nothing but data is taken out of it."""
