"""What the tests of the command line share: a small mixed table, running a command, and reading what it printed."""

import numpy as np
import pandas as pd

from sklearn_bpfree.bench import cli, peers

DEFAULT = "tabular_pipeline"
PEERS = {  # those of libraries that happen to be installed included
    task: [getattr(peer, task) for peer in peers.PEERS.values() if peer.is_installed and not peer.fault]
    for task in ("classifier", "regressor")
}


def mixed_frame(n=60):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "colour": rng.choice(["red", "green, pale", None], n),
            "bought": rng.random(n) < 0.5,
        }
    )
    frame["price"] = 100 * frame["size"].fillna(0) + 30 * (frame["colour"] == "red") + rng.normal(size=n)
    frame["kind"] = np.where(frame["price"] > 0, "dear", "cheap")
    return frame


def run(capsys, *argv):
    """Exit code, stdout and stderr of the command."""
    code = cli.main([str(arg) for arg in argv])
    return code, *capsys.readouterr()


def refused(capsys, *argv):
    """The one sentence with which the command ends."""
    code, _, err = run(capsys, *argv)
    last = err.splitlines()[-1]
    assert code == 2 and last.startswith("bpfree: error: ") and last.endswith(".")
    assert "Traceback" not in err
    return last.removeprefix("bpfree: error: ")


def ranking(out):
    """Name of the model -> (rank, rest of the line), from the leaderboards in the output."""
    lines = out.splitlines()
    heads = [i for i, line in enumerate(lines) if line.startswith("rank")]
    places = {}
    for head in heads:
        for line in lines[head + 2 :]:
            if line.startswith("* trainer"):
                break
            rank, name, *rest = line.split() if line[0] != " " else ("", *line.split())
            places[name] = rank, " ".join(rest)
    return places
