#!/bin/sh
# Delete files that the server never uses from an environment: tests, models of other languages,
# tools for training and conversion, and a second copy of onnxruntime for programs in C.
set -eu
cd "$1"/lib/python3*/site-packages

rm -rf onnx/backend/test onnx/reference piper/train numpy/f2py numpy/distutils \
    onnxruntime/transformers onnxruntime/tools onnxruntime/quantization onnxruntime/datasets
find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
# Files for developers: type stubs, headers and sources.
find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.a' -o -name '*.h' \
    -o -name '*.cc' -o -name '*.proto' \) -delete
find piper/hebrew piper/tashkeel -name '*.onnx' -delete 2>/dev/null || true
rm -f onnxruntime/capi/libonnxruntime.so.*
# numpy's tests in C, and PyYAML's parser in C: the parser in Python is fast enough for settings.
rm -f numpy/_core/_simd.* numpy/_core/_*_tests.* yaml/_yaml.*
