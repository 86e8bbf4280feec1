"""``python -m sklearn_bpfree`` is the command ``bpfree``."""

from sklearn_bpfree.bench.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
