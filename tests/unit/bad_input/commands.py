"""Parameters and command lines."""

import sys
from collections.abc import Callable
from pathlib import Path

from cgn.params.reading import read
from experiments import paper, photos
from stages import assets, audit, cue_conflict, digits, in9, train_cgn
from stages.command import run, run_anywhere, run_command
from tests.conftest import copy_params
from tests.unit.bad_input.case import ROOT, Act, Case


def params(old: str, new: str, name: str = "params.yaml") -> Act:
    def act(folder: Path) -> object:
        copy_params(ROOT, folder)
        text = (folder / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, old
        (folder / name).write_bytes(text.replace(old, new).encode("utf-8", "surrogateescape"))
        return read(folder)

    return act


RATE = "    learning_rate: 0.001\n    adam_betas:"


def rate(value: str) -> Act:
    return params(RATE, RATE.replace("0.001", value))


OF_RATE = r"params\.yaml: mnist\.adversarial\.learning_rate: .*, got {}"

PARAMETERS = [
    Case("a rate of NaN", rate(".nan"), OF_RATE.format("nan")),
    Case("a rate of infinity", rate(".inf"), OF_RATE.format("inf")),
    Case("a rate of minus infinity", rate("-.inf"), OF_RATE.format("-inf")),
    Case("a negative rate", rate("-0.001"), OF_RATE.format("-0.001")),
    Case("a rate of 0", rate("0"), OF_RATE.format("0")),
    Case("a rate of text", rate("high"), OF_RATE.format("'high'")),
    Case("a rate of nothing", rate(""), OF_RATE.format("None")),
    Case("a list of rates", rate("[0.1]"), OF_RATE.format(r"\[0\.1\]")),
    Case("a map of rates", rate("{a: 1}"), r"params\.yaml: mnist\.adversarial\.learning_rate: "),
    Case("a rate of yes", rate("true"), r"adversarial: learning_rate: neither true nor false belongs here"),
    Case(
        "an unknown key",
        params(RATE, f"    learning_rte: 1\n{RATE}"),
        r"mnist\.adversarial\.learning_rte: unknown",
    ),
    Case(
        "a key twice",
        params(RATE, f"    learning_rate: 1\n{RATE}"),
        r"params\.yaml: not valid YAML: .*duplicate",
    ),
    Case(
        "a missing key",
        params(RATE, "    adam_betas:"),
        r"params\.yaml.*: mnist\.adversarial\.learning_rate: Field",
    ),
    Case("a negative seed", params("\nseed: 0 ", "\nseed: -1\n"), r"params\.yaml: seed: .*, got -1"),
    Case("a seed of a half", params("\nseed: 0 ", "\nseed: 0.5\n"), r"params\.yaml: seed: .*, got 0\.5"),
    Case("no threads", params("\nthreads: 2\n", "\nthreads: 0\n"), r"params\.yaml: threads: .*, got 0"),
    Case(
        "an unknown device",
        params("\ndevice: cpu ", "\ndevice: tpu\n"),
        r"params\.yaml: device: .*, got 'tpu'",
    ),
    Case(
        "an unknown profile",
        params("\nprofile: laptop\n", "\nprofile: x\n"),
        r"params\.yaml: profile: not one of",
    ),
    Case(
        "a section that is a list", params("\nimagenet:\n", "\nimagenet: []\nx:\n"), r"params\.yaml|budgets"
    ),
    Case("a key that is a number", params("\nseed: 0 ", "\n7: 0\nseed: 0\n"), r"params\.yaml: 7: "),
    Case("YAML broken", params("\nseed: 0 ", "\nseed: [0\n"), r"params\.yaml: not valid YAML: "),
    Case(
        "YAML with a tag",
        params("\nseed: 0 ", "\nseed: !!python/name:os.system x\n"),
        r"params\.yaml: not valid YAML",
    ),
    Case("YAML with a zero byte", params("\nseed: 0 ", "\nseed: \0\n"), r"params\.yaml: not valid YAML"),
    Case(
        "YAML not UTF-8",
        params("\nseed: 0 ", "\nseed: 0 # \udcff\n"),
        r"params\.yaml: not UTF-8 at byte \d+; save",
    ),
    Case(
        "YAML too deep",
        params("\nseed: 0 ", "\nseed: " + "[" * 5000 + "\n"),
        r"params\.yaml: not valid YAML",
    ),
    Case("no params.yaml", read, r"params\.yaml: not found; run from the repository's root"),
    Case(
        "a size of infinity",
        params("image_passes: 320}\ntrain_cgn", "image_passes: .inf}\ntrain_cgn", "budgets/smoke.yaml"),
        r"budgets/smoke\.yaml: train_digit_classifier\.image_passes: .*, got inf",
    ),
    Case(
        "an address that is a file",
        params("https://download.pytorch.org/models/resnet50-", "file:///etc/resnet50-", "assets.yaml"),
        r"assets\.yaml: resnet50\.url: ",
    ),
]


def command(main: Callable[..., None], *words: str, anywhere: bool = False) -> Act:
    def act(folder: Path) -> object:
        copy_params(ROOT, folder)
        sys.argv[1:] = list(words)
        return run_anywhere("test", {"audit": main}) if anywhere else run(main)

    return act


def experiment(name: str, *words: str) -> Act:
    def act(folder: Path) -> object:
        copy_params(ROOT, folder)
        sys.argv[1:] = list(words)
        mains = {"paper": {"run": paper.run, "collect": paper.collect}, "photos": {"photos": photos.main}}
        return run_command(name, mains[name])

    return act


SCORE = ("--model", "efficientnet_lite0", "--out", "o.json")

COMMANDS = [
    Case("no argument", command(train_cgn.main), r"Missing argument 'variant'"),
    Case("an unknown variant", command(train_cgn.main, "colour"), r"colour: not one of colored_mnist"),
    Case("an unknown option", command(digits.main, "--seed", "1"), r"No such option: --seed"),
    Case(
        "one argument too many", command(train_cgn.main, "colored_mnist", "x"), r"unexpected extra argument"
    ),
    Case(
        "no input yet",
        command(train_cgn.main, "colored_mnist"),
        r"colored_mnist\.safetensors: not found; run",
    ),
    Case("no folder of images", command(in9.main, *SCORE, "--data", "x"), r"'x' does not exist"),
    Case(
        "a folder of nothing",
        command(in9.main, *SCORE, "--data", "budgets"),
        r"budgets: no IN-9 images; expected",
    ),
    Case("a file for a folder", command(cue_conflict.main, *SCORE, "--stimuli", "params.yaml"), r"is a file"),
    Case(
        "an unknown model",
        command(in9.main, "--model", "x", "--out", "o", "--data", "."),
        r"x: unknown classifier",
    ),
    Case("no user of that name", command(in9.main, "--data", "~nobody/x", *SCORE), r"does not exist"),
    Case("an unknown asset", command(assets.main, "bigan"), r"bigan: not one of biggan_deep_256"),
    Case(
        "a number of words",
        command(audit.main, "--most", "many", anywhere=True),
        r"'--most': Input should be a valid integer",
    ),
    Case(
        "photos for the audit absent",
        command(audit.main, "--model", "x", "--photos", "~/no-such-photos", "--out", "o", anywhere=True),
        r"no-such-photos: no such folder",
    ),
    Case("a paper run of no seed", experiment("paper", "run"), r"Missing argument 'seed'"),
    Case("no such command", experiment("paper", "rum"), r"No such command 'rum'"),
    Case(
        "a paper run of no such variant",
        experiment("paper", "run", "0", "--variant", "x"),
        r"--variant x: not",
    ),
    Case("-S of no key", experiment("paper", "run", "0", "-S", "mnist.cgn.lambda_musk=1"), r"lambda_musk"),
    Case("-S of no value", experiment("paper", "run", "0", "-S", "seed"), r"-S.*seed"),
    Case(
        "-S of no file",
        experiment("paper", "run", "0", "-S", "budgets/x.yaml:a=1"),
        r"no file budgets/x\.yaml",
    ),
    Case(
        "-S of a list",
        experiment("paper", "run", "0", "-S", "mnist.adversarial.learning_rate=[1,2]"),
        r"_rate: ",
    ),
    Case("photos nowhere", experiment("photos", "x", "--out", "o"), r"PHOTOS=x: no such folder; it holds"),
    Case("photos not given", experiment("photos"), r"Missing argument 'photos'"),
    Case(
        "an audit over the user's files",
        command(audit.main, "--model", "x", "--photos", ".", "--out", "budgets", anywhere=True),
        r"budgets: exists and is not what this command wrote; choose another folder",
    ),
]
