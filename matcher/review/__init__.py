"""What a reviewer sees now and what each key does, as plain values; the terminal is another room's business."""
