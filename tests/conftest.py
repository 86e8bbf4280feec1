"""Stops pytest at once in a checkout that is not installed: without entry points the zoo is empty.

Tests of a trainer by its name are skipped where packages are missing that it needs.

Under xdist each worker has one thread for OpenMP: workers whose threads wait for each other take several times as long.

Profiles of hypothesis: "quick" draws the same few cases every time; `--hypothesis-profile=long` new ones, for an hour.
"""

import os
from importlib import metadata

import pytest
from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:  # before NumPy and scikit-learn are imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")

OPTIONS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=25, derandomize=True, database=None, **OPTIONS)
settings.register_profile("long", max_examples=10_000, print_blob=True, **OPTIONS)
settings.load_profile("quick")


def pytest_configure(config):
    if not metadata.entry_points(group="sklearn_bpfree.trainers"):
        raise pytest.UsageError(
            'No trainer is registered because sklearn-bpfree is not installed; run pip install -e ".[test]" first.'
        )


def pytest_collection_modifyitems(items):
    """Tests of a trainer by its name need what the trainer needs, if that is none of the test dependencies."""
    from sklearn_bpfree.plugin.registry import inspect_trainers

    missing = {info.name: info.missing for info in inspect_trainers() if info.missing}
    for item in items:
        for value in item.callspec.params.values() if hasattr(item, "callspec") else ():
            if isinstance(value, str) and value in missing:
                item.add_marker(pytest.mark.skip(reason=f"needs the package {' '.join(missing[value])}"))


@pytest.fixture
def always_pays(monkeypatch):
    """Workers are used however little there is to do."""
    pays = "sklearn_bpfree.plugin.workers.Pace.pays"
    monkeypatch.setattr(pays, lambda pace, n_blocks, n_jobs, call_seconds: n_jobs > 1)
