"""What flows: ticks to bars to indicators, capture and replay."""
