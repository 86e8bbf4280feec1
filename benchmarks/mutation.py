"""Mutate modules one place at a time and see whether their tests notice: the mutants are cosmic-ray's.

    pip install cosmic-ray
    python benchmarks/mutation.py [--sample 60] [--seed 0] [--minutes 15] [MODULE ...]

MODULE is a path such as sklearn_bpfree/estimators/records.py, or the name of a floor such as bench. Each mutant is run
against the module's mirror test (tests/estimators/test_records.py), and where there is none against all tests of its
floor. It works on a copy of the checkout: a process that has imported the libraries is forked for every mutant, so that
one takes about as long as its tests. Mutants that change nothing but an annotation or a docstring are left out. Prints
the survivors, line by line, which are to be looked at: some are no faults.
"""

import argparse
import ast
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from itertools import islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
MODULES = ("nn", "linear", "plugin", "estimators", "tabular", "bench")
ARGUMENTS = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore"]
SECONDS = 60  # longest run of the tests that does not count as hanging, beside three times what they usually take
MORE = {  # tests that a module is tested by besides its mirror
    "estimators/base": ["estimators/test_estimators.py"],
    "estimators/checking": ["estimators/test_bad_input.py", "estimators/test_estimators.py"],
    "estimators/classifier": ["estimators/test_estimators.py"],
    "estimators/regressor": ["estimators/test_estimators.py"],
    "estimators/parameters": ["estimators/test_bad_input.py"],
    "estimators/disk": ["bench/test_files.py", "estimators/test_checkpoint.py"],
    "estimators/fit_file": ["estimators/test_checkpoint.py"],
    "bench/comparison": ["bench/test_commands_bench.py", "bench/test_cli.py"],
    "bench/memory": ["bench/test_files.py", "bench/test_frames.py"],
}


def tests_of(module: Path) -> list[str]:
    """Files that test a module of the package."""
    name = module.relative_to("sklearn_bpfree").with_suffix("")
    mirror = Path("tests") / name.parent / f"test_{name.name}.py"
    if name.parent.name == "commands":
        mirror = Path("tests/bench") / f"test_commands_{name.name}.py"
    found = [str(mirror)] if (ROOT / mirror).exists() else []
    found += [f"tests/{more}" for more in MORE.get(str(name), [])]
    return found or [f"tests/{name.parts[0]}"]


def mutants_of(module: Path, rng: random.Random):
    """The mutants of a module in random order: (line, operator, mutated source)."""
    from cosmic_ray.ast import get_ast_from_path
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    source = (ROOT / module).read_text(encoding="utf-8")
    every, bare, places = list(nodes(get_ast_from_path(ROOT / module))), without_words(source), []
    for name in sorted(operator_names()):
        if not name.startswith("core/Variable"):  # they take parameters
            operator = get_operator(name)()
            found = [place for node in every for place in operator.mutation_positions(node)]
            places += [(place[0][0], name, operator, occurrence) for occurrence, place in enumerate(found)]
    rng.shuffle(places)
    for line, name, operator, occurrence in places:
        mutated = mutate_code(source, operator, occurrence)
        with contextlib.suppress(SyntaxError):
            if mutated is not None and without_words(mutated) != bare:
                yield line, name.removeprefix("core/"), mutated


def nodes(tree):
    yield tree
    for child in getattr(tree, "children", ()):
        yield from nodes(child)


class _Words(ast.NodeTransformer):
    """Takes annotations and docstrings out."""

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node):
        node.annotation = ast.Name("object")
        return self.generic_visit(node)

    def visit_Expr(self, node):
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)


def without_words(source) -> str:
    return ast.dump(_Words().visit(ast.parse(source)))


def copy_of_checkout(folder: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


COMMON = """
    pytest hypothesis.strategies importlib.metadata joblib matplotlib.pyplot narwhals numpy.testing pandas scipy.linalg
    scipy.optimize scipy.sparse scipy.special scipy.stats sklearn.compose sklearn.datasets sklearn.ensemble
    sklearn.inspection sklearn.linear_model sklearn.model_selection sklearn.neural_network sklearn.pipeline
    sklearn.utils.estimator_checks threadpoolctl
""".split()


def warm_up() -> None:
    """Import what the tests import, so that forked processes need not."""
    for name in COMMON:
        import_module(name)


def passes(folder: Path, tests, seconds) -> bool | None:
    """Whether the tests pass in a forked process; None if they take too long."""
    child = os.fork()
    if not child:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.chdir(folder)
        sys.path[:0] = [str(folder), str(folder / "plugins")]
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
        sys.dont_write_bytecode = True
        import pytest

        os._exit(pytest.main([*ARGUMENTS, *tests]))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main():
    """Sample, run, print the survivors."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=MODULES, metavar="MODULE")
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=15)
    args = parser.parse_args()
    warm_up()
    modules = []
    for name in args.modules:
        path = Path(name)
        found = [path] if path.suffix else sorted((ROOT / "sklearn_bpfree" / name).rglob("*.py"))
        modules += [(p.relative_to(ROOT) if p.is_absolute() else p) for p in found if p.name != "__init__.py"]
    rng, begin = random.Random(args.seed), time.monotonic()
    chosen = []
    for module in rng.sample(modules, len(modules)):
        share = -(-args.sample // len(modules))
        chosen += [(module, *mutant) for mutant in islice(mutants_of(module, rng), share)]
    rng.shuffle(chosen)
    counts, usual = {"caught": 0, "survived": 0, "too long": 0}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_of_checkout(folder)
        for module, line, operator, mutated in chosen[: args.sample]:
            if time.monotonic() - begin > 60 * args.minutes:
                break
            tests = tests_of(module)
            if module not in usual:
                start = time.monotonic()
                if not passes(folder, tests, 600):
                    print(f"{' '.join(tests)} fail without any mutant; left out", flush=True)
                    usual[module] = None
                    continue
                usual[module] = time.monotonic() - start
            if usual[module] is None:
                continue
            source = (folder / module).read_text(encoding="utf-8")
            (folder / module).write_text(mutated, encoding="utf-8")
            passed = passes(folder, tests, SECONDS + 3 * usual[module])
            (folder / module).write_text(source, encoding="utf-8")
            word = {True: "survived", False: "caught", None: "too long"}[passed]
            counts[word] += 1
            if passed:
                old, new = source.splitlines(), mutated.splitlines()
                k = next((k for k, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), line - 1)
                print(f"{module}:{k + 1} {operator}\n  - {old[k].strip()}\n  + {new[k].strip()}", flush=True)
    print(", ".join(f"{count} {word}" for word, count in counts.items()))


if __name__ == "__main__":
    main()
