"""Names of the packages are there when they are asked for, and what needs none of them imports nothing."""

import subprocess
import sys

import pytest

import sklearn_bpfree
from sklearn_bpfree import bench

UNHEARD = "import sys; sys.exit(any(name in sys.modules for name in ('sklearn', 'numpy', 'scipy', 'pandas')))"


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("package", [sklearn_bpfree, bench])
def test_every_name_is_found_and_listed(package):
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match=f"^module '{package.__name__}' has no attribute 'nothing'$"):
        package.nothing  # noqa: B018


def test_modules_of_a_package_are_found():
    assert not run("import sklearn_bpfree as s; assert s.tabular.ColumnReader and s.bench.reading.read_table").stderr


def test_importing_the_package_imports_no_other():
    assert run(f"import sklearn_bpfree, sklearn_bpfree.bench; {UNHEARD}").returncode == 0


def test_the_default_for_tables_imports_no_forests_and_no_words_of_texts():
    heard = "import sys; print({'sklearn.ensemble', 'sklearn.feature_extraction'} & {*sys.modules})"
    made = run(f"from sklearn_bpfree import tabular_pipeline; tabular_pipeline('classifier'); {heard}")
    assert made.stdout.strip() == "set()"


@pytest.mark.parametrize("argv", [["--help"], ["bench", "--help"], ["--version"], ["fit", "t.csv"], ["nothing"]])
def test_a_command_that_does_no_work_imports_no_library(argv):
    code = f"from sklearn_bpfree.bench.cli import main\ntry: main({argv})\nexcept SystemExit: pass\n{UNHEARD}"
    assert run(code).returncode == 0
