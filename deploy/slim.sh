#!/bin/sh
# Take out of an environment what serving never uses: tests, models of other languages, training and
# conversion tools, and a second copy of onnxruntime that is there for programs in C.
set -eu
cd "$1"/lib/python3*/site-packages

rm -rf onnx/backend/test onnx/reference piper/train numpy/f2py numpy/distutils \
    onnxruntime/transformers onnxruntime/tools onnxruntime/quantization onnxruntime/datasets
find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
# For people who write against them, in Python, C or Cython.
find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.a' -o -name '*.h' \
    -o -name '*.cc' -o -name '*.proto' \) -delete
find piper/hebrew piper/tashkeel -name '*.onnx' -delete 2>/dev/null || true
rm -f onnxruntime/capi/libonnxruntime.so.*
# numpy's tests in C, and a second parser of YAML: ours reads a file or two with the one in Python.
rm -f numpy/_core/_simd.* numpy/_core/_*_tests.* yaml/_yaml.*
