"""The commands of ``bpfree``, one module each: `add` describes a command line, and `run` does what it says."""
