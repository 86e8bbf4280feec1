"""What the command line says is there is there."""

import argparse

from sklearn_bpfree.bench import peers
from sklearn_bpfree.bench.cli import _work
from sklearn_bpfree.bench.parser import PEERS, make_parser


def test_the_peers_of_the_help_are_the_peers():
    assert list(PEERS) == list(peers.PEERS)


def test_every_subcommand_names_a_function_that_does_its_work():
    (commands,) = (action for action in make_parser()._actions if isinstance(action, argparse._SubParsersAction))
    assert set(commands.choices) == {"list", "show", "columns", "bench", "fit", "predict"}
    for command in commands.choices.values():
        assert callable(_work(command.get_default("run")))
