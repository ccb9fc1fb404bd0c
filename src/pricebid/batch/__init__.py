"""Work cut into partitions, with checkpoints: runs a callable it is given. See ``docs/jobs.md``."""

from pricebid.batch.checkpoints import Checkpoints, InFolder, InMemory
from pricebid.batch.executors import Executor, Here, Processes
from pricebid.batch.partition import Partition, blocks
from pricebid.batch.run import run

__all__ = [
    "Checkpoints",
    "Executor",
    "Here",
    "InFolder",
    "InMemory",
    "Partition",
    "Processes",
    "blocks",
    "run",
]
