"""Without the extra "onnx"."""

import subprocess
import sys


def test_the_package_works_without_onnx_and_the_module_says_what_to_install():
    code = """
import sys
sys.modules["skl2onnx"] = sys.modules["onnx"] = None
import sklearn_bpfree
try:
    import sklearn_bpfree.onnx
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith('run pip install "sklearn-bpfree[onnx]".')
