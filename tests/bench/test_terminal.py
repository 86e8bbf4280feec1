"""What is printed: aligned, with a total, and free of anything that could steer a terminal."""

import io
import sys

import pytest

from sklearn_bpfree.bench import terminal
from sklearn_bpfree.bench.terminal import aligned, markdown, plain, progress, say


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("\x1b]8;;http://a\x1b\\name", "name"),
        ("\x1bP1$r\x1b\\name", "name"),
        ("\x1bcname", "name"),
        ("\x1b(0name", "name"),
        ("end\x1b[", "end"),
        ("a\r\nb\tc\x85d\u2028e", "a  b c d e"),
        ("bell\x07 back\x08 del\x7f nul\x00", "bell back del nul"),
        ("txt.\u202egpj\u2066", "txt.gpj"),
        ("bad\udcff", "bad"),
        ("größe 大きさ 👩‍🔬 [1;2] x~y", "größe 大きさ 👩‍🔬 [1;2] x~y"),
    ],
)
def test_text_is_plain(text, shown):
    assert plain(text) == shown


def test_what_is_said_keeps_its_own_lines_only(capsys):
    say("one\ntwo \x1b[2Jthree")
    say("wrong\x07", error=True)
    assert capsys.readouterr() == ("one\ntwo three\n", "wrong\n")


def test_a_cell_cannot_break_its_table():
    table = aligned(["a", "name"], [["1", "x\ny"], ["22", "\x1b[1mz"]])
    assert table.splitlines() == ["a   name", "--  ----", "1   x y", "22  z"]
    assert markdown(["a"], [["x|y\nz"]]).splitlines()[-1] == "| x\\|y z |"


def test_progress_without_a_terminal_has_a_total(capsys):
    with progress(3) as advance:
        advance("dfa", 1)
        advance("dfa", 2)
    assert capsys.readouterr().err == "dfa: fold 1 (1 of 3)\ndfa: fold 2 (2 of 3)\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("rich", [True, False])
def test_progress_on_a_terminal_is_a_bar_where_rich_is_installed(monkeypatch, rich):
    pytest.importorskip("rich")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal, "find_spec", lambda name: rich or None)
    with progress(2) as advance:
        advance("[bold]x\x1b[2J", 1)
    assert ("x: fold 1 (1 of 2)\n" in screen.getvalue()) != rich and "\x1b[2J" not in screen.getvalue()
