"""Graphs run by onnxruntime with one thread, beside the models that they were made of; tests are skipped without it."""

import numpy as np
import pytest

pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from sklearn_bpfree.onnx import feeds, to_onnx  # noqa: E402


def session_of(graph):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.SerializeToString(), options)


def run(model, X, others=None, **params):
    """What the graph of a model, made for some rows, gives for them or for others."""
    return session_of(to_onnx(model, X, **params)).run(None, feeds(model, X if others is None else others))


def check_classes(model, outputs, X, tolerance=1e-5):
    label, P = outputs
    np.testing.assert_allclose(P, model.predict_proba(X), rtol=0, atol=tolerance)
    assert label.tolist() == model.predict(X).tolist()


def check_values(model, outputs, X):
    y = model.predict(X)
    (told,) = outputs
    assert told.shape == (len(X), y.size // len(X))
    np.testing.assert_allclose(told.reshape(y.shape), y, rtol=0, atol=1e-5 * np.abs(y).max())
