"""Forward-forward: every layer tells good rows from bad ones by its own activity, and nothing comes down."""
