"""Draws what goes where in each family of the zoo: python docs/draw_signals.py writes docs/images/signals/*.svg.

A picture is a row of panels. In a panel the rows x go up through the hidden layers h to the outputs f (grey); dashed is
what tells the layers how to change. `PICTURES` is all there is to read and to change; a family has its line in
`ALTS` for who cannot see the picture.
"""

from html import escape
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "images" / "signals"
PANEL, HEIGHT, TOP = 300, 170, 78
PLACES = {"x": 30, "h1": 100, "h2": 170, "f": 232, "E": 278}
LABELS = {"x": "x", "h1": "h₁", "h2": "h₂", "f": "f", "E": "E"}
GREY, SIGNAL, BOX = "#555", "#b3400f", "#1f5fa8"
LAYERS = ["x", "h1", "h2", "f"]
FORWARD = list(pairwise(LAYERS))


class Panel:
    """One net: nodes, arrows from left to right, and signals with how far they bend (down where positive)."""

    def __init__(self, title, signals=(), *, nodes=("x", "h1", "h2", "f", "E"), below=(), forward=None, note=""):
        self.title, self.signals, self.nodes, self.below = title, signals, nodes, dict(below)
        self.forward = [*FORWARD, ("f", "E")] if forward is None else forward
        self.note = note

    def place(self, name):
        """Centre of a node; those `below` stand under the layer that their name ends with."""
        if name in self.below:
            return PLACES[name[1:]], TOP + 52
        return PLACES[name], TOP

    def svg(self, left):
        parts = [f'<g transform="translate({left},0)">', text(PANEL / 2, 20, self.title, "#111", 14, "bold")]
        for a, b in self.forward:
            parts.append(arrow(self.place(a), self.place(b), GREY, "", 0))
        for a, b, label, bend in self.signals:
            parts.append(arrow(self.place(a), self.place(b), SIGNAL, "5 3", bend, label))
        for name in (*self.nodes, *self.below):
            x, y = self.place(name)
            label = self.below.get(name, LABELS.get(name, name))
            parts.append(f'<circle cx="{x}" cy="{y}" r="15" fill="white" stroke="{BOX}" stroke-width="1.6"/>')
            parts.append(text(x, y + 4, label, "#111", 12))
        parts.append(text(PANEL / 2, HEIGHT - 6, self.note, GREY, 11))
        return "\n".join([*parts, "</g>"])


def text(x, y, words, colour, size, weight="normal"):
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" font-size="{size}" font-weight="{weight}" text-anchor="middle" '
        f'font-family="sans-serif">{escape(words)}</text>'
    )


def arrow(start, end, colour, dashes, bend, label=""):
    """A line, or an arc that bends down by so many pixels, from the rim of one node to that of another."""
    (x0, y0), (x1, y1) = start, end
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2 + 2 * bend
    begin, finish = toward((x0, y0), (cx, cy) if bend else (x1, y1)), toward((x1, y1), (cx, cy) if bend else (x0, y0))
    kind = "signal" if dashes else "forward"
    line = f'd="M{begin[0]:.1f},{begin[1]:.1f} Q{cx:.1f},{cy:.1f} {finish[0]:.1f},{finish[1]:.1f}"'
    if not bend:
        line = f'd="M{begin[0]:.1f},{begin[1]:.1f} L{finish[0]:.1f},{finish[1]:.1f}"'
    drawn = f'<path {line} fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dashes or "none"}" '
    drawn += f'marker-end="url(#{kind})"/>'
    if label:
        side = 19 if bend > 0 else -10 if bend < 0 else 4
        drawn += text(cx + (0 if bend else 16), y_of_arc(y0, y1, bend) + side, label, colour, 12)
    return drawn


def y_of_arc(y0, y1, bend):
    return (y0 + y1) / 2 + bend


