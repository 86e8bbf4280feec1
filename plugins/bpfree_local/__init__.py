"""Local losses: every hidden layer is taught by a readout of its own and hears nothing from the layers above."""
