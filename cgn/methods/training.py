"""The training of classifiers, the same for all methods, data sets and worlds."""

import logging
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file

from cgn import ranks
from cgn.data.sources import Source, Split
from cgn.io.files import atomic_folder
from cgn.io.histories import write_history
from cgn.methods.algorithm import Algorithm
from cgn.metrics.accuracy import predict
from cgn.networks.classifier import WEIGHTS, Signature, write_signature
from cgn.training import joint
from cgn.training.checkpoint import Checkpoint
from cgn.training.loop import History, Loop

HISTORY = "history.csv"
AT_ONCE = 500  # images of the validation

log = logging.getLogger(__name__)


def steps_for(image_passes: int, images_per_step: int, epochs: int) -> int:
    """The number of updates for a budget of `image_passes` images, at least one for each of `epochs`."""
    return max(epochs, image_passes // images_per_step)


def train(
    algorithm: Algorithm,  # a new one, with `steps` updates to do
    source: Source,  # one minibatch of each environment for every step
    validation: Split,  # of the training distribution; their accuracy is only reported
    checkpoint: Checkpoint,
    device: torch.device,
    description: str = "training",  # label of the progress bar
) -> History:
    """Trains an algorithm. Returns a row for each "epoch", one of the equal parts of the training.

    A row has epoch (1, 2, ...), image_passes so far, the mean over the epoch of every value that `update`
    returns ("loss" in nats, ...) and validation_accuracy (percent). An interrupted run gives the same result
    as an uninterrupted one.
    """
    algorithm.to(device)
    algorithm.network.train()  # a backbone that was loaded is in evaluation mode
    steps, epochs = algorithm.steps, algorithm.schedule.decays
    loop = Loop(steps, checkpoint, description)
    loop.keep_value("algorithm", algorithm.state, algorithm.load_state)
    for step in loop:
        minibatches = [batch.to(device) for batch in source.minibatches(step)]
        loop.record(**joint.mean_of(algorithm.update(minibatches)))

        if loop.done * epochs // steps > step * epochs // steps:
            loop.record(validation_accuracy=_accuracy(algorithm, validation))
            images = ranks.count() * sum(len(batch.labels) for batch in minibatches)  # equal in all steps
            loop.add_row(epoch=len(loop.history) + 1, image_passes=loop.done * images)
    return loop.history


def _accuracy(algorithm: Algorithm, images: Split) -> float:
    """The accuracy in percent; the ranks share the images."""
    joint.copy_buffers(algorithm.network)
    hits = sum(
        int(np.sum(predict(algorithm, part.images) == part.labels)) for part in images.batches(AT_ONCE)
    )
    return sum(ranks.gathered([hits])) / len(images.labels) * 100


class Run(NamedTuple):
    """One method with its data, and the folder for its weights and history."""

    folder: Path
    algorithm: Algorithm
    source: Source
    checkpoint: Checkpoint
    description: str


def train_and_save(
    runs: Sequence[Run],
    validation: Split,
    threads: int,
    device: torch.device,
    signature: Signature | None = None,
) -> None:
    """Trains all runs of a stage, then writes weights and history of each to its folder.

    `signature`, if given, is written beside them; classifiers of digits need none.

    At most `threads` runs are trained at once, the longest first, and they share the threads equally.
    (Batches are small, so two runs with one thread each are faster than one after the other with two.) All
    checkpoints are kept until all runs are written, so a stage that is killed does not repeat runs that have
    ended.
    """
    at_once = min(threads, len(runs))
    longest_first = sorted(runs, key=lambda run: run.algorithm.steps, reverse=True)

    def train_one(run: Run) -> tuple[Run, History]:
        return run, train(run.algorithm, run.source, validation, run.checkpoint, device, run.description)

    if at_once == 1:  # in this thread, of which ranks have a GPU each
        trained = list(map(train_one, longest_first))
    else:
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