def toward(a, b, radius=17):
    """The point at so many pixels from a on the way to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = max((dx * dx + dy * dy) ** 0.5, 1e-9)
    return a[0] + radius * dx / length, a[1] + radius * dy / length


HEADS = {"rh1": "E₁", "rh2": "E₂"}
UP_AND_DOWN = [("h1", "rh1", "", 0), ("rh1", "h1", "", 0), ("h2", "rh2", "", 0), ("rh2", "h2", "", 0)]
EVERY_WEIGHT = [("E", "h1", "", -40), ("E", "h2", "", -28), ("E", "f", "", -18)]
PICTURES = {
    "feedback": [
        Panel("backprop", [("E", "h2", "Vᵀ", 26), ("h2", "h1", "W₂ᵀ", 26)], note="the forward weights, transposed"),
        Panel("fa", [("E", "h2", "B₂", 26), ("h2", "h1", "B₁", 26)], note="random kernels, with the weights' signs"),
        Panel("dfa", [("E", "h2", "B₂", 22), ("E", "h1", "B₁", 40)], note="the error reaches each layer at once"),
    ],
    "local": [
        Panel("local_loss", UP_AND_DOWN, below=HEADS, note="a head and a loss for each layer"),
        Panel(
            "sum_of_readouts",
            [("h1", "f", "", -24), ("E", "h1", "V₁ᵀ", 40), ("E", "h2", "V₂ᵀ", 22)],
            note="readouts of all layers are added",
        ),
        Panel(
            "forward_gradient",
            [("x", "h1", "u", -18), ("h1", "h2", "u", -18), ("rh2", "h2", "", 0)],
            below={"rh2": "∂E·u"},
            note="a random direction, and the slope along it",
        ),
    ],
    "forward_forward": [
        Panel(
            "positive pass",
            [("h1", "rh1", "", 0), ("h2", "rh2", "", 0)],
            nodes=LAYERS[:3],
            forward=FORWARD[:2],
            below={"rh1": "G₁ ↑", "rh2": "G₂ ↑"},
            note="a row with its own label",
        ),
        Panel(
            "negative pass",
            [("h1", "rh1", "", 0), ("h2", "rh2", "", 0)],
            nodes=LAYERS[:3],
            forward=FORWARD[:2],
            below={"rh1": "G₁ ↓", "rh2": "G₂ ↓"},
            note="the row with a wrong label",
        ),
    ],
    "forward_only": [
        Panel("pepita", [("E", "x", "F", 46)], note="a second pass, of x + F E"),
        Panel(
            "forward_projection",
            [("E", "h1", "R₁", 40), ("E", "h2", "R₂", 22)],
            note="E = y: targets by projection, weights by ridge",
        ),
        Panel(
            "prototypes",
            UP_AND_DOWN,
            below={"rh1": "p₁", "rh2": "p₂"},
            nodes=LAYERS[:3],
            forward=FORWARD[:2],
            note="each layer: cosine to the classes' points",
        ),
    ],
    "noprop": [
        Panel(
            "noprop",
            [("rh1", "h1", "", 0), ("rh2", "h2", "", 0), ("E", "f", "y", 22)],
            below={"rh1": "z₀", "rh2": "z₁"},
            note="each block denoises a noised label, alone",
        ),
    ],
    "evolution": [
        Panel(
            "members w + σ ε", EVERY_WEIGHT, below={"rh1": "ε", "rh2": "ε"}, note="only the members' losses come back"
        ),
    ],
    "directions": [
        Panel("coordinate_gradient", EVERY_WEIGHT, note="one weight at a time, layers below re-used"),
        Panel(
            "forward_gauss_newton",
            [("x", "h1", "J u", -18), ("h1", "h2", "", -18), ("h2", "f", "J u", -18)],
            note="tangents go forward, a small system is solved",
        ),
    ],
    "optimisers": [
        Panel(
            "ask",
            [("rh1", "h1", "", 0), ("rh2", "h2", "", 0)],
            below={"rh1": "w", "rh2": "w"},
            note="the optimiser proposes weights",
        ),
        Panel("tell", [("E", "h2", "F(w)", 40)], note="and is told one value for each proposal"),
    ],
    "kalman": [
        Panel(
            "an ensemble of weights",
            [("E", "h1", "K", -32), ("E", "h2", "", -28), ("E", "f", "", -18)],
            below={"rh1": "cov", "rh2": "cov"},
            note="K: covariances over the members",
        ),
    ],
    "equilibrium": [
        Panel(
            "free phase",
            [("h1", "x", "", 0), ("h2", "h1", "", 0), ("f", "h2", "", 0)],
            nodes=LAYERS,
            forward=FORWARD,
            note="states settle, up and down",
        ),
        Panel(
            "nudged phase",
            [("h2", "h1", "", 22), ("f", "h2", "", 22), ("E", "f", "β", 18)],
            note="outputs pulled to y; the difference is learned",
        ),
    ],
    "predictive_coding": [
        Panel(
            "predictive_coding",
            [("f", "h2", "e₃", 22), ("h2", "h1", "e₂", 22), ("h1", "x", "e₁", 22)],
            note="each layer's error against its prediction",
        ),
    ],
    "target_propagation": [
        Panel(
            "target_propagation",
            [("E", "h2", "t₂", 26), ("h2", "h1", "t₁", 26)],
            note="targets come down through learned inverses",
        ),
    ],
    "random_features": [
        Panel("rvfl, ed_rvfl", [("E", "f", "ridge", 24)], note="hidden layers are drawn, the readout is solved for"),
        Panel("rfr_boost", [("E", "h1", "", 40), ("E", "h2", "", 24)], note="each layer solves for what is left"),
    ],
    "kernel": [
        Panel(
            "rfm",
            [("E", "f", "ridge", 22), ("f", "x", "M", 48)],
            nodes=("x", "f", "E"),
            forward=[("x", "f"), ("f", "E")],
            note="the mean squared gradient M rescales x",
        ),
    ],
    "ladder": [
        Panel(
            "search",
            [("E", "h1", "", -40), ("E", "h2", "", -24)],
            below={"rh1": "d₁", "rh2": "d₂"},
            note="members with decays d₁, d₂, ... and rows held out",
        ),
        Panel(
            "after settling",
            [("E", "h1", "", -40), ("E", "h2", "", -24)],
            below={"rh1": "d", "rh2": "d"},
            note="one decay, all rows; the mean of the members",
        ),
    ],
    "splitting": [
        Panel(
            "admm, bcd",
            [("rh1", "h1", "", 0), ("rh2", "h2", "", 0), ("E", "f", "y", 22)],
            below={"rh1": "z₁", "rh2": "z₂"},
            note="auxiliary z: each block is solved for by itself",
        ),
    ],
}
ALTS = {
    "feedback": "Backprop sends the error down by transposed weights, fa by random kernels, dfa to each layer.",
    "local": "Each hidden layer has a head with a loss of its own; readouts are added; or slopes along a direction.",
    "forward_forward": "Each layer raises its goodness for rows with their labels and lowers it for wrong labels.",
    "forward_only": "The error is added to the input, or projected targets or class points teach each layer.",
    "noprop": "Each block gets a noised label and learns by itself to predict the label.",
    "evolution": "Noise is added to the weights, and nothing but the members' losses comes back.",
    "directions": "Slopes along single weights, or along directions that go forward through the net.",
    "optimisers": "An optimiser proposes weight vectors and is told one value for each.",
    "kalman": "The error times the ensemble's covariance of weights and outputs changes all layers.",
    "equilibrium": "States settle freely, then with the outputs pulled towards the target.",
    "predictive_coding": "Each layer has an error against the prediction from below; errors flow between neighbours.",
    "target_propagation": "Targets for the layers come down through learned inverses.",
    "random_features": "Hidden layers are drawn at random; the readout, or each layer in turn, is solved for.",
    "kernel": "A kernel fit in closed form; its mean squared gradient rescales the input columns.",
    "ladder": "Members with different weight decays, judged by held-out rows, agree on one decay.",
    "splitting": "Auxiliary variables between the layers, so that each block is solved for by itself.",
}


def picture(name):
    """The whole SVG of a family."""
    panels = PICTURES[name]
    markers = "".join(
        f'<marker id="{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
        for kind, colour in (("forward", GREY), ("signal", SIGNAL))
    )
    width = PANEL * len(panels)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" role="img">'
    body = [panel.svg(PANEL * i) for i, panel in enumerate(panels)]
    frame = f'<rect width="{width}" height="{HEIGHT}" fill="white"/>'
    return "\n".join(
        [head, f"<title>{escape(ALTS[name])}</title>", f"<defs>{markers}</defs>{frame}", *body, "</svg>\n"]
    )


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(picture(name), encoding="utf-8")
