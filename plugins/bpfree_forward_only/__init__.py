"""Forward-only methods: what layers learn from comes up with the rows, and nothing is sent down."""
