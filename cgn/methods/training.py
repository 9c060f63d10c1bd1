"""The loop that every classifier goes through: the same for all methods, data sets and worlds."""

import logging
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file

from cgn.data.sources import Images, Source
from cgn.io.files import atomic_folder
from cgn.io.histories import write_history
from cgn.methods.algorithm import Algorithm
from cgn.metrics.accuracy import accuracy, predict
from cgn.networks.classifier import WEIGHTS, Signature, write_signature
from cgn.training.checkpoint import Checkpoint
from cgn.training.loop import History, Loop

HISTORY = "history.csv"

log = logging.getLogger(__name__)


def steps_for(image_passes: int, images_per_step: int, epochs: int) -> int:
    """How many updates spend a budget of `image_passes`: at least one for each of `epochs`."""
    return max(epochs, image_passes // images_per_step)


def train(
    algorithm: Algorithm,  # a new one, with `steps` updates to do
    source: Source,  # one minibatch of each environment for every step
    validation: Images,  # of the training distribution; only reported
    checkpoint: Checkpoint,  # from where a killed run goes on
    device: torch.device,
    description: str = "training",  # of the progress bar
) -> History:
    """Train to the end. Returns one row for each equal part of the run ("epoch") of one learning rate.

    A row: epoch (1, 2, ...), image_passes so far, the mean of every value that `update` returns over the
    part ("loss" in nats, ...) and validation_accuracy (percent). The result is a function of the arguments
    alone, whether or not the run was interrupted.
    """
    algorithm.to(device)
    algorithm.network.train()  # of a network that was loaded to be trained on, every part
    steps, epochs = algorithm.steps, algorithm.schedule.decays
    loop = Loop(steps, checkpoint, description)
    loop.keep_value("algorithm", algorithm.state, algorithm.load_state)
    for step in loop:
        # Learn from one minibatch of each environment.
        minibatches = [batch.to(device) for batch in source.minibatches(step)]
        loop.record(**algorithm.update(minibatches))

        # Report at the end of each part.
        if loop.done * epochs // steps > step * epochs // steps:
            predicted = predict(algorithm, validation.images)
            loop.record(validation_accuracy=accuracy(predicted, validation.labels))
            images = sum(len(batch.labels) for batch in minibatches)  # in every step as many
            loop.add_row(epoch=len(loop.history) + 1, image_passes=loop.done * images)
    return loop.history


class Run(NamedTuple):
    """One method on its data, and where its weights and history go."""

    folder: Path
    algorithm: Algorithm
    source: Source
    checkpoint: Checkpoint
    description: str


def train_and_save(
    runs: Sequence[Run],
    validation: Images,
    threads: int,
    device: torch.device,
    signature: Signature | None = None,
) -> None:
    """`train` each of a stage's runs, then write every network's weights and history into its folder.

    With them goes the `signature` of classifiers that others load; those of digits need none.

    The runs share `threads`: as many as that go on at once, the longest first, each with an equal part.
    (Batches are small: two runs with a thread each are faster than one after the other with two.) A run that
    has ended keeps its checkpoint until all are written: a stage killed later does not repeat it.
    """
    at_once = min(threads, len(runs))
    longest_first = sorted(runs, key=lambda run: run.algorithm.steps, reverse=True)

    def train_one(run: Run) -> tuple[Run, History]:
        return run, train(run.algorithm, run.source, validation, run.checkpoint, device, run.description)

    with ThreadPool(at_once, initializer=torch.set_num_threads, initargs=(threads // at_once,)) as pool:
        trained = list(pool.imap_unordered(train_one, longest_first))
    for run, history in trained:
        with atomic_folder(run.folder) as temporary:
            weights = {
                name: value.cpu().contiguous() for name, value in run.algorithm.network.state_dict().items()
            }
            save_file(weights, temporary / WEIGHTS)
            write_history(temporary / HISTORY, history)
            if signature is not None:
                write_signature(temporary, signature)
        reached = history[-1]["validation_accuracy"]
        log.info(
            "%s: validation accuracy %.1f %%; weights and history are in %s",
            run.description, reached, run.folder,
        )  # fmt: skip
    for run in runs:
        run.checkpoint.remove()
