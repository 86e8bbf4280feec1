"""NoProp: blocks that learn to denoise a label embedding, each on its own."""
