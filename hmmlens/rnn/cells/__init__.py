"""Recurrent cells without a layer in torch: minimal gates, state spaces, xLSTM and RWKV."""
