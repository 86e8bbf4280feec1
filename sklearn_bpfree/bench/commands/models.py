"""``bpfree fit`` and ``bpfree predict``: from a table to a model in a file, and from there to predictions."""

import warnings
from typing import Any

from sklearn_bpfree.bench.comparison import limited, make_models
from sklearn_bpfree.bench.files import check_input, check_outputs, replacing
from sklearn_bpfree.bench.model_file import ModelCard, open_model, write_model
from sklearn_bpfree.bench.options import Clock, check_trainer, read
from sklearn_bpfree.bench.reading import BenchError, first_line, read_rows
from sklearn_bpfree.bench.terminal import plain, say
from sklearn_bpfree.tabular.columns import LeftOutWarning

QUANTILES = (0.05, 0.5, 0.95)


def run_fit(args) -> int:
    """Fit on all rows and save."""
    clock = Clock(args.time_limit)
    if args.trainer:
        check_trainer(args.trainer)
    check_outputs({"--save": args.save}, [args.table], args.force)
    table = read(args, 1, clock)
    say(*map(plain, table.notes))
    default, *others = make_models(table.task, [args.trainer] if args.trainer else [], args.random_state, [])
    model = (others or [default])[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            pipeline = limited(model, clock.left()).fit(table.X, table.y)
        except Exception as error:  # of any estimator; one sentence for the user
            raise BenchError(f"{model.name} cannot be fitted: {first_line(error).rstrip('.')}.") from error
    told = [w.message for w in caught if w.category is not LeftOutWarning]  # which is a note of the table
    for message in dict.fromkeys(map(str, told)):
        say(f"Warning: {plain(message)}", error=True)
    card = ModelCard.of(model.name, table, args.target, args.id)
    write_model(args.save, pipeline, card)
    say(f"Saved {plain(card)}.")
    return 0


def run_predict(args) -> int:
    """Predict and write."""
    check_input(args.model)
    check_input(args.table)
    check_outputs({"--out": args.out}, [args.model, args.table], args.force)
    pipeline, card = open_model(args.model, args.trust)
    say(f"{plain(args.model)}: {plain(card)}.", *map(plain, card.differences()))
    id = args.id or card.id
    frame, notes = read_rows(args.table, [id] if id else [], args.encoding, not args.no_header)
    say(*map(plain, notes))
    columns = {} if id is None else {id: _column(frame, id, args.table)}
    columns |= predictions(pipeline, _features(frame, card, args.table))
    with replacing(args.out) as file:
        file.write(type(frame)(columns).to_csv(index=False).encode("utf-8", "replace"))
    say(f"Wrote {len(frame)} rows to {plain(args.out)}.")
    return 0


def _column(frame, name, path):
    names = {str(known): known for known in frame.columns}
    if name not in names:
        raise BenchError(f"{path} has no column {name!r} to copy; give the name of one with --id.")
    return frame[names[name]].to_numpy()


def _features(frame, card: ModelCard, path):
    """The columns that the model knows, in its order; an error if some are missing."""
    names = {str(name): name for name in frame.columns}
    if missing := [name for name in card.columns if name not in names]:
        listed = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise BenchError(f"{path} is no table for this model: it lacks {listed}, which the model was trained on.")
    return frame[[names[name] for name in card.columns]]


def predictions(pipeline, X) -> dict[str, Any]:
    """What a model says of some rows, as columns: classes and their probabilities, or values and quantiles."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = {"prediction": pipeline.predict(X)}
            if hasattr(pipeline, "predict_proba"):
                odds = pipeline.predict_proba(X)
                found |= {f"probability of {label}": P for label, P in zip(pipeline.classes_, odds.T, strict=True)}
            if quantiles := _quantiles(pipeline):
                values = quantiles(X, QUANTILES)
                found |= {f"quantile {level}": q for level, q in zip(QUANTILES, values.T, strict=True)}
    except Exception as error:  # of any estimator; one sentence for the user
        raise BenchError(f"The model cannot predict these rows: {first_line(error).rstrip('.')}.") from error
    for message in dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning):  # of the table's cells
        say(f"Warning: {plain(message)}", error=True)
    return found


def _quantiles(pipeline):
    """A function that gives quantiles, if the model has them."""
    if hasattr(pipeline, "predict_quantiles"):
        return pipeline.predict_quantiles
    if hasattr(pipeline[-1], "predict_quantiles"):
        return lambda X, levels: pipeline[-1].predict_quantiles(pipeline[:-1].transform(X), levels)
    return None
