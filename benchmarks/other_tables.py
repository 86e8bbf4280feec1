"""Tables of the other benchmarks, each of its file of results."""

import numpy as np
import results
from zoo_tables import errors, gm, number

from sklearn_bpfree.bench.terminal import markdown


def recipes():
    """Trainers in the recipe of the tabular default: scores, and errors over the MLP's with their standard error."""
    found = {}
    for row in results.read("tabular"):
        found.setdefault(row["model"], {}).setdefault(row["set"], []).append({**row, "split": row["seed"]})
    labels = [label for label in found if label.startswith("recipe ")]
    sets = sorted(set.intersection(*(set(found[label]) for label in ["MLP*", *labels])))
    lines = []
    for label in ["MLP*", *labels]:
        scores = [number(np.mean([float(row["score"]) for row in found[label][name]])) for name in sets]
        ahead = " ± ".join(number(value) for value in errors(found[label], found["MLP*"], sets) or () if value > 0)
        lines.append([label, ahead, *scores])
    return markdown(["", "error", *sets], lines)


SETTINGS = {
    "MLP*": "`MLP*` (standardised target)",
    "HistGradientBoosting*": "`HistGradientBoosting*`",
    "RandomForest*": "`RandomForest*`",
    "default": '`tabular_pipeline("classifier" or "regressor")`, no backward pass',
    "backprop": "the same with `backprop`",
    "single net": "the same with one net (`single=True`)",
    "single backprop": "one net with `backprop`",
}


def defaults():
    """Default settings on the tables: means over those splits that all of them have; ratios to the MLP's by table."""
    found = {}
    for row in results.read("tabular"):
        found.setdefault(row["model"], {}).setdefault(row["set"], {})[row["seed"]] = row
    sets = sorted(found["MLP*"])
    splits = set.intersection(*(set(found[model].get(name, ())) for model in SETTINGS for name in sets))

    def means(model, field):
        rows = [[found[model][name][split][field] for split in sorted(splits)] for name in sets]
        return np.array([np.mean([float(value) for value in of_set]) if all(of_set) else np.nan for of_set in rows])

    base, trees = means("MLP*", "score"), means("HistGradientBoosting*", "score")
    lines = []
    for model, name in SETTINGS.items():
        score, seconds = means(model, "score"), means(model, "seconds") / means("MLP*", "seconds")
        ratio = (1 - score) / (1 - base)
        few = np.array(sets) != "penguins"
        figures = [score.mean(), gm(ratio), gm(ratio[few]), np.nanmean(means(model, "log-loss")), gm(seconds)]
        ahead = "" if model == "HistGradientBoosting*" else str((score > trees).sum())
        lines.append([name, *map(number, figures, [4, 3, 3, 3, 2]), ahead])
    header = ["mean score", "gm", "gm without penguins", "log-loss", "time", "ahead of boosting"]
    return markdown([f"{len(splits)} splits", *header], lines)


def deployment(table):
    """What models cost in use, in the order of the results."""
    rows = [row for row in results.read("deployment") if row["table"] == table]
    columns = [
        name for name in rows[0] if name not in ("table", "model", *results.ORIGIN) and any(r[name] for r in rows)
    ]
    return markdown([table, *columns], [[row["model"], *(row[name] for name in columns)] for row in rows])


def intervals():
    """Coverage, width and score of intervals, means over the splits; coverage beyond the rows of the fit."""
    rows = [row for row in results.read("intervals") if row["level"] == "0.9"]
    header, lines = ["", "", "coverage", "width", "score", "narrow third", "wide third", "beyond"], []
    for name, method in dict.fromkeys((row["set"], row["method"]) for row in rows):
        mine = [row for row in rows if (row["set"], row["method"]) == (name, method)]
        inside, beyond = ([row for row in mine if (row["split"] == "beyond") == far] for far in (False, True))
        means = [np.mean([float(row[field]) for row in inside]) for field in header[2:-1]]
        digits = [3, 2, 2, 2, 2]
        figures = [number(mean, digit) for mean, digit in zip(means, digits, strict=True)]
        lines.append([name, method, *figures, *(number(float(row["coverage"]), 2) for row in beyond)])
    return markdown(header, lines)


def ensembles():
    """Persistent ensembles of the Kalman family."""
    rows = results.read("kalman_ensembles")
    figures = [[row[field].replace("nan", "").lstrip("0") for field in ("score", "cover 90", "CRPS")] for row in rows]
    lines = [[row["set"], row["trainer"], *cells, row["time"]] for row, cells in zip(rows, figures, strict=True)]
    return markdown(["", "", "score", "cover", "CRPS", "time / MLP's"], lines)


def large(table):
    """Log-loss and CPU seconds of the fit by the number of rows, a pair of columns for each model."""
    rows = [row for row in results.read("large") if row["table"] == table]
    models = [
        m for m in ("default", "single", "HistGB", "HistGB, 1000", "LightGBM") if any(r["model"] == m for r in rows)
    ]
    found = {(int(row["rows"]), row["model"]): row for row in rows}
    lines = []
    for n in sorted({n for n, _ in found}):
        of_n = [found.get((n, model)) for model in models]
        cells = [f"{number(float(row['log_loss']), 4)} / {float(row['cpu']):.1f}" if row else "" for row in of_n]
        peak = found.get((n, "default"))
        lines.append([f"{n:,}", *cells, f"{float(peak['peak_mb']):,.0f}" if peak else ""])
    return markdown([table, *models, "peak MB of the default"], lines)


def mnist(*trainers):
    """What was measured of some trainers by mnist.py, best first, each in all the ways in which it was run."""
    rows = [row for row in results.read("mnist") if row["trainer"].split()[0] in trainers]
    rows.sort(key=lambda row: -float(row["score"]))
    lines = [[row["trainer"], row["activation"], number(float(row["score"]), 4), row["seconds"]] for row in rows]
    return markdown(["trainer", "activation", "test accuracy", "CPU s"], lines)


def origin(name):
    """On what the rows of a file were measured."""
    rows = results.read(name)
    parts = [sorted({row[field] for row in rows}) for field in results.ORIGIN]
    drawn = sorted({row[field] for row in rows for field in ("split", "seed") if field in row})
    splits = f"; splits {', '.join(drawn)}" if drawn else ""
    return f"Measured on {'; '.join(parts[2])}, {'; '.join(parts[1])}, commit {', '.join(parts[0])}{splits}."
