"""Stops pytest at once in a checkout that is not installed: without entry points the zoo is empty."""

from importlib import metadata

import pytest


def pytest_configure(config):
    if not metadata.entry_points(group="sklearn_bpfree.trainers"):
        raise pytest.UsageError(
            'No trainer is registered because sklearn-bpfree is not installed; run pip install -e ".[test]" first.'
        )


@pytest.fixture
def always_pays(monkeypatch):
    """Workers are used however little there is to do."""
    pays = "sklearn_bpfree.plugin.workers.Pace.pays"
    monkeypatch.setattr(pays, lambda pace, n_blocks, n_jobs, call_seconds: n_jobs > 1)
