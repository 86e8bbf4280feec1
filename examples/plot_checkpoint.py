"""
==========================
A fit that survives a kill
==========================

A ``Checkpoint`` writes a fit to disk while it runs. Here a process is killed twice in the middle of a fit, as by a
power cut. The same script is run again, ``fit`` takes up the file by itself, and the model has the bits of one that
nobody disturbed. The file holds arrays and plain values, so that one from elsewhere is safe to open.
"""

# %%
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sklearn_bpfree import BPFreeClassifier, Checkpoint

SCRIPT = """
import os, signal, sys
from sklearn.datasets import load_digits
from sklearn_bpfree import BPFreeClassifier, Checkpoint

class PowerCut:  # a callback that kills the process after a step
    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context):
        if context.task_name == "step" and context.task_id == 7:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

X, y = load_digits(return_X_y=True)
model = BPFreeClassifier((64,), max_iter=24, random_state=0)
model.set_callbacks(Checkpoint(sys.argv[1], seconds=0), PowerCut()).fit(X / 16, y)
"""

# %%
# Two power cuts, then a run to the end
# -------------------------------------
# ``seconds=0`` writes after every step; for a fit of hours 60 is plenty.
X, y = load_digits(return_X_y=True)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "run.ckpt"
    for _ in range(2):
        code = subprocess.run([sys.executable, "-c", SCRIPT, str(path)]).returncode
        print(f"exit code {code}, {path.name} has {path.stat().st_size / 1024:.0f} KiB")
    model = BPFreeClassifier((64,), max_iter=24, random_state=0).set_callbacks(Checkpoint(path))
    model.fit(X / 16, y)

whole = BPFreeClassifier((64,), max_iter=24, random_state=0).fit(X / 16, y)
print("the same bits:", all(np.array_equal(a, b) for a, b in zip(model.coefs_, whole.coefs_, strict=True)))

# %%
plt.style.use("tableau-colorblind10")
fig, ax = plt.subplots(layout="constrained")
ax.plot(range(1, 25), whole.loss_curve_, lw=6, alpha=0.3, label="undisturbed")
for number, part in enumerate((slice(0, 8), slice(8, 16), slice(16, 24)), 1):
    ax.plot(range(1, 25)[part], model.loss_curve_[part], "o-", label=f"process {number}")
ax.set(xlabel="step", ylabel="training loss", title="Killed after 8 and 16 steps", yscale="log")
ax.legend()
plt.show()
