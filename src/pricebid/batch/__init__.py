"""Work cut into partitions, with checkpoints."""
